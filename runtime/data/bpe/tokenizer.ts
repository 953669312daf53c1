/** Texts to numbers and back with byte-level BPE. */
import { failAt } from '../problem.ts';
import {
  decodeAll,
  nameSpecial,
  type PieceOptions,
  type SavedBpe,
  type SpecialTokens,
  type Tokenizer,
  type TokenStream,
} from '../tokenizer.ts';
import { byteCharacters, preTokenize, textBytes, tokenBytes } from './bytes.ts';
import { mergeTokens, pairKey, type Merge } from './merge.ts';
import type { BpeModel } from './model.ts';
import { tokenizerJson } from './tokenizer-json.ts';

const cacheEntries = 65_536;
const cachedLength = 64;

export interface EncodeOptions extends PieceOptions {
  /** Whether `<s>` in a text is that token; otherwise it is three characters, and a text cannot make special tokens. */
  readonly matchAdded?: boolean;
}

export interface DecodeOptions extends PieceOptions {
  /** Whether special tokens are printed; otherwise they are left out. */
  readonly printSpecial?: boolean;
}

/** Where a vocabulary puts a space before a text (`prefixSpace`), decoding leaves it out again. */
export class BpeTokenizer implements Tokenizer {
  readonly model: BpeModel;
  readonly special: SpecialTokens;
  readonly #merges: ReadonlyMap<number, Merge>;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #byteNumbers: readonly (number | undefined)[];
  readonly #bytes: readonly (Uint8Array | undefined)[];
  readonly #specialNumbers: ReadonlySet<number>;
  readonly #added: { readonly pattern: RegExp; readonly numbers: ReadonlyMap<string, number> } | undefined;
  readonly #cache = new Map<string, readonly number[]>();

  /** `place` is where the model was written. Throws a RuntimeError for one that does not hold together. */
  constructor(model: BpeModel, place = 'the tokeniser') {
    this.model = model;
    const added = new Map(model.added.map((token) => [token.id, token]));
    const numbers = new Map<string, number>();
    model.tokens.forEach((token, number) => {
      if (token !== undefined && !added.has(number)) numbers.set(token, number);
    });
    this.#numbers = numbers;
    this.#byteNumbers = byteCharacters.map((character) => numbers.get(character) ?? model.unknown);
    this.#bytes = Array.from(model.tokens, (token, number) => {
      const own = added.get(number);
      if (own !== undefined) return textBytes(own.content);
      if (token === undefined) return undefined;
      return tokenBytes(token) ?? failAt(place, `the token \`${token}\` is not made of bytes`);
    });
    this.#merges = indexMerges(model, numbers, place);
    this.#specialNumbers = new Set(model.added.filter(({ special }) => special).map(({ id }) => id));
    this.#added = indexAdded(model);
    this.special = findSpecial(model);
  }

  /** Numbers go from 0 to this, exclusive. */
  get size(): number {
    return this.model.tokens.length;
  }

  /** Throws a RuntimeError where the vocabulary lacks a byte of the text and has no unknown token. */
  encode(text: string, { matchAdded = false, continues = false }: EncodeOptions = {}): number[] {
    const result: number[] = [];
    const { normalization } = this.model;
    const prefixSpace = normalization.prefixSpace && !continues;
    const append = (part: string): void => {
      for (const piece of preTokenize(part, { ...normalization, prefixSpace }))
        for (const token of this.#encodePiece(piece)) result.push(token);
    };
    if (!matchAdded || this.#added === undefined) {
      append(text);
      return result;
    }
    // `split` with a group: texts at even places, added tokens at odd ones.
    const { pattern, numbers } = this.#added;
    text.split(pattern).forEach((part, k) => {
      const number = k % 2 === 1 ? numbers.get(part) : undefined;
      if (number === undefined) append(part);
      else result.push(number);
    });
    return result;
  }

  #encodePiece(piece: string): readonly number[] {
    const cached = this.#cache.get(piece);
    if (cached !== undefined) return cached;
    const tokens = this.#mergePiece(textBytes(piece));
    if (piece.length <= cachedLength) {
      if (this.#cache.size >= cacheEntries) {
        for (const oldest of this.#cache.keys()) {
          this.#cache.delete(oldest);
          break;
        }
      }
      this.#cache.set(piece, tokens);
    }
    return tokens;
  }

  #mergePiece(bytes: Uint8Array): readonly number[] {
    if (this.model.ignoreMerges) {
      const whole = this.#numbers.get(Array.from(bytes, (byte) => byteCharacters[byte] ?? '').join(''));
      if (whole !== undefined) return [whole];
    }
    const symbols = Int32Array.from(bytes, (byte) => {
      const number = this.#byteNumbers[byte];
      if (number === undefined)
        failAt('the tokeniser', `its vocabulary lacks the byte ${byte}, and an unknown token`);
      return number;
    });
    return mergeTokens(symbols, this.#merges);
  }

  /** Bytes that are no UTF-8 become U+FFFD. Throws a RuntimeError for a number that is no token. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return decodeAll(this, ids, options);
  }

  /** Text as tokens come: a character's bytes are held back until all of them are there. */
  openDecoder({ printSpecial = false, continues = false }: DecodeOptions = {}): TokenStream {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    let isFirst = this.model.normalization.prefixSpace && !continues;
    return {
      push: (id) => {
        const bytes = this.#bytes[id];
        if (bytes === undefined)
          failAt('the tokeniser', `${id} is no token`, `tokens go from 0 to ${this.size - 1}`);
        if (this.#specialNumbers.has(id) && !printSpecial) return '';
        const text = decoder.decode(bytes, { stream: true });
        if (!isFirst || text === '') return text;
        isFirst = false;
        return text.startsWith(' ') ? text.slice(1) : text;
      },
      end: () => decoder.decode(),
    };
  }

  token(id: number): string | undefined {
    return this.model.tokens[id];
  }

  find(token: string): number | undefined {
    return this.model.added.find(({ content }) => content === token)?.id ?? this.#numbers.get(token);
  }

  save(): SavedBpe {
    return { kind: 'bpe', tokenizer: tokenizerJson(this.model) };
  }
}

function indexMerges(
  { tokens, merges }: BpeModel,
  numbers: ReadonlyMap<string, number>,
  place: string,
): ReadonlyMap<number, Merge> {
  const index = new Map<number, Merge>();
  merges.forEach(([left, right], rank) => {
    const token = `${tokens[left] ?? ''}${tokens[right] ?? ''}`;
    const result =
      numbers.get(token) ?? failAt(place, `merge ${rank} makes \`${token}\`, which is not in the vocabulary`);
    const key = pairKey(left, right);
    if (!index.has(key)) index.set(key, { rank, result });
  });
  return index;
}

function indexAdded({ added }: BpeModel) {
  const contents = added.map(({ content }) => content).filter((content) => content !== '');
  if (contents.length === 0) return undefined;
  // The longest first, as one may begin with another.
  const alternatives = contents
    .toSorted((a, b) => b.length - a.length)
    .map((content) => content.replaceAll(/[$()*+./?[\\\]^{|}-]/g, String.raw`\$&`));
  return {
    pattern: new RegExp(`(${alternatives.join('|')})`),
    numbers: new Map(added.map(({ content, id }) => [content, id])),
  };
}

function findSpecial({ added, unknown }: BpeModel): SpecialTokens {
  const numbers = new Map(added.map(({ content, id }) => [content, id]));
  const named = nameSpecial((token) => numbers.get(token));
  return unknown === undefined ? named : { ...named, unk: unknown };
}
