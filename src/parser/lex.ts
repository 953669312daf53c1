/** Text to tokens: strings are divided at their interpolations, malformed words are reported and patched. */
import type { IToken } from 'chevrotain';
import {
  malformedInterpolation,
  malformedNumber,
  numberTooLarge,
  unexpectedCharacter,
  unknownEscape,
  unterminatedString,
} from '../diagnostics/catalogue/syntax.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from './source-text.ts';
import { endOf, makeToken } from './token.ts';
import { lexer, NumberLiteral, StringHead, StringLiteral, StringMiddle, StringTail } from './tokens.ts';

export type Report = (diagnostic: Diagnostic) => void;

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly comments: readonly IToken[];
}

/** Strings nest in interpolations of strings at most this often; the other quote is needed for each. */
const maxStringNesting = 4;

export function lex(source: SourceText, report: Report): Lexed {
  return lexPart(source, 0, source.text.length, report, 0);
}

function lexPart(source: SourceText, start: number, end: number, report: Report, nesting: number): Lexed {
  const whole = start === 0 && end === source.text.length;
  const { tokens, groups, errors } = lexer.tokenize(whole ? source.text : source.text.slice(start, end));
  for (const error of errors) reportCharacters(source, start + error.offset, error.length, report);
  const shift = (token: IToken): IToken =>
    start === 0 ? token : { ...token, startOffset: token.startOffset + start };
  const result: IToken[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const raw = tokens[index];
    if (raw === undefined) break;
    const token = shift(raw);
    if (token.tokenType === StringLiteral) {
      pushString(source, token, result, report, nesting);
    } else if (token.tokenType === NumberLiteral) {
      const next = tokens[index + 1];
      const joined = next !== undefined && start + next.startOffset === endOf(token) && isWord(next);
      if (joined) index += 1;
      result.push(checkNumber(source, token, joined ? start + endOf(next) : endOf(token), report));
    } else {
      result.push(token);
    }
  }
  return { tokens: result, comments: (groups['comments'] ?? []).map(shift) };
}

/** A number runs into what follows it: `2x`, `1.5.2`. */
function isWord(token: IToken): boolean {
  return /^(?:\w|\.\d)/.test(token.image);
}

const lookalikes: ReadonlyMap<string, string> = new Map([
  ['“', 'write strings with the plain quote `"`'],
  ['”', 'write strings with the plain quote `"`'],
  ['‘', "write strings with a plain quote"],
  ['’', "write strings with a plain quote"],
  ['−', 'write the minus sign as `-`'],
  ['–', 'write the minus sign as `-`'],
  ['×', 'write the product as `*`, the product of matrices as `@`'],
  ['≤', 'write it as `<=`'],
  ['≥', 'write it as `>=`'],
  ['→', 'write it as `->`'],
  ['…', 'write it as `...`'],
  ['^', 'the power is `**`'],
  ['&', 'the logical operator is `and`'],
  ['!', 'the logical operator is `not`; "not equal" is `!=`'],
  [';', 'a statement ends with its line'],
  ['?', 'a choice is written `a if condition else b`'],
  ['`', 'strings are written with `"`'],
  ['\\', 'a line continues after an operator, or inside of brackets'],
  ['$', 'a value in a string is written `{name}`; outside of strings the name stands alone'],
  ['~', 'the logical operator is `not`'],
  ['\u00A0', 'it looks like a space: replace it by one'],
  ['\uFEFF', 'a byte order mark inside of the text: remove it'],
  ['\u0000', 'a NUL character: is this a text file?'],
]); // prettier-ignore

function reportCharacters(source: SourceText, start: number, length: number, report: Report): void {
  const text = source.text.slice(start, start + length);
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
  const visible = /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(first);
  const code = `U+${(first.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  const hint =
    lookalikes.get(first) ??
    (/\p{L}/u.test(first)
      ? 'names consist of the letters a to z, digits and `_`; strings may contain any text'
      : undefined);
  report(
    unexpectedCharacter(
      source.span(start, start + length),
      { character: visible ? `\`${first}\`` : code },
      hint === undefined ? [] : [help(hint)],
    ),
  );
}

function checkNumber(source: SourceText, token: IToken, end: number, report: Report): IToken {
  const text = source.text.slice(token.startOffset, end);
  const wellFormed = end === endOf(token) && !/_(?!\d)/.test(text) && !/(?<!\d)_/.test(text);
  if (!wellFormed) {
    const hint = /^0[xXbBoO]/.test(text)
      ? 'numbers are decimal'
      : /^\d+[A-Za-z]\w*$/.test(text)
        ? 'a product is written with `*`; a name begins with a letter'
        : 'a `_` stands between two digits';
    report(malformedNumber(source.span(token.startOffset, end), { text: shorten(text) }, [help(hint)]));
    return { ...makeToken(NumberLiteral, '1', token.startOffset), endOffset: end - 1 };
  }
  const value = Number(text.replaceAll('_', ''));
  const isInteger = /^[\d_]+$/.test(text);
  if (isInteger ? value > Number.MAX_SAFE_INTEGER : !Number.isFinite(value)) {
    const limit = isInteger ? 'whole numbers go up to 9007199254740991' : 'numbers go up to 1.8e308';
    report(numberTooLarge(source.span(token.startOffset, end), { text: shorten(text), limit }));
    return { ...makeToken(NumberLiteral, '1', token.startOffset), endOffset: end - 1 };
  }
  return token;
}

