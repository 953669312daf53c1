/** What the parser did not expect, in words: the code, the place, and the cure of common mistakes. */
import type { IToken, TokenType } from 'chevrotain';
import {
  dimWithEquals,
  foreignKeyword,
  notADeclaration,
  notAStatement,
  unexpectedToken,
} from '../diagnostics/catalogue/syntax.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { SourceText } from './source-text.ts';
import { endOf, isName } from './token.ts';
import * as t from './tokens.ts';

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

export function explainSyntaxError(failure: SyntaxFailure, source: SourceText): Diagnostic {
  const { expected, token, previous, following, rule } = failure;
  const end = Number.isNaN(previous.startOffset) ? 0 : endOf(previous);
  const isEnd = endsLine(token, end, source);
  const place = (at: IToken): Span => source.span(at.startOffset, endOf(at));
  const span = isEnd ? source.span(end, end) : place(token);
  const found = isEnd && token.tokenType === t.RightBrace ? 'the end of the line' : describe(token);
  const foreign = foreignWords.get(token.image);
  if (foreign !== undefined && !isEnd && startsItem(failure)) {
    return foreignKeyword(span, { word: token.image }, [help(foreign)]);
  }
  if (expected === expectations.declaration) return notADeclaration(span, { found }, declarationHelp(token));
  if (rule === 'dimDeclaration' && token.tokenType === t.Assign) {
    return dimWithEquals(span, { name: previous.image }, [help(`write \`dim ${previous.image} <= …\``)]);
  }
  if (expected === expectations.statement) {
    // The name fits; what follows it does not.
    if (!isName(token)) return notAStatement(span, { found }, statementHelp(token, previous));
    const followingEnd = endsLine(following, endOf(token), source);
    const at = followingEnd ? source.span(endOf(token), endOf(token)) : place(following);
    const what = followingEnd ? 'the end of the line' : describe(following);
    return notAStatement(at, { found: what }, statementHelp(following, token));
  }
  if (rule === 'assignment' && expected === t.Assign.LABEL) {
    return notAStatement(span, { found }, statementHelp(token, previous));
  }
  return unexpectedToken(span, { expected: refine(failure), found }, generalHelp(failure));
}

/** Whether nothing stands between the last token and the end of its line. */
function endsLine(token: IToken, end: number, source: SourceText): boolean {
  if (Number.isNaN(token.startOffset) || token.tokenType === t.Newline) return true;
  return token.tokenType === t.RightBrace && /[\r\n]/.test(source.text.slice(end, token.startOffset));
}

const listRules: ReadonlySet<string> = new Set([
  'postfix', 'nameOrBuilder', 'list', 'parenthesized', 'parameters', 'carries', 'blockHeader', 'type', 'results',
  'nextStatement',
]); // prettier-ignore
const namedRules: ReadonlySet<string> = new Set(['parameters', 'carries', 'blockHeader', 'nextStatement']);

/** The parser names one token that it misses; a list could go on, too. */
function refine({ expected, previous, rule }: SyntaxFailure): string {
  if (!listRules.has(rule) || !/^`[)\]}]`$/.test(expected)) return expected;
  const opened: readonly TokenType[] = [t.LeftParen, t.LeftBracket, t.BuilderBrace, t.Comma];
  if (!opened.includes(previous.tokenType)) return `\`,\` or ${expected}`;
  return `${namedRules.has(rule) ? 'a name' : expectations.expression} or ${expected}`;
}

function startsItem({ previous, expected }: SyntaxFailure): boolean {
  const starts =
    Number.isNaN(previous.startOffset) ||
    previous.tokenType === t.Newline ||
    previous.tokenType === t.BodyBrace;
  return starts || expected === expectations.lineEnd;
}

export function describe(token: IToken): string {
  if (Number.isNaN(token.startOffset)) return 'the end of the file';
  if (token.tokenType === t.Newline) return 'the end of the line';
  if (token.tokenType === t.StringLiteral || token.tokenType === t.StringHead) return 'a string';
  if (isName(token)) return `name \`${shorten(token.image)}\``;
  if (token.tokenType === t.NumberLiteral) return `number \`${shorten(token.image)}\``;
  return `\`${shorten(token.image)}\``;
}

const foreignWords: ReadonlyMap<string, string> = new Map([
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

function declarationHelp(token: IToken): readonly Note[] {
  if (token.tokenType === t.Return || token.tokenType === t.Param || token.tokenType === t.Scan) {
    return [
      help(
        `\`${token.image}\` stands in the body of a block or a model; is a \`{\` missing above, or a \`}\` too many?`,
      ),
    ];
  }
  return isName(token)
    ? [help('a setting stands in `config { … }`, a computation in the body of a block or a model')]
    : [];
}

function statementHelp(token: IToken, previous: IToken): readonly Note[] {
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

function generalHelp({ expected, token, previous, rule }: SyntaxFailure): readonly Note[] {
  const type = token.tokenType;
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

function isReserved(token: IToken): boolean {
  return /^[a-z]+$/.test(token.image) && !isName(token) && token.tokenType !== t.StringLiteral;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 36)}…` : text;
}
