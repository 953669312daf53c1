/** How a diagnostic is defined: a stable code, a typed message, and a long form for `lmc explain`. */
import type { Diagnostic, Note, Severity } from './diagnostic.ts';
import type { Span } from './span.ts';

export interface DiagnosticDefinition<Args> {
  /** `LM` and four digits: 01xx syntax, 02xx names, 03xx types and shapes, 04xx tasks and data. Never reused. */
  readonly code: string;
  readonly severity: Severity;
  /** One lowercase sentence without a final stop; names and code in backticks. */
  readonly message: (args: Args) => string;
  /** What the rule is and why, then an example of it, written `wrong:` and `right:`, each indented by four. */
  readonly explain: string;
}

/** Makes the diagnostic at a place; carries what the catalogue needs to know of its code. */
export interface DiagnosticMaker<Args> {
  (span: Span, args: Args, notes?: readonly Note[]): Diagnostic;
  readonly code: string;
  readonly severity: Severity;
  readonly explanation: string;
}

export function defineDiagnostic<Args extends object = Record<never, never>>(
  definition: DiagnosticDefinition<Args>,
): DiagnosticMaker<Args> {
  const { code, severity, message, explain } = definition;
  const make = (span: Span, args: Args, notes: readonly Note[] = []): Diagnostic => ({
    code,
    severity,
    span,
    message: message(args),
    notes,
  });
  return Object.assign(make, { code, severity, explanation: explain.trim() });
}

/** A second place, or a fact, that explains the first. */
export function note(message: string, span?: Span): Note {
  return span === undefined ? { kind: 'note', message } : { kind: 'note', message, span };
}

/** What to do about it: printed as `help: …`. */
export function help(message: string): Note {
  return { kind: 'help', message };
}
