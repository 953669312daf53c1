/** Diagnostics for tools: flat, one-based, with nothing but strings and numbers. */
import type { Diagnostic, Severity } from './diagnostic.ts';
import type { Span } from './span.ts';

export interface PlaceJson {
  readonly file: string;
  /** From 1; columns in UTF-16 code units; the end is exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface DiagnosticJson extends PlaceJson {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly notes: readonly (Partial<PlaceJson> & {
    readonly kind: 'note' | 'help';
    readonly message: string;
  })[];
}

export function diagnosticToJson({ code, severity, message, span, notes }: Diagnostic): DiagnosticJson {
  return {
    code,
    severity,
    message,
    ...placeToJson(span),
    notes: notes.map((note) => ({
      kind: note.kind ?? 'note',
      message: note.message,
      ...(note.span === undefined ? {} : placeToJson(note.span)),
    })),
  };
}

function placeToJson({ file, start, end }: Span): PlaceJson {
  return { file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}
