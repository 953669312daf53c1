/** What a line may begin and end with: which line breaks count, and where a statement certainly begins. */
import type { IToken, TokenType } from 'chevrotain';
import { isName } from './token.ts';
import * as t from './tokens.ts';

/** Operators that are no sign: no statement begins with any operator, and none ends with one. */
const operators: ReadonlySet<TokenType> = new Set([
  t.Plus, t.Minus, t.Star, t.Slash, t.FloorDivide, t.Percent, t.At, t.Power, t.Pipe,
  t.Equal, t.NotEqual, t.Less, t.LessEqual, t.Greater, t.GreaterEqual, t.And, t.Or,
]); // prettier-ignore

const openAtEnd: ReadonlySet<TokenType> = new Set([
  ...operators, t.Comma, t.Assign, t.Arrow, t.Colon, t.Dot, t.Not, t.If, t.Else,
]); // prettier-ignore

const joinAtStart: ReadonlySet<TokenType> = new Set([...operators, t.Dot, t.Arrow, t.Else, t.LeftBrace]);

/** Words that go on with what the line above began, unless they are names there. */
const joiningWords: ReadonlySet<TokenType> = new Set([
  t.Over,
  t.Of,
  t.Reversed,
  t.Masked,
  t.Carry,
  t.Emit,
  t.As,
]);

const declarationWords: ReadonlySet<TokenType> = new Set(t.words.declaration);

/** Whether a line that ends in `last` goes on in the next one, which begins with `token`. */
export function continuesAfter(last: IToken, token: IToken, next: IToken | undefined): boolean {
  if (!openAtEnd.has(last.tokenType)) return false;
  // `x =` above `y = 1` lacks its value; `a,` above `b = f(x)` is a list of two names.
  return last.tokenType === t.Comma || !startsStatement(token, next);
}

/** Whether a line that begins with `token` goes on with the one above. */
export function continuesBefore(token: IToken, next: IToken | undefined): boolean {
  if (joinAtStart.has(token.tokenType)) return true;
  return joiningWords.has(token.tokenType) && next?.tokenType !== t.Assign && next?.tokenType !== t.Comma;
}

/** `return`, `param x`, `next (`, `name =`, `a, b =` (by its first two tokens, so a false answer may be wrong). */
export function startsStatement(token: IToken, next: IToken | undefined): boolean {
  if (token.tokenType === t.Return) return true;
  if (next === undefined) return false;
  if (next.tokenType === t.Assign) return isName(token);
  if (token.tokenType === t.Next) return next.tokenType === t.LeftParen;
  const words: readonly TokenType[] = [t.Param, t.Target, t.Metric];
  return words.includes(token.tokenType) && isName(next);
}

/** `block Name`, `import nn`, `import "file"`, `config {` */
export function startsDeclaration(token: IToken, next: IToken | undefined): boolean {
  if (next === undefined || !declarationWords.has(token.tokenType)) return false;
  if (token.tokenType === t.Config) return next.tokenType === t.LeftBrace;
  return isName(next) || (token.tokenType === t.Import && next.tokenType === t.StringLiteral);
}
