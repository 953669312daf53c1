/**
 * The formatter of `.lm` text. It keeps the author's lines and comments and settles what is between and before the
 * words: indentation by two, one blank line at most, blanks around signs. Signs of equality and comments that the
 * author aligned stay aligned. Formatting twice is formatting once.
 */
import type { IToken } from 'chevrotain';
import { InternalError, Reporter } from '../diagnostics/diagnostic.ts';
import type { SourceFile } from './ast.ts';
import { parseSource } from './index.ts';
import { layOut } from './layout.ts';
import { lex } from './lex.ts';
import { SourceText } from './source-text.ts';
import { isSpaced, type Bracket } from './spacing.ts';
import * as t from './tokens.ts';

/** Undefined where the text has errors, which are reported. */
export function formatSource(text: string, file: string, reporter: Reporter): string | undefined {
  const own = new Reporter();
  const before = parseSource(text, file, own);
  for (const diagnostic of own.diagnostics) reporter.report(diagnostic);
  if (own.hasErrors) return undefined;
  const result = new Formatter(new SourceText(text, file)).run();
  const after = parseSource(result, file, new Reporter());
  if (withoutPlaces(before) !== withoutPlaces(after))
    throw new InternalError(`formatting ${file} changed its meaning`);
  return result;
}

/** The tree alone: equal for two texts that mean the same. */
export function withoutPlaces(file: SourceFile): string {
  return JSON.stringify(file, (key, value: unknown) =>
    key === 'span' || key === 'operatorSpan' ? undefined : value,
  );
}

interface Line {
  readonly tokens: readonly IToken[];
  readonly comment: IToken | undefined;
}

/** A line as it will be: its code up to a sign of equality that may be aligned, the rest, its comment. */
interface Piece {
  indent: number;
  readonly left: string;
  /** From the sign of equality on; empty where there is none of its own level. */
  readonly right: string;
  /** Of the sign in the source, from the first token of its line. */
  readonly equalsAt: number;
  readonly comment: string;
  readonly commentAt: number;
  /** Lines of one block are aligned with each other. */
  readonly block: number;
  /** Columns before the sign of equality. */
  width: number;
}

const openers: ReadonlySet<unknown> = new Set([
  t.LeftParen,
  t.LeftBracket,
  t.BuilderBrace,
  t.BodyBrace,
  t.StringHead,
]);
const closers: ReadonlySet<unknown> = new Set([t.RightParen, t.RightBracket, t.RightBrace, t.StringTail]);

class Formatter {
  readonly #source: SourceText;
  readonly #brackets: (Bracket & { readonly indent: number })[] = [];
  readonly #pieces: (Piece | undefined)[] = [];
  /** `Newline`s, and for the first token of each line whether it goes on with a statement. */
  readonly #ends = new Set<IToken>();
  readonly #continues = new Map<IToken, boolean>();
  #last: IToken | undefined;
  #previous: Line | undefined;
  /** The last token of the lines above. */
  #lastCode: IToken | undefined;

  constructor(source: SourceText) {
    this.#source = source;
  }

