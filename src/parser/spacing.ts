/** Where a blank stands between two tokens of one line. */
import type { IToken, TokenType } from 'chevrotain';
import { endOf, isName } from './token.ts';
import * as t from './tokens.ts';

/** A bracket that is open. */
export interface Bracket {
  readonly opener: IToken;
  /** What stands before it on its line. */
  readonly before: IToken | undefined;
  /** Of a declaration: `block Name{…}(…) -> (…)`. */
  readonly isHeading: boolean;
}

const set = (...types: readonly TokenType[]): ReadonlySet<TokenType> => new Set(types);

const tightAfter = set(t.LeftParen, t.LeftBracket, t.BuilderBrace, t.StringHead, t.StringMiddle, t.Dot);
const tightBefore = set(
  t.RightParen,
  t.RightBracket,
  t.StringMiddle,
  t.StringTail,
  t.Comma,
  t.Dot,
  t.BuilderBrace,
);
const signs = set(t.Plus, t.Minus);
const arithmetic = set(t.Plus, t.Minus, t.Star, t.Slash, t.FloorDivide, t.Percent, t.At, t.Power);
/** Words that are names elsewhere: `carry (h = 0)` or a function `carry(x)`, as the author has it. */
const ambiguous = set(
  t.Over,
  t.Of,
  t.Masked,
  t.Reversed,
  t.Carry,
  t.Next,
  t.Emit,
  t.Shared,
  t.As,
  t.For,
  t.Import,
);
/** Ends a value, so that a bracket after it belongs to it and a sign after it has two sides. */
const valueEnds = set(
  t.NumberLiteral, t.StringLiteral, t.StringTail, t.RightParen, t.RightBracket, t.RightBrace, t.True, t.False, t.None,
); // prettier-ignore

/** `before` and `token` are neighbours; `earlier` stands before both; `top` is the innermost bracket around them. */
export function isSpaced(
  before: IToken,
  token: IToken,
  earlier: IToken | undefined,
  top: Bracket | undefined,
  text: string,
): boolean {
  const [a, b] = [before.tokenType, token.tokenType];
  const asWritten = endOf(before) < token.startOffset;
  if (tightAfter.has(a) || tightBefore.has(b)) return false;
  if (b === t.RightBrace) return top?.opener.tokenType === t.BodyBrace && a !== t.BodyBrace;
  if (a === t.Comma) return true;
  if (a === t.Colon || b === t.Colon) return a === t.Colon && top?.opener.tokenType !== t.LeftBracket;
  if (a === t.Assign || b === t.Assign) return hasSpacedEquals(top);
  if (signs.has(a) && !endsValue(earlier)) return false;
  if (arithmetic.has(b) && endsValue(before)) return isWide(token, text);
  if (arithmetic.has(a)) return isWide(before, text);
  if (b === t.LeftParen || b === t.LeftBracket) {
    if (ambiguous.has(a)) return asWritten;
    return !endsValue(before);
  }
  return true;
}

function endsValue(token: IToken | undefined): boolean {
  return token !== undefined && (isName(token) || valueEnds.has(token.tokenType));
}

/** `4*n` and `a + b` stay as they are; blanks on one side only become blanks on both. */
function isWide(operator: IToken, text: string): boolean {
  const around = text.charAt(operator.startOffset - 1) + text.charAt(endOf(operator));
  return /\s/.test(around);
}

/** `lr=1e-3` in uses, `x = 1` in lines, declarations and carries. */
function hasSpacedEquals(top: Bracket | undefined): boolean {
  if (top === undefined || top.isHeading || top.opener.tokenType === t.BodyBrace) return true;
  const { before } = top;
  const asCarry = before?.tokenType === t.Carry || before?.tokenType === t.Next;
  return asCarry && before !== undefined && endOf(before) < top.opener.startOffset;
}
