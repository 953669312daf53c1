/** Diagnostics as text for people, in the manner of rustc: code, place, the lines themselves, what to do. */
import type { Diagnostic, Note, Severity } from './diagnostic.ts';
import { formatSpan, type Span } from './span.ts';

export interface RenderOptions {
  /** The text behind a span's `file`; undefined where it cannot be read. */
  readonly readFile: (file: string) => string | undefined;
  readonly color: boolean;
  /** Width of the terminal: longer lines are cut around the place. */
  readonly columns: number;
}

/** Ends with a line such as `2 errors, 1 warning`; the empty string where there is nothing to say. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], options: RenderOptions): string {
  if (diagnostics.length === 0) return '';
  const renderer = new Renderer(options);
  return `${[...diagnostics.map((diagnostic) => renderer.render(diagnostic)), countDiagnostics(diagnostics)].join('\n\n')}\n`;
}

/** `2 errors, 1 warning` */
export function countDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: Severity): string | undefined => {
    const { length } = diagnostics.filter((diagnostic) => diagnostic.severity === severity);
    return length === 0 ? undefined : `${length} ${severity}${length === 1 ? '' : 's'}`;
  };
  return [count('error'), count('warning')].filter((part) => part !== undefined).join(', ');
}

const styles = {
  error: '1;31',
  warning: '1;33',
  note: '1;36',
  help: '1;32',
  bold: '1',
  frame: '1;34',
} as const;

class Renderer {
  readonly #options: RenderOptions;
  readonly #files = new Map<string, readonly string[] | undefined>();

  constructor(options: RenderOptions) {
    this.#options = options;
  }

  render({ code, severity, span, message, notes }: Diagnostic): string {
    const head = `${this.#style(severity, `${severity}[${code}]`)}${this.#style('bold', `: ${clean(message)}`)}`;
    const window = this.#window(span);
    const lines = [head, ...this.#frame(span, window, severity, '^')];
    // Second places on the same line stand under it, the others have a frame of their own.
    const rest = notes.filter((note) => {
      const label = window && note.span && this.#label(note, note.span, span, window);
      if (label === undefined) return true;
      lines.push(label);
      return false;
    });
    for (const note of rest) lines.push(...this.#note(note, span));
    return lines.join('\n');
  }

  /** A note on the place of the diagnostic itself repeats no lines. */
  #note({ kind = 'note', message, span }: Note, primary: Span): readonly string[] {
    const head = `${this.#style(kind, kind)}: ${clean(message)}`;
    if (span === undefined || isSamePlace(span, primary)) return [head];
    return [head, ...this.#frame(span, this.#window(span), kind, '-')];
  }

  /** `--- note: …` under a part of the primary line that is shown. */
  #label({ kind = 'note', message }: Note, span: Span, primary: Span, window: Window): string | undefined {
    const isOnLine = span.file === primary.file && span.start.line === primary.start.line;
    const [from, to] = [span.start.column - 1, span.end.column - 1];
    if (!isOnLine || isSamePlace(span, primary) || span.end.line !== span.start.line) return undefined;
    if (from < window.start || to > window.end) return undefined;
    const mark = this.#style(kind, `${this.#mark(window, from, to, '-')} ${kind}: ${clean(message)}`);
    return `${window.gutter} ${this.#style('frame', '|')} ${blank(window, from)}${mark}`;
  }

  /** The place and its line with a mark under the part that is meant; of a longer part, under its first line. */
  #frame(
    span: Span,
    window: Window | undefined,
    style: keyof typeof styles,
    mark: string,
  ): readonly string[] {
    const gutter = window?.gutter ?? ' '.repeat(String(span.start.line).length);
    const place = `${gutter}${this.#style('frame', '-->')} ${formatSpan(span)}`;
    if (window === undefined) return [place];
    const { text, start, end } = window;
    const from = Math.min(span.start.column - 1, text.length);
    const to = span.end.line === span.start.line ? span.end.column - 1 : text.trimEnd().length;
    const shown = `${start > 0 ? '…' : ''}${clean(text.slice(start, end))}${end < text.length ? '…' : ''}`;
    const bar = this.#style('frame', '|');
    return [
      place,
      `${gutter} ${bar}`,
      `${this.#style('frame', String(span.start.line))} ${bar} ${shown}`.trimEnd(),
      `${gutter} ${bar} ${blank(window, from)}${this.#style(style, this.#mark(window, from, to, mark))}`,
    ];
  }

  #mark({ text, end }: Window, from: number, to: number, mark: string): string {
    return mark.repeat(Math.max(1, displayWidth(clean(text.slice(from, Math.min(to, end))))));
  }

  /** The part of the line that fits; undefined where the text cannot be read. */
  #window(span: Span): Window | undefined {
    const text = this.#linesOf(span.file)?.[span.start.line - 1];
    if (text === undefined) return undefined;
    const gutter = ' '.repeat(String(span.start.line).length);
    const room = Math.max(30, this.#options.columns - gutter.length - 3);
    if (text.length <= room) return { text, gutter, start: 0, end: text.length };
    const from = Math.min(span.start.column - 1, text.length);
    const left = Math.max(0, Math.min(from - Math.floor(room / 3), text.length - room));
    const right = left + room;
    // A sign for what is left out takes the place of one character on its side.
    return { text, gutter, start: left > 0 ? left + 1 : 0, end: right < text.length ? right - 1 : right };
  }

  #linesOf(file: string): readonly string[] | undefined {
    if (!this.#files.has(file)) this.#files.set(file, this.#options.readFile(file)?.split(/\r\n|\n|\r/));
    return this.#files.get(file);
  }

  #style(style: keyof typeof styles, text: string): string {
    return this.#options.color ? `\u001B[${styles[style]}m${text}\u001B[0m` : text;
  }
}

/** A line as it is shown: from `start` to `end`. */
interface Window {
  readonly text: string;
  readonly gutter: string;
  readonly start: number;
  readonly end: number;
}

/** As wide as the shown line up to a place; tabs stay, so that marks stand under their text. */
function blank({ text, start }: Window, to: number): string {
  const before = (start > 0 ? '…' : '') + clean(text.slice(start, to));
  return before.replaceAll(/[^\t]/gu, (character) => ' '.repeat(displayWidth(character)));
}

function isSamePlace(a: Span, b: Span): boolean {
  return a.file === b.file && a.start.offset === b.start.offset && a.end.offset === b.end.offset;
}

/** A file may hold anything; nothing of it may steer the terminal. One character stays one. */
function clean(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    /[\u0000-\u0008\u000A-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/gu,
    '\uFFFD',
  );
}

/** Terminals give wide characters two cells. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/^\p{M}$/u.test(character)) continue;
    const wide =
      /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uFF01-\uFF60]$/u;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}
