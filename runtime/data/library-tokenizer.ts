/**
 * A tokenizer.json of any kind (WordPiece, Unigram, BPE with other pieces than GPT-2's), by Hugging Face's own library,
 * which is plain JavaScript. Byte-level BPE has a tokeniser of its own here, that learns, too.
 */
import { Tokenizer as Library } from '@huggingface/tokenizers';
import { failAt } from './problem.ts';
import {
  decodeAll,
  nameSpecial,
  type PieceOptions,
  type SavedLibrary,
  type SpecialTokens,
  type Tokenizer,
  type TokenStream,
} from './tokenizer.ts';

/** Stands for a byte that is no character yet. */
const replacement = '�';

/** Special tokens that a text spells are those tokens, as the library has it. */
export class LibraryTokenizer implements Tokenizer {
  readonly special: SpecialTokens;
  readonly #json: object;
  readonly #library: Library;
  readonly #vocabulary: readonly (string | undefined)[];
  readonly #specialNumbers: ReadonlySet<number>;

  /** `json`: what tokenizer.json holds. Throws a RuntimeError where the library does not take it. */
  constructor(json: object, place: string) {
    this.#json = json;
    try {
      this.#library = new Library(json, {});
      this.#library.encode('a');
    } catch (error) {
      failAt(
        place,
        `not a tokenizer.json that is understood: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const tokens: (string | undefined)[] = [];
    for (const [token, id] of this.#library.get_vocab(true)) tokens[id] = token;
    this.#vocabulary = Array.from(tokens);
    const added = [...this.#library.get_added_tokens_decoder()];
    this.#specialNumbers = new Set(added.flatMap(([id, { special }]) => (special ? [id] : [])));
    this.special = nameSpecial((token) => {
      const id = this.find(token);
      return id !== undefined && this.#specialNumbers.has(id) ? id : undefined;
    });
  }

  get size(): number {
    return this.#vocabulary.length;
  }

  encode(text: string): number[] {
    return text === '' ? [] : this.#library.encode(text, { add_special_tokens: false }).ids;
  }

  decode(ids: Iterable<number>, options?: PieceOptions): string {
    return decodeAll(this, ids, options);
  }

  /**
   * What a token adds may depend on the one before it (a space, the rest of a character), so that the text of the tokens
   * since the last whole piece is compared with and without the new one.
   */
  openDecoder({ continues = false }: PieceOptions = {}): TokenStream {
    // A text that goes on is decoded behind a letter, so that a space before its first word stays.
    let shown: number[] = continues ? this.encode('a') : [];
    let waiting: number[] = [];
    const spell = (ids: number[]): string =>
      ids.length === 0
        ? ''
        : this.#library.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
    const take = (): string => {
      const piece = spell([...shown, ...waiting]).slice(spell(shown).length);
      if (waiting.length > 0) [shown, waiting] = [waiting, []];
      return piece;
    };
    return {
      push: (id) => {
        if (this.token(id) === undefined)
          failAt('the tokeniser', `${id} is no token`, `tokens go from 0 to ${this.size - 1}`);
        if (this.#specialNumbers.has(id) && id !== this.special.unk) return '';
        waiting.push(id);
        return spell([...shown, ...waiting]).endsWith(replacement) ? '' : take();
      },
      end: take,
    };
  }

  token(id: number): string | undefined {
    return this.#vocabulary[id];
  }

  find(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  save(): SavedLibrary {
    return { kind: 'library', tokenizer: this.#json };
  }
}