  run(): string {
    const lines = this.#readLines();
    let [block, previousNumber] = [0, 0];
    for (const [number, line] of lines) {
      const isApart = number > previousNumber + 1;
      if (isApart && this.#pieces.length > 0 && !this.#isInsideEdge(line)) this.#pieces.push(undefined);
      // A blank line, a comment and a bracket that goes over lines end a block.
      if (isApart || line.tokens.length === 0 || closers.has(line.tokens[0]?.tokenType)) block += 1;
      this.#pieces.push(this.#formatLine(line, block));
      if (openers.has(line.tokens.at(-1)?.tokenType)) block += 1;
      previousNumber = number;
      this.#previous = line;
    }
    this.#indentComments();
    alignEquals(this.#pieces.filter((piece) => piece !== undefined));
    return this.#pieces.map((piece) => `${piece === undefined ? '' : printPiece(piece)}\n`).join('');
  }

  /** Lines that are not blank, by number. */
  #readLines(): ReadonlyMap<number, Line> {
    const { tokens, comments } = lex(this.#source, () => {});
    const laidOut = layOut(tokens, this.#source, () => {}) ?? [];
    const lines = new Map<number, { tokens: IToken[]; comment: IToken | undefined }>();
    const lineOf = (token: IToken): { tokens: IToken[]; comment: IToken | undefined } => {
      const { line } = this.#source.position(token.startOffset);
      const found = lines.get(line) ?? { tokens: [], comment: undefined };
      lines.set(line, found);
      return found;
    };
    for (const token of laidOut) {
      // The end of a statement belongs to the line that it ends.
      if (token.tokenType === t.Newline) this.#ends.add(token);
      else {
        const line = lineOf(token);
        if (line.tokens.length === 0) this.#continues.set(token, this.#isContinuation());
        line.tokens.push(token);
      }
      this.#last = token;
    }
    for (const comment of comments) lineOf(comment).comment = comment;
    return new Map([...lines].toSorted(([a], [b]) => a - b));
  }

  #isContinuation(): boolean {
    return this.#last !== undefined && !this.#ends.has(this.#last) && !openers.has(this.#last.tokenType);
  }

  /** Right after a bracket that opens or right before one that closes no line stays blank. */
  #isInsideEdge(line: Line): boolean {
    const above = this.#previous?.tokens.at(-1)?.tokenType;
    const hasComment = this.#previous?.comment !== undefined && this.#previous.tokens.length === 0;
    return (!hasComment && openers.has(above)) || closers.has(line.tokens[0]?.tokenType);
  }

  #formatLine({ tokens, comment }: Line, block: number): Piece {
    const indent = this.#indentOf(tokens);
    const [first] = tokens;
    const column = first === undefined ? 0 : first.startOffset;
    let [left, right] = ['', ''];
    let equalsAt = -1;
    const depth = this.#brackets.length;
    const above = this.#lastCode;
    this.#lastCode = tokens.at(-1) ?? above;
    for (const [index, token] of tokens.entries()) {
      const before = tokens[index - 1];
      const top = this.#brackets.at(-1);
      const isOwnEquals = token.tokenType === t.Assign && this.#brackets.length === depth && equalsAt < 0;
      if (isOwnEquals && (top === undefined || top.opener.tokenType === t.BodyBrace) && index > 0) {
        equalsAt = token.startOffset - column;
      }
      const gap =
        before !== undefined && isSpaced(before, token, tokens[index - 2] ?? above, top, this.#source.text)
          ? ' '
          : '';
      if (equalsAt < 0) left += gap + token.image;
      else right += (right === '' ? '' : gap) + token.image;
      if (closers.has(token.tokenType)) this.#brackets.pop();
      if (openers.has(token.tokenType)) {
        this.#brackets.push({ opener: token, before, indent, isHeading: this.#brackets.length === 0 });
      }
    }
    return {
      indent,
      left,
      right,
      equalsAt,
      comment: comment === undefined ? '' : comment.image.trimEnd(),
      commentAt: comment === undefined ? 0 : this.#source.position(comment.startOffset).column - 1,
      block,
      width: left.length + 1,
    };
  }

  /** Inside of brackets two more than the line that opened them; a line that goes on with a statement two more, too. */
  #indentOf(tokens: readonly IToken[]): number {
    const leading = tokens.findIndex(({ tokenType }) => !closers.has(tokenType));
    const closed = leading < 0 ? tokens.length : leading;
    const opened = this.#brackets.at(-closed);
    if (closed > 0 && opened !== undefined) return opened.indent;
    const top = this.#brackets.at(-1);
    const base = top === undefined ? 0 : top.indent + 2;
    const [first] = tokens;
    if (first === undefined || first.tokenType === t.BodyBrace || !this.#continues.get(first)) return base;
    return top === undefined || top.opener.tokenType === t.BodyBrace ? base + 2 : base;
  }

  /** A comment of its own line stands as far in as what it precedes, but not under a closing bracket. */
  #indentComments(): void {
    let below: number | undefined;
    for (const piece of this.#pieces.toReversed()) {
      if (piece === undefined) continue;
      if (piece.left !== '') below = /^[)\]}]/.test(piece.left) ? undefined : piece.indent;
      else if (below !== undefined && below > piece.indent) piece.indent = below;
    }
  }
}

/** Within a block, signs of equality that stood under each other stand under each other again. */
function alignEquals(pieces: readonly Piece[]): void {
  const groups = new Map<string, Piece[]>();
  for (const piece of pieces) {
    if (piece.equalsAt < 0) continue;
    const key = `${piece.block} ${piece.indent} ${piece.equalsAt}`;
    groups.set(key, [...(groups.get(key) ?? []), piece]);
  }
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const [first] = group;
    const width = Math.max(first?.equalsAt ?? 0, ...group.map(({ left }) => left.length + 1));
    for (const piece of group) piece.width = width;
  }
}

function printPiece(piece: Piece): string {
  const { indent, left, right, comment, commentAt, width } = piece;
  const code = right === '' ? left : left.padEnd(width) + right;
  const line = ' '.repeat(indent) + code;
  if (comment === '') return line;
  return code === '' ? line + comment : `${line.padEnd(Math.max(line.length + 2, commentAt))}${comment}`;
}
