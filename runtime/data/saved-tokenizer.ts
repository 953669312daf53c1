/** A tokeniser from what travels with the parameters, or from a tokenizer.json. */
import { isByteLevelBpe, readTokenizerJson } from './bpe/tokenizer-json.ts';
import { BpeTokenizer } from './bpe/tokenizer.ts';
import { LibraryTokenizer } from './library-tokenizer.ts';
import { failAt } from './problem.ts';
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
    case 'library':
      return new LibraryTokenizer(saved.tokenizer, place);
  }
}

/** Byte-level BPE as GPT-2 has it is read here, every other kind by the library. Throws a RuntimeError. */
export function openTokenizerJson(text: string, file: string): Tokenizer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    failAt(file, `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isByteLevelBpe(value)) return new BpeTokenizer(readTokenizerJson(value, file), file);
  if (typeof value !== 'object' || value === null || !('model' in value))
    failAt(file, 'not a tokenizer.json: it has no `model`');
  return new LibraryTokenizer(value, file);
}
