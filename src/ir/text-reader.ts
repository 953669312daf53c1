/** A cursor over the text form of graphs: one statement a line, errors with line and column. */
import { addDims, constantDim, multiplyDims, symbolDim, type Dim } from './dim.ts';

/** The text is not a graph. For people who write or edit one. */
export class GraphSyntaxError extends Error {
  override readonly name = 'GraphSyntaxError';
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number) {
    super(`${line}:${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

/** Names that need no quotes: of ops, values, states. */
const WORD = /[A-Za-z_][\w./-]*/y;
const SYMBOL = /[A-Za-z_][\w.$]*/y;
const INTEGER = /-?\d+/y;
const NUMBER = /-?(?:inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)|nan/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
/** Spaces; comments are whole lines that start with `#`. */
const BLANK_LINES = /(?:[ \t\r]*(?:#[^\n]*)?(?:\n|$))*[ \t]*/y;
const MAX_DEPTH = 64;

export class TextReader {
  readonly #text: string;
  #offset = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws: what was expected here. */
  fail(message: string, offset = this.#offset): never {
    const before = this.#text.slice(0, offset).split('\n');
    throw new GraphSyntaxError(message, before.length, (before.at(-1)?.length ?? 0) + 1);
  }

  /** Where the next thing starts, for messages about it once it is read. */
  get offset(): number {
    this.#skipSpaces();
    return this.#offset;
  }

  /** What stands here, for messages. */
  found(): string {
    const rest = this.#text.slice(this.#offset, this.#offset + 24).split('\n')[0] ?? '';
    if (rest !== '') return `found \`${rest}\``;
    return this.#offset >= this.#text.length ? 'found the end of the text' : 'found the end of the line';
  }

  /** Skips spaces, then takes the literal if it is next. */
  take(literal: string): boolean {
    if (!this.startsWith(literal)) return false;
    this.#offset += literal.length;
    return true;
  }

  startsWith(literal: string): boolean {
    this.#skipSpaces();
    return this.#text.startsWith(literal, this.#offset);
  }

  expect(literal: string): void {
    if (!this.take(literal)) this.fail(`expected \`${literal}\`, ${this.found()}`);
  }

  /** Takes the word if it is next and ends there. */
  takeWord(word: string): boolean {
    const start = this.#offset;
    if (this.#match(WORD) === word) return true;
    this.#offset = start;
    return false;
  }

  wordIfAny(): string | undefined {
    return this.#match(WORD);
  }

  word(what: string): string {
    return this.wordIfAny() ?? this.fail(`expected ${what}, ${this.found()}`);
  }

  /** A word or a string in double quotes. */
  name(what: string): string {
    return this.nameIfAny() ?? this.fail(`expected ${what}, ${this.found()}`);
  }

  nameIfAny(): string | undefined {
    this.#skipSpaces();
    const start = this.#offset;
    const quoted = this.#match(STRING);
    if (quoted === undefined) return this.#match(WORD);
    try {
      return String(JSON.parse(quoted));
    } catch {
      return this.fail('this string has an escape that JSON does not know', start);
    }
  }

  integer(what: string): number {
    this.#skipSpaces();
    const start = this.#offset;
    const value = Number(this.#match(INTEGER) ?? this.fail(`expected ${what}, ${this.found()}`));
    return Number.isSafeInteger(value) ? value : this.fail(`${what} is too large`, start);
  }

  number(): number {
    const text = this.#match(NUMBER) ?? this.fail(`expected a number, ${this.found()}`);
    if (text === 'nan') return Number.NaN;
    return Number(text.replace('inf', 'Infinity'));
  }

  /** `4*seq*batch+2*seq-1` */
  dim(): Dim {
    let dim = this.#term(this.take('-') ? -1 : 1);
    for (;;) {
      if (this.take('+')) dim = addDims(dim, this.#term(1));
      else if (this.take('-')) dim = addDims(dim, this.#term(-1));
      else return dim;
    }
  }

  #term(sign: number): Dim {
    let product = constantDim(sign);
    do {
      const symbol = this.#match(SYMBOL);
      const factor = symbol === undefined ? constantDim(this.integer('a size')) : symbolDim(symbol);
      product = multiplyDims(product, factor);
    } while (this.take('*'));
    return product;
  }

  /** `open item, item close` */
  list<T>(open: string, close: string, item: () => T): readonly T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.take(close)) return items;
    do items.push(item());
    while (this.take(','));
    this.expect(close);
    return items;
  }

  /** The rest of the line must be empty; goes to the next line with something on it. */
  endLine(): void {
    this.#skipSpaces();
    const here = this.#text[this.#offset];
    if (here !== undefined && here !== '\n' && here !== '\r')
      this.fail(`expected the end of the line, ${this.found()}`);
    this.skipBlankLines();
  }

  skipBlankLines(): void {
    this.#match(BLANK_LINES);
  }

  get atEnd(): boolean {
    return this.#offset >= this.#text.length;
  }

  /** Runs a rule that may contain itself; bounds how deep. */
  nested<T>(rule: () => T): T {
    if (this.#depth >= MAX_DEPTH) this.fail('this is nested too deeply');
    this.#depth++;
    try {
      return rule();
    } finally {
      this.#depth--;
    }
  }

  #skipSpaces(): void {
    while (this.#text[this.#offset] === ' ' || this.#text[this.#offset] === '\t') this.#offset++;
  }

  #match(pattern: RegExp): string | undefined {
    if (pattern !== BLANK_LINES) this.#skipSpaces();
    pattern.lastIndex = this.#offset;
    const matched = pattern.exec(this.#text)?.[0];
    if (matched !== undefined) this.#offset += matched.length;
    return matched;
  }
}

/** A name as `TextReader.name` reads it. */
export function printName(name: string): string {
  return /^[A-Za-z_][\w./-]*$/.test(name) ? name : JSON.stringify(name);
}

/** A number as `TextReader.number` reads it, exactly. */
export function printNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (Object.is(value, -0)) return '-0';
  return String(value).replace('Infinity', 'inf');
}
