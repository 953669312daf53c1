/** A tokeniser from what travels with the parameters. */
import { readTokenizerJson } from './bpe/tokenizer-json.ts';
import { BpeTokenizer } from './bpe/tokenizer.ts';
import type { SavedTokenizer, Tokenizer } from './tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';
import { WordTokenizer } from './word-tokenizer.ts';

/** Throws a RuntimeError for one that does not hold together. */
export function openTokenizer(saved: SavedTokenizer): Tokenizer {
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
