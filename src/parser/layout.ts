/**
 * Balances brackets and decides which line breaks end a statement. After it every bracket has its partner (made up and
 * reported where the text lacks one), a `Newline` stands between two lines of a body and nowhere else, and `{` of a
 * builder is told from `{` of a body. The grammar needs no context then, and one mistake stays one error.
 */
import type { IToken, TokenType } from 'chevrotain';
import {
  mismatchedBracket,
  nestedTooDeeply,
  strayBracket,
  unclosedBracket,
  unexpectedToken,
} from '../diagnostics/catalogue/syntax.ts';
import { help, note } from '../diagnostics/define.ts';
import { continuesAfter, continuesBefore, startsDeclaration, startsStatement } from './lines.ts';
import type { Report } from './lex.ts';
import type { SourceText } from './source-text.ts';
import { endOf, isName, makeToken, retype, type Layout as TokenLayout } from './token.ts';
import * as t from './tokens.ts';

export const maxDepth = 64;

/** A bracket that is open. In those that hold `lines`, line breaks count. */
interface Frame {
  readonly close: TokenType;
  readonly lines: boolean;
  readonly opener: IToken | undefined;
  /** As in "to close `task` opened at line 12". */
  readonly label: string;
  /** Column of the first token of the line with the opener. */
  readonly indent: number;
  /** The next `{` here opens a body although a name stands before it. */
  awaitsBody: boolean;
  /** The last word here that announces a body. */
  headWord: string | undefined;
}

/** Undefined where brackets nest too deeply to go on; that is reported. */
export function layOut(
  tokens: readonly IToken[],
  source: SourceText,
  report: Report,
): readonly IToken[] | undefined {
  return new Layout(tokens, source, report).run();
}

const closers: ReadonlySet<TokenType> = new Set([t.RightParen, t.RightBracket, t.RightBrace, t.StringTail]);
const bodyWords: ReadonlySet<TokenType> = new Set([
  t.Config, t.Block, t.Model, t.Task, t.Generate,
]); // prettier-ignore

