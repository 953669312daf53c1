/** A token as the parser sees it, and the only place that knows how Chevrotain stores one. */
import type { IToken, TokenType } from 'chevrotain';
import { Identifier } from './tokens.ts';

/** What the layout knows of a token. */
export interface Layout {
  /** Brackets open around it; an opening or closing bracket itself counts as outside. */
  readonly depth: number;
  /** Made up to close a bracket that the text leaves open. */
  readonly virtual: boolean;
}

export function makeToken(type: TokenType, image: string, start: number): IToken {
  return {
    image,
    startOffset: start,
    endOffset: start + image.length - 1,
    tokenType: type,
    tokenTypeIdx: type.tokenTypeIdx ?? 0,
  };
}

export function retype(token: IToken, type: TokenType): IToken {
  return { ...token, tokenType: type, tokenTypeIdx: type.tokenTypeIdx ?? 0 };
}

/** Exclusive. */
export function endOf(token: IToken): number {
  return token.endOffset === undefined ? token.startOffset + token.image.length : token.endOffset + 1;
}

/** A contextual keyword is a name, too. */
export function isName(token: IToken): boolean {
  return token.tokenType === Identifier || token.tokenType.CATEGORIES?.includes(Identifier) === true;
}

export function layoutOf(token: IToken): Layout | undefined {
  return token.payload as Layout | undefined;
}
