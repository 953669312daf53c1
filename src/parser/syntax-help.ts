/** The cure of common mistakes in the text: habits of other languages, misspelt words, forgotten signs. */
import { distance } from 'fastest-levenshtein';
import type { IToken, TokenType } from 'chevrotain';
import { help } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { SourceText } from './source-text.ts';
import { endOf, isName } from './token.ts';
import * as t from './tokens.ts';

/** An exception of the parser. */
export interface SyntaxFailure {
  /** In words, or the label of a token type. */
  readonly expected: string;
  readonly token: IToken;
  readonly previous: IToken;
  /** After `token`. */
  readonly following: IToken;
  readonly rule: string;
}

export const expectations = {
  declaration: 'a declaration',
  statement: '`name = value`',
  expression: 'an expression',
  lineEnd: 'the end of the line',
} as const;

export const foreignWords: ReadonlyMap<string, string> = new Map([
  ['def', 'a reusable part is a `block Name{sizes}(inputs) { … }`'],
  ['fn', 'a reusable part is a `block Name{sizes}(inputs) { … }`'],
  ['function', 'a reusable part is a `block Name{sizes}(inputs) { … }`'],
  ['class', 'a reusable part with parameters is a `block Name{sizes}(inputs) { … }`'],
  ['from', 'a whole file is imported: `import nn`, `import "cells.lm"`'],
  ['for', 'copies of a layer are `repeat n { Layer{…} }`; a loop over a sequence is `scan x over dim of xs carry (…) { … }`'],
  ['while', 'a loop over a sequence is `scan x over dim of xs carry (…) { … }`'],
  ['if', 'a choice is written `name = a if condition else b`'],
  ['else', 'a choice is written `name = a if condition else b`'],
  ['elif', 'a choice is written `name = a if condition else b`'],
  ['let', 'a value gets its name by `name = value` alone'],
  ['const', 'a value gets its name by `name = value` alone'],
  ['var', 'a value gets its name by `name = value` alone'],
  ['lambda', 'a reusable part is a `block Name{sizes}(inputs) { … }`'],
  ['yield', 'a scan hands out its steps by `next (…) emit value`'],
  ['with', 'names are known from their line to the end of the body'],
  ['pass', 'a body has at least a `return`'],
]); // prettier-ignore

const commentSigns: ReadonlySet<TokenType> = new Set([t.FloorDivide, t.Slash, t.StringLiteral, t.Minus]);
const statementWords = [t.Return, t.Param, t.Next, t.Target, t.Metric];

/** The word that somebody may have misspelt, by at most two letters and half of it. */
function closest(text: string, among: readonly TokenType[]): string | undefined {
  const candidates = among.map(({ PATTERN }) => String(PATTERN));
  const best =
    text === '' ? undefined : candidates.toSorted((a, b) => distance(text, a) - distance(text, b))[0];
  if (best === undefined || best === text) return undefined;
  return distance(text, best) <= Math.min(2, best.length / 2) ? best : undefined;
}

export function declarationHelp(token: IToken): readonly Note[] {
  if (token.tokenType === t.Return || token.tokenType === t.Param || token.tokenType === t.Scan) {
    return [
      help(
        `\`${token.image}\` stands in the body of a block or a model; is a \`{\` missing above, or a \`}\` too many?`,
      ),
    ];
  }
  if (commentSigns.has(token.tokenType)) return [help('a comment begins with `#`')];
  const meant = closest(token.image, t.words.declaration);
  if (meant !== undefined) return [help(`did you mean \`${meant}\`?`)];
  return isName(token)
    ? [help('a setting stands in `config { … }`, a computation in the body of a block or a model')]
    : [];
}

