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
    const lines = [head, ...this.#frame(span, severity, '^')];
    for (const note of notes) lines.push(...this.#note(note, span));
    return lines.join('\n');
  }

  /** A note on the place of the diagnostic itself repeats no lines. */
  #note({ kind = 'note', message, span }: Note, primary: Span): readonly string[] {
    const head = `${this.#style(kind, kind)}: ${clean(message)}`;
    const isSame =
      span?.file === primary.file &&
      span.start.offset === primary.start.offset &&
      span.end.offset === primary.end.offset;
    return span === undefined || isSame ? [head] : [head, ...this.#frame(span, kind, '-')];
  }

  /** The place and its line with a mark under the part that is meant; of a longer part, under its first line. */
  #frame(span: Span, style: keyof typeof styles, mark: string): readonly string[] {
    const text = this.#linesOf(span.file)?.[span.start.line - 1];
    const number = String(span.start.line);
    const gutter = ' '.repeat(number.length);
    const place = `${gutter}${this.#style('frame', '-->')} ${formatSpan(span)}`;
    if (text === undefined) return [place];
    const from = Math.min(span.start.column - 1, text.length);
    const to =
      span.end.line === span.start.line ? Math.min(span.end.column - 1, text.length) : text.trimEnd().length;
    const { before, marked, after } = this.#cut(text, from, Math.max(to, from), number.length + 3);
    const width = Math.max(1, displayWidth(marked));
    const bar = this.#style('frame', '|');
    return [
      place,
      `${gutter} ${bar}`,
      `${this.#style('frame', number)} ${bar} ${before}${marked}${after}`.trimEnd(),
      `${gutter} ${bar} ${before.replaceAll(/[^\t]/gu, (character) => ' '.repeat(displayWidth(character)))}${this.#style(style, mark.repeat(width))}`,
    ];
  }

  /** The part of a line that fits, with `…` where something was left out. */
  #cut(
    line: string,
    from: number,
    to: number,
    margin: number,
  ): { before: string; marked: string; after: string } {
    const room = Math.max(30, this.#options.columns - margin);
    let [start, end] = [0, line.length];
    if (line.length > room) {
      start = Math.max(0, Math.min(from - Math.floor(room / 3), line.length - room));
      end = Math.min(line.length, start + room);
    }
    const stop = Math.min(to, end);
    return {
      before: (start > 0 ? '…' : '') + clean(line.slice(start > 0 ? start + 1 : 0, from)),
      marked: clean(line.slice(from, stop)),
      after: clean(line.slice(stop, end < line.length ? end - 1 : end)) + (end < line.length ? '…' : ''),
    };
  }

  #linesOf(file: string): readonly string[] | undefined {
    if (!this.#files.has(file)) this.#files.set(file, this.#options.readFile(file)?.split(/\r\n|\n|\r/));
    return this.#files.get(file);
  }

  #style(style: keyof typeof styles, text: string): string {
    return this.#options.color ? `\u001B[${styles[style]}m${text}\u001B[0m` : text;
  }
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
