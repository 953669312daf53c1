/** Places in source text. Offsets are UTF-16 code units from the start of the file; lines and columns start at 1. */

export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export interface Span {
  /** Path as the user wrote it (relative to the working directory), or `std/nn.lm` for the library. */
  readonly file: string;
  readonly start: Position;
  /** Exclusive. */
  readonly end: Position;
}

/** `file:line:column`, the form that terminals and editors link. */
export function formatSpan(span: Span): string {
  return `${span.file}:${span.start.line}:${span.start.column}`;
}
