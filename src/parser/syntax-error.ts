/** What the parser did not expect, in words: the code, the place, and the cure of common mistakes. */
import type { IToken } from 'chevrotain';
import {
  dimWithEquals,
  foreignKeyword,
  notADeclaration,
  notAStatement,
  unexpectedToken,
} from '../diagnostics/catalogue/syntax.ts';
import { help } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { SourceText } from './source-text.ts';
import { endOf, isName } from './token.ts';
import * as t from './tokens.ts';

/** An exception of the parser; its message is what was expected. */
export interface SyntaxFailure {
  readonly message: string;
  readonly token: IToken;
  readonly previousToken: IToken;
  readonly context: { readonly ruleStack: readonly string[] };
}

export const expectations = {
  declaration: 'a declaration',
  statement: '`name = value`',
  expression: 'an expression',
  lineEnd: 'the end of the line',
} as const;

export function explainSyntaxError(failure: SyntaxFailure, source: SourceText): Diagnostic {
  const { token, previousToken: previous } = failure;
  const isEnd = Number.isNaN(token.startOffset) || token.tokenType === t.Newline;
  const end = Number.isNaN(previous.startOffset) ? 0 : endOf(previous);
  const span = isEnd ? source.span(end, end) : source.span(token.startOffset, endOf(token));
  const found = describe(token);
  const foreign = isEnd ? undefined : foreignWords.get(token.image);
  if (foreign !== undefined && startsItem(failure)) {
    return foreignKeyword(span, { word: token.image }, [help(foreign)]);
  }
  if (failure.message === expectations.declaration)
    return notADeclaration(span, { found }, declarationHelp(token));
  const rule = failure.context.ruleStack.at(-1);
  if (rule === 'dimDeclaration' && token.tokenType === t.Assign) {
    return dimWithEquals(span, { name: previous.image }, [help(`write \`dim ${previous.image} <= …\``)]);
  }
  if (
    failure.message === expectations.statement ||
    (rule === 'assignment' && failure.message === t.Assign.LABEL)
  ) {
    return notAStatement(span, { found }, statementHelp(token, previous));
  }
  return unexpectedToken(span, { expected: failure.message, found }, generalHelp(failure));
}

function startsItem({ previousToken: previous, message }: SyntaxFailure): boolean {
  const starts =
    Number.isNaN(previous.startOffset) ||
    previous.tokenType === t.Newline ||
    previous.tokenType === t.BodyBrace;
  return starts || message === expectations.lineEnd;
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

function generalHelp({ token, previousToken: previous, message, context }: SyntaxFailure): readonly Note[] {
  const rule = context.ruleStack.at(-1);
  if (token.tokenType === t.Assign && message === expectations.lineEnd) {
    return [help('equality is `==`; each name is given its value on a line of its own')];
  }
  if (token.tokenType === t.Equal && message === t.Assign.LABEL) {
    return [help('`==` compares; a value is given by `=`')];
  }
  if (token.tokenType === t.Colon && message === t.Assign.LABEL) return [help('write `=` instead of `:`')];
  if (token.tokenType === t.Assign && message === t.Colon.LABEL) {
    return [help(`a type is written after \`:\`, as in \`${previous.image}: f32[batch, 8]\``)];
  }
  if (message === t.Else.LABEL) return [help('a choice has both sides: `a if condition else b`')];
  if (token.tokenType === t.Comma && message === expectations.lineEnd && rule !== undefined) {
    return [help('entries stand on a line each, without commas between them')];
  }
  if (message === t.Carry.LABEL) return [help('a scan names what goes from step to step: `carry (h = 0)`')];
  if (message === expectations.expression && isReserved(token)) {
    return [help(`\`${token.image}\` is a word of the language and cannot be a name`)];
  }
  if (message === t.Identifier.LABEL && isReserved(token)) {
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