export function statementHelp(token: IToken, previous: IToken): readonly Note[] {
  if (previous.tokenType === t.Next || previous.image === 'next')
    return [help('every carried value is given its next one, in parentheses: `next (h = …)`')];
  const meant = closest(previous.image, statementWords);
  if (meant !== undefined && (isName(token) || token.tokenType === t.LeftParen)) {
    return [help(`did you mean \`${meant}\`?`)];
  }
  if (previous.tokenType === t.Newline || previous.tokenType === t.BodyBrace) {
    return commentSigns.has(token.tokenType) ? [help('a comment begins with `#`')] : [];
  }
  switch (token.tokenType) {
    case t.Colon:
      return [
        help(
          `a value gets its name by \`=\`; with a type and values that are learnt it is \`param ${previous.image}: …\``,
        ),
      ];
    case t.Equal:
      return [help('`==` compares; a value gets its name by `=`')];
    case t.Dot:
      return [help('a name on the left side is a plain one: there is no `self`')];
    case t.LeftParen:
    case t.BuilderBrace:
    case t.Newline:
      return [help('a value without a name has no effect: give it one, or `return` it')];
    case t.Plus:
    case t.Minus:
    case t.Star:
    case t.Slash:
      return [help(`write \`${previous.image} = ${previous.image} ${token.image} …\``)];
    default:
      return [];
  }
}

export function generalHelp(
  { expected, token, previous, rule }: SyntaxFailure,
  source: SourceText,
): readonly Note[] {
  const type = token.tokenType;
  const line = source.lineAt(Number.isNaN(token.startOffset) ? endOf(previous) : token.startOffset).trim();
  if (/^(?:\/\/|\/\*|\*|--)/.test(line)) return [help('a comment begins with `#`')];
  if (type === t.BuilderBrace && previous.tokenType !== t.LeftParen && expected === expectations.lineEnd) {
    return [help(`blocks are named without their module: \`${previous.image}{…}\``)];
  }
  if (rule === 'importDeclaration' || (expected === expectations.lineEnd && /^import\b/.test(line))) {
    return [help('a module is imported whole: `import nn`, `import "cells.lm"`')];
  }
  if (type === t.LeftParen && dtypes.test(previous.image)) {
    return [help(`sizes stand in brackets: \`${previous.image}[batch, 8]\``)];
  }
  if (type === t.LeftParen && previous.tokenType === t.Comma && expected === t.Identifier.LABEL) {
    return [help('names on the left side stand in one row, without parentheses: `out, h, c = …`')];
  }
  if (type === t.Colon && expected === t.BodyBrace.LABEL) return [help('a body stands between braces')];
  if (type === t.Assign && expected === expectations.lineEnd) {
    return [help('equality is `==`; each name is given its value on a line of its own')];
  }
  if (expected === t.Assign.LABEL) {
    if (type === t.Equal) return [help('`==` compares; a value is given by `=`')];
    if (type === t.Colon) return [help('write `=` instead of `:`')];
  }
  if (type === t.Assign && expected === t.Colon.LABEL) {
    return [help(`a type is written after \`:\`, as in \`${previous.image}: f32[batch, 8]\``)];
  }
  const foreign = foreignWords.get(previous.image) ?? foreignWords.get(token.image);
  if (foreign !== undefined && rule !== 'useHeader') return [help(foreign)];
  if (token.image === 'is') return [help('equality is `==`')];
  if (expected === t.Else.LABEL) return [help('a choice has both sides: `a if condition else b`')];
  if (type === t.Comma && expected === expectations.lineEnd) {
    return [help('entries stand on a line each, without commas between them')];
  }
  if (expected === t.Carry.LABEL) return [help('a scan names what goes from step to step: `carry (h = 0)`')];
  if (type === t.Colon && expected === t.RightBracket.LABEL)
    return [help('a slice is `start:stop`; there is no step')];
  if (rule === 'modelHeader' && expected === t.LeftParen.LABEL) {
    return [
      help('a model names its inputs and its results: `model M(x: f32[batch, 8]) -> f32[batch, 2] { … }`'),
    ];
  }
  if (rule === 'results' && expected === t.Arrow.LABEL) {
    return [help('a model says what it returns: `-> f32[batch, 2]`')];
  }
  if (rule === 'useHeader' && expected === t.For.LABEL)
    return [help('name the model: `task train for Model { … }`')];
  if (rule === 'entries' && expected === t.BodyBrace.LABEL)
    return [help('its entries stand between braces, one a line')];
  if (isReserved(token) && (expected === expectations.expression || expected === t.Identifier.LABEL)) {
    return [help(`\`${token.image}\` is a word of the language; choose another name`)];
  }
  return [];
}

const dtypes = /^(?:[fiu](?:8|16|32|64)|bool|bf16)$/;

function isReserved(token: IToken): boolean {
  return /^[a-z]+$/.test(token.image) && !isName(token) && token.tokenType !== t.StringLiteral;
}
