/** Learns byte-level BPE from texts (Sennrich et al., 2016, https://aclanthology.org/P16-1162). */
import { failAt } from '../problem.ts';
import { byteCharacters, preTokenize, textBytes, type Normalization } from './bytes.ts';
import { Heap } from './heap.ts';
import { pairKey } from './merge.ts';
import { makeSpecialToken, type BpeModel } from './model.ts';

/** Numbers 0 to 4 of a vocabulary that is learned here. */
export const bpeSpecialTokens = ['<pad>', '<unk>', '<s>', '</s>', '<mask>'] as const;
export const leastBpeSize = bpeSpecialTokens.length + byteCharacters.length;

export interface BpeTraining {
  /** Most tokens, with special ones and the 256 bytes. */
  readonly vocabularySize: number;
  /** A pair that the texts have less often is not merged. */
  readonly minCount: number;
  readonly lowercase: boolean;
  readonly nfc: boolean;
  /** Whether a text that does not begin with a space gets one. */
  readonly prefixSpace?: boolean;
}

interface Word {
  tokens: number[];
  readonly count: number;
}

interface PairCount {
  readonly left: number;
  readonly right: number;
  count: number;
  /** Words that have, or once had, the pair. */
  readonly words: Set<Word>;
}

interface Candidate {
  readonly pair: PairCount;
  readonly count: number;
}

/**
 * The most frequent pair becomes a token until the vocabulary is full. Of equally frequent ones the pair with the
 * smaller numbers, left first, goes first, so that the order of the texts does not matter. Numbers: special tokens,
 * bytes by the code points of their characters, merges. Throws a RuntimeError for a size without room for the bytes.
 */
export function trainBpe(texts: Iterable<string>, training: BpeTraining): BpeModel {
  const { vocabularySize, minCount, lowercase, nfc, prefixSpace = false } = training;
  if (vocabularySize < leastBpeSize) {
    failAt(
      'the vocabulary size',
      `${vocabularySize} is too small`,
      `the 256 bytes and ${bpeSpecialTokens.length} special tokens alone are ${leastBpeSize}`,
    );
  }
  const normalization: Normalization = { lowercase, nfc, prefixSpace };
  const tokens: string[] = [...bpeSpecialTokens, ...byteCharacters.toSorted()];
  const numbers = new Map(tokens.map((token, number) => [token, number]));
  const merges: [number, number][] = [];
  const pairs = new PairCounts(countWords(texts, normalization, numbers));
  while (tokens.length < vocabularySize) {
    const best = pairs.takeBest(Math.max(1, minCount));
    if (best === undefined) break;
    const { left, right } = best;
    const token = `${tokens[left] ?? ''}${tokens[right] ?? ''}`;
    // Two ways to the same text (`a` + `bc`, `ab` + `c`) are one token.
    let result = numbers.get(token);
    if (result === undefined) {
      result = tokens.length;
      numbers.set(token, result);
      tokens.push(token);
    }
    merges.push([left, right]);
    pairs.merge(best, result);
  }
  return {
    tokens,
    merges,
    normalization,
    added: bpeSpecialTokens.map((content, id) => makeSpecialToken(id, content)),
    unknown: numbers.get('<unk>'),
    ignoreMerges: false,
  };
}

function countWords(
  texts: Iterable<string>,
  normalization: Normalization,
  numbers: ReadonlyMap<string, number>,
): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const piece of preTokenize(text, normalization)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const byteNumbers = byteCharacters.map((character) => numbers.get(character) ?? -1);
  return Array.from(counts, ([piece, count]) => ({
    tokens: Array.from(textBytes(piece), (byte) => byteNumbers[byte] ?? -1),
    count,
  }));
}

/** Counts of adjacent pairs, kept up to date by looking again only at the words that a merge changes. */
class PairCounts {
  readonly #pairs = new Map<number, PairCount>();
  readonly #queue = new Heap<Candidate>(
    (a, b) =>
      a.count > b.count ||
      (a.count === b.count &&
        (a.pair.left < b.pair.left || (a.pair.left === b.pair.left && a.pair.right < b.pair.right))),
  );

  constructor(words: readonly Word[]) {
    for (const word of words) this.#add(word, word.count);
    for (const pair of this.#pairs.values()) this.#queue.push({ pair, count: pair.count });
  }

  #add(word: Word, count: number, touched?: Set<PairCount>): void {
    const { tokens } = word;
    for (let k = 0; k + 1 < tokens.length; k++) {
      const [left = 0, right = 0] = [tokens[k], tokens[k + 1]];
      const key = pairKey(left, right);
      let pair = this.#pairs.get(key);
      if (pair === undefined) {
        pair = { left, right, count: 0, words: new Set() };
        this.#pairs.set(key, pair);
      }
      pair.count += count;
      if (count > 0) {
        pair.words.add(word);
        touched?.add(pair);
      }
    }
  }

  takeBest(minCount: number): PairCount | undefined {
    for (let best = this.#queue.pop(); best !== undefined; best = this.#queue.pop()) {
      const { pair, count } = best;
      if (pair.count === count) return count >= minCount ? pair : undefined;
      // The count fell since. Where it rose, `merge` put the pair in again.
      if (pair.count < count && pair.count > 0) this.#queue.push({ pair, count: pair.count });
    }
    return undefined;
  }

  merge({ left, right, words }: PairCount, result: number): void {
    const touched = new Set<PairCount>();
    for (const word of words) {
      const merged = mergePair(word.tokens, left, right, result);
      if (merged.length === word.tokens.length) continue;
      this.#add(word, -word.count);
      word.tokens = merged;
      this.#add(word, word.count, touched);
    }
    words.clear();
    for (const pair of touched) if (pair.count > 0) this.#queue.push({ pair, count: pair.count });
  }
}

/** From the left: `aaa` with `aa` merged is `aa`, `a`. */
function mergePair(tokens: readonly number[], left: number, right: number, result: number): number[] {
  const merged: number[] = [];
  for (let k = 0; k < tokens.length; k++) {
    const token = tokens[k] ?? 0;
    if (token === left && tokens[k + 1] === right) {
      merged.push(result);
      k += 1;
    } else merged.push(token);
  }
  return merged;
}
