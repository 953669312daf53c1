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
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { SourceText } from './source-text.ts';
import { endOf, isName } from './token.ts';
import {
  declarationHelp,
  expectations,
  foreignWords,
  generalHelp,
  statementHelp,
  type SyntaxFailure,
} from './syntax-help.ts';
import * as t from './tokens.ts';

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
  return unexpectedToken(span, { expected: refine(failure), found }, generalHelp(failure, source));
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

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 36)}…` : text;
}