/** A string without interpolation is one token; with it, head, expression, (middle, expression)*, tail. */
function pushString(
  source: SourceText,
  token: IToken,
  result: IToken[],
  report: Report,
  nesting: number,
): void {
  const { image, startOffset: start } = token;
  const quote = image.slice(0, 1);
  const end = start + image.length;
  const asText = (): void => {
    result.push({ ...makeToken(StringLiteral, `${quote}${quote}`, start), endOffset: end - 1 });
  };
  if (!isTerminated(image)) {
    const lineStart = start - source.position(start).column + 1;
    const earlier = source.text.slice(lineStart, start).includes(quote);
    const notes = earlier ? [help('the quote that is missing may be one further left on this line')] : [];
    report(unterminatedString(source.span(start, end), { quote }, notes));
    asText();
    return;
  }
  const found = findInterpolations(source, start + 1, end - 1, report);
  if (found === undefined || (found.length > 0 && nesting >= maxStringNesting)) {
    asText();
    return;
  }
  if (found.length === 0) {
    result.push(token);
    return;
  }
  let from = start;
  for (const [index, { open, close }] of found.entries()) {
    const type = index === 0 ? StringHead : StringMiddle;
    result.push(makeToken(type, source.text.slice(from, open + 1), from));
    for (const inner of lexPart(source, open + 1, close, report, nesting + 1).tokens) result.push(inner);
    from = close;
  }
  result.push(makeToken(StringTail, source.text.slice(from, end), from));
}

function isTerminated(image: string): boolean {
  if (image.length < 2 || !image.endsWith(image.slice(0, 1))) return false;
  const backslashes = /\\*$/.exec(image.slice(0, -1))?.[0].length ?? 0;
  return backslashes % 2 === 0;
}

/** Offsets of the braces around each expression; undefined where something is wrong, which is reported. */
function findInterpolations(
  source: SourceText,
  start: number,
  end: number,
  report: Report,
): readonly { readonly open: number; readonly close: number }[] | undefined {
  const { text } = source;
  const found: { open: number; close: number }[] = [];
  let valid = true;
  const complain = (from: number, to: number, problem: string): void => {
    valid = false;
    report(
      malformedInterpolation(source.span(from, to), { problem }, [
        help('a brace that is part of the text is written twice: `{{`, `}}`'),
      ]),
    );
  };
  for (let offset = start; offset < end; offset += 1) {
    const character = text.charAt(offset);
    if (character === '\\') {
      const escape = text.slice(offset, offset + 2);
      if (!/^\\[nt"'\\]$/.test(escape)) {
        valid = false;
        const place = source.span(offset, offset + 2);
        report(
          unknownEscape(place, { escape }, [
            help(String.raw`a backslash is written \\; paths are written with /`),
          ]),
        );
      }
      offset += 1;
    } else if (
      (character === '{' || character === '}') &&
      text.charAt(offset + 1) === character &&
      offset + 1 < end
    ) {
      offset += 1;
    } else if (character === '}') {
      complain(offset, offset + 1, 'this `}` closes no `{` of the string');
    } else if (character === '{') {
      const close = findClose(text, offset + 1, end);
      if (close === undefined) {
        complain(offset, end, 'this `{` is not closed in the string');
        return undefined;
      }
      if (text.slice(offset + 1, close).trim() === '')
        complain(offset, close + 1, 'no expression between the braces');
      found.push({ open: offset, close });
      offset = close;
    }
  }
  return valid ? found : undefined;
}

function findClose(text: string, start: number, end: number): number | undefined {
  let open = 0;
  for (let offset = start; offset < end; offset += 1) {
    const character = text.charAt(offset);
    if (character === '{') open += 1;
    else if (character === '}') {
      if (open === 0) return offset;
      open -= 1;
    }
  }
  return undefined;
}

/** The text that a piece of a string stands for: without its first and last character, escapes resolved. */
export function readStringPiece(image: string): string {
  return image.slice(1, -1).replaceAll(/\\([\s\S])|\{\{|\}\}/g, (match, escaped: string | undefined) => {
    if (escaped === undefined) return match.slice(0, 1);
    return escapes[escaped] ?? escaped;
  });
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 36)}…` : text;
}