class Layout {
  readonly #tokens: readonly IToken[];
  readonly #source: SourceText;
  readonly #report: Report;
  readonly #balanced: boolean;
  readonly #out: IToken[] = [];
  readonly #outer: Frame[] = [];
  #top: Frame = {
    close: t.Newline,
    lines: true,
    opener: undefined,
    label: '',
    indent: 0,
    awaitsBody: false,
    headWord: undefined,
  };
  #indent = 1;

  constructor(tokens: readonly IToken[], source: SourceText, report: Report) {
    this.#tokens = tokens;
    this.#source = source;
    this.#report = report;
    this.#balanced = isBalanced(tokens);
  }

  run(): readonly IToken[] | undefined {
    let lineBreak: IToken | undefined;
    for (let index = 0; index < this.#tokens.length; index += 1) {
      const token = this.#tokens[index];
      if (token === undefined) break;
      if (token.tokenType === t.Newline) {
        lineBreak ??= token;
        continue;
      }
      const next = this.#tokens[index + 1];
      const first = lineBreak !== undefined || index === 0;
      if (first) this.#beginLine(token, next, lineBreak);
      lineBreak = undefined;
      if (token.tokenType === t.LeftBrace) this.#openBrace(token, first, next);
      else if (token.tokenType === t.LeftParen) this.#open(token, t.RightParen, '(');
      else if (token.tokenType === t.LeftBracket) this.#open(token, t.RightBracket, '[');
      else if (token.tokenType === t.StringHead) this.#open(token, t.StringTail, '{');
      else if (closers.has(token.tokenType)) this.#close(token, index, first);
      else this.#pushWord(token, next);
      if (this.#outer.length > maxDepth) {
        this.#report(
          nestedTooDeeply(this.#source.span(token.startOffset, endOf(token)), {
            limit: maxDepth,
            what: 'brackets inside of each other',
          }),
        );
        return undefined;
      }
    }
    while (this.#top.opener !== undefined) this.#closeMissing();
    return this.#out;
  }

  #push(token: IToken): void {
    const payload: TokenLayout = { depth: this.#outer.length, virtual: false };
    token.payload = payload;
    this.#out.push(token);
  }

  #pushWord(token: IToken, next: IToken | undefined): void {
    if (this.#announcesBody(token, next)) this.#top.headWord = token.image;
    if (token.tokenType === t.Repeat || token.tokenType === t.Arrow) this.#top.awaitsBody = true;
    // `task NAME for MODEL {`
    if (token.tokenType === t.For && this.#outer.length === 0) this.#top.awaitsBody = true;
    this.#push(token);
  }

  #announcesBody(token: IToken, next: IToken | undefined): boolean {
    if (token.tokenType === t.Scan || token.tokenType === t.Repeat) return true;
    const previous = this.#out.at(-1)?.tokenType;
    const first = previous === undefined || previous === t.Newline;
    return (
      first && this.#outer.length === 0 && bodyWords.has(token.tokenType) && next?.tokenType !== t.Assign
    );
  }

  #openBrace(token: IToken, first: boolean, next: IToken | undefined): void {
    if (!this.#balanced && next?.tokenType === t.Newline) this.#closeBeforeBody();
    const previous = this.#out.at(-1);
    const afterName = previous !== undefined && isName(previous) && !first;
    const before = this.#out.at(-2)?.tokenType;
    // `config {`, and `model NAME {` of somebody who forgot what stands between them.
    const afterHead =
      this.#outer.length === 0 &&
      (previous?.tokenType === t.Config || before === t.Model || before === t.Task || before === t.Generate);
    if (afterName && !afterHead && !this.#top.awaitsBody) {
      this.#open(retype(token, t.BuilderBrace), t.RightBrace, `${previous.image}{`);
      return;
    }
    this.#top.awaitsBody = false;
    const label = this.#top.headWord ?? '{';
    this.#top.headWord = undefined;
    this.#open(retype(token, t.BodyBrace), t.RightBrace, label);
  }

  /** A line announces a body and ends without one, and the next line is indented: its brace is forgotten. */
  #openMissing(previous: IToken): void {
    const place = this.#source.span(endOf(previous), endOf(previous));
    const word = this.#top.headWord ?? '';
    this.#report(
      unexpectedToken(place, { expected: '`{`', found: 'the end of the line' }, [
        help(`the body of \`${word}\` stands between braces`),
      ]),
    );
    this.#openBrace(makeToken(t.LeftBrace, '', endOf(previous)), true, undefined);
  }

  #open(token: IToken, close: TokenType, label: string): void {
    this.#push(token);
    this.#outer.push(this.#top);
    this.#top = {
      close,
      lines: token.tokenType === t.BodyBrace,
      opener: token,
      label,
      indent: this.#indent,
      awaitsBody: false,
      headWord: undefined,
    };
  }

  #pop(token: IToken, virtual: boolean): void {
    this.#top = this.#outer.pop() ?? this.#top;
    const payload: TokenLayout = { depth: this.#outer.length, virtual };
    token.payload = payload;
    this.#out.push(token);
  }

  /** A `Newline` where the line break ends a statement; in a text whose brackets do not match, missing ones before it. */
  #beginLine(token: IToken, next: IToken | undefined, lineBreak: IToken | undefined): void {
    const { column } = this.#source.position(token.startOffset);
    if (!this.#balanced) this.#closeBeforeLine(token, next, column);
    this.#separate(token, next, column, lineBreak);
    this.#indent = column;
  }

  #separate(token: IToken, next: IToken | undefined, column: number, lineBreak: IToken | undefined): void {
    const previous = this.#out.at(-1);
    if (lineBreak === undefined || previous === undefined || !this.#top.lines) return;
    if (previous === this.#top.opener || token.tokenType === this.#top.close) return;
    const continued = continuesAfter(previous, token, next) || continuesBefore(token, next);
    if (continued) return;
    if (!this.#balanced && this.#top.headWord !== undefined && column > this.#indent) {
      this.#openMissing(previous);
      return;
    }
    this.#top.awaitsBody = false;
    this.#top.headWord = undefined;
    this.#push(lineBreak);
  }

  /** Guesses, from what begins the line and how far it is indented, which brackets should have been closed before. */
  #closeBeforeLine(token: IToken, next: IToken | undefined, column: number): void {
    for (;;) {
      const { opener, lines, indent } = this.#top;
      if (opener === undefined) return;
      const previous = this.#out.at(-1);
      const afterComma = previous === opener || previous?.tokenType === t.Comma;
      if (startsDeclaration(token, next) && (!lines || column <= indent)) this.#closeMissing();
      else if (startsStatement(token, next) && (lines || afterComma ? column <= indent : true)) {
        if (lines && this.#outer.length === 1 && column > 1) return;
        this.#closeMissing();
      } else if (token.tokenType === t.RightBrace && this.#belongsFurtherOut(column)) this.#closeMissing();
      else return;
    }
  }

  /** A brace at the end of a line opens the body that was announced, whatever was left open in its heading. */
  #closeBeforeBody(): void {
    if (this.#top.lines) return;
    const heading = this.#outer.findLast(({ lines }) => lines);
    if (heading?.headWord === undefined) return;
    while (!this.#top.lines) this.#closeMissing();
  }

  /** Whether a `}` in this column stands under the line of an outer body and not of the innermost brace. */
  #belongsFurtherOut(column: number): boolean {
    if (this.#top.indent === column && this.#top.close === t.RightBrace) return false;
    return this.#outer.some(
      ({ lines, indent, opener }) => opener !== undefined && lines && indent === column,
    );
  }

  #close(token: IToken, index: number, first: boolean): void {
    if (this.#top.close === token.tokenType) {
      if (!this.#balanced && this.#top.lines && this.#isMisplaced(token, first)) this.#reportStray(token);
      else this.#pop(token, false);
      return;
    }
    if (this.#closesOuter(token, first)) {
      while (this.#top.close !== token.tokenType) this.#closeMissing();
      this.#pop(token, false);
      return;
    }
    const { opener, lines, close, label } = this.#top;
    if (opener === undefined || lines || close === t.StringTail || this.#closesOnLine(index)) {
      this.#reportStray(token);
      return;
    }
    const bracket = textOf(close);
    const opened = this.#source.span(opener.startOffset, endOf(opener));
    const place = this.#source.span(token.startOffset, endOf(token));
    this.#report(
      mismatchedBracket(
        place,
        { expected: bracket, opener: label, line: opened.start.line, found: token.image },
        [note('opened here', opened)],
      ),
    );
    this.#pop(retype(token, close), false);
  }

  /** Whether this brace hardly closes the innermost body: it neither stands under its line nor on it. */
  #isMisplaced(token: IToken, first: boolean, { opener, indent } = this.#top): boolean {
    if (opener === undefined || this.#isOnLineOf(opener, token)) return false;
    return !first || this.#source.position(token.startOffset).column > indent;
  }

  #isOnLineOf(opener: IToken, token: IToken): boolean {
    return this.#source.position(opener.startOffset).line === this.#source.position(token.startOffset).line;
  }

  /** Bodies of several lines keep their brackets together; so does an interpolation. Only a brace reaches past them. */
  #closesOuter(token: IToken, first: boolean): boolean {
    const type = token.tokenType;
    if (type === t.StringTail) return this.#outer.some(({ close }) => close === t.StringTail);
    for (const frame of [this.#top, ...this.#outer.toReversed()]) {
      if (frame.close === type) return !frame.lines || !this.#isMisplaced(token, first, frame);
      if (frame.opener === undefined || frame.close === t.StringTail) return false;
      if (frame.lines && !this.#isOnLineOf(frame.opener, token)) return false;
    }
    return false;
  }

  /** Whether the innermost bracket is closed later on this line. */
  #closesOnLine(index: number): boolean {
    let open = 0;
    for (let at = index + 1; at < this.#tokens.length; at += 1) {
      const type = this.#tokens[at]?.tokenType;
      if (type === undefined || type === t.Newline) return false;
      if (type === t.LeftParen || type === t.LeftBracket || type === t.LeftBrace) open += 1;
      else if (closers.has(type)) {
        if (open === 0) return type === this.#top.close;
        open -= 1;
      }
    }
    return false;
  }

  #reportStray(token: IToken): void {
    const { opener } = this.#top;
    const notes =
      opener === undefined || this.#top.lines
        ? []
        : [note('this is open here', this.#source.span(opener.startOffset, endOf(opener)))];
    const place = this.#source.span(token.startOffset, endOf(token));
    this.#report(strayBracket(place, { bracket: token.image }, notes));
  }

  /** Closes the innermost bracket, which the text leaves open, after the last token. */
  #closeMissing(): void {
    const { opener, close, label } = this.#top;
    const last = this.#out.at(-1);
    if (opener === undefined || last === undefined) return;
    const end = endOf(last);
    // The opening one is made up, too, which is reported.
    if (opener.image === '') {
      this.#pop(makeToken(close, '', end), true);
      return;
    }
    const opened = this.#source.span(opener.startOffset, endOf(opener));
    this.#report(
      unclosedBracket(
        this.#source.span(end, end),
        { bracket: textOf(close), opener: label, line: opened.start.line },
        [note('opened here', opened)],
      ),
    );
    this.#pop(makeToken(close, '', end), true);
  }
}

function textOf(close: TokenType): string {
  if (close === t.RightParen) return ')';
  return close === t.RightBracket ? ']' : '}';
}

function isBalanced(tokens: readonly IToken[]): boolean {
  const open: TokenType[] = [];
  for (const { tokenType } of tokens) {
    if (tokenType === t.LeftParen) open.push(t.RightParen);
    else if (tokenType === t.LeftBracket) open.push(t.RightBracket);
    else if (tokenType === t.LeftBrace) open.push(t.RightBrace);
    else if (tokenType === t.StringHead) open.push(t.StringTail);
    else if (closers.has(tokenType) && open.pop() !== tokenType) return false;
  }
  return open.length === 0;
}
