/** What a byte-level BPE tokeniser is made of. */
import type { Normalization } from './bytes.ts';

/** A token that is no result of merges, with the fields of tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export interface BpeModel {
  /** By number; bytes as `byteCharacters` writes them. Undefined where a number is not used. */
  readonly tokens: readonly (string | undefined)[];
  /** Pairs of numbers, first merged first. */
  readonly merges: readonly (readonly [left: number, right: number])[];
  readonly normalization: Normalization;
  readonly added: readonly AddedToken[];
  /** For bytes that the vocabulary does not have. */
  readonly unknown: number | undefined;
  /** Whether a piece that is a token of the vocabulary is that token, whatever its merges give. */
  readonly ignoreMerges: boolean;
}

export function makeSpecialToken(id: number, content: string): AddedToken {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  };
}
