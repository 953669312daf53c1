/** A tokeniser from what travels with the parameters. */
import * as z from 'zod/mini';
import { readTokenizerJson } from './bpe/tokenizer-json.ts';
import { BpeTokenizer } from './bpe/tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';
import { specialTokens, Vocabulary } from './vocabulary.ts';
import { WordTokenizer } from './word-tokenizer.ts';

export const savedTokenizer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['words', 'characters']),
    lowercase: z.boolean(),
    pattern: z.string(),
    special: z.int().check(z.gte(specialTokens.length)),
    vocabulary: z.array(z.string()).check(z.minLength(specialTokens.length)),
  }),
  z.strictObject({ kind: z.literal('bpe'), tokenizer: z.unknown() }),
]);

/** Throws a RuntimeError for one that does not hold together. */
export function openTokenizer(saved: z.infer<typeof savedTokenizer>): Tokenizer {
  const place = 'the tokeniser in the parameters’ file';
  switch (saved.kind) {
    case 'words':
    case 'characters': {
      const { kind, lowercase, pattern, special, vocabulary } = saved;
      return new WordTokenizer({ kind, lowercase, pattern }, new Vocabulary(vocabulary, special), place);
    }
    case 'bpe':
      return new BpeTokenizer(readTokenizerJson(saved.tokenizer, place), place);
  }
}
