/** A file's text with its lines: offsets to spans. */
import type { Position, Span } from '../diagnostics/span.ts';

export class SourceText {
  readonly text: string;
  readonly file: string;
  readonly #lineStarts: number[] = [0];

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
    for (let offset = 0; offset < text.length; offset += 1) {
      const code = text.charCodeAt(offset);
      // A carriage return before a line feed belongs to the same end of line.
      if (code === 10 || (code === 13 && text.charCodeAt(offset + 1) !== 10))
        this.#lineStarts.push(offset + 1);
    }
  }

  position(offset: number): Position {
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { offset, line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  /** The line around a place, without its end. */
  lineAt(offset: number): string {
    const { line } = this.position(offset);
    return this.text.slice(this.#lineStarts[line - 1], this.#lineStarts[line]).replace(/[\r\n]+$/, '');
  }

  /** `end` is exclusive. */
  span(start: number, end: number): Span {
    return { file: this.file, start: this.position(start), end: this.position(end) };
  }
}
