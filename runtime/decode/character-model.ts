/** A language model of characters: n-grams, interpolated after Witten and Bell 1991. */
import type { PrefixModel } from './ctc.ts';

/** Number of what stands before a text and what ends it. */
const edge = -1;

/**
 * P(c | h) = (count(h c) + t(h) P(c | h')) / (count(h) + t(h)), where t(h) is how many different characters follow h and h' is
 * h without its oldest character; without history, one share more is uniform. The end of a text counts as a character.
 */
export class CharacterModel implements PrefixModel {
  readonly order: number;
  /** How many different symbols a text may have, its end included. */
  readonly #symbols: number;
  /** By history, oldest first: counts of what follows it. */
  readonly #counts = new Map<string, Map<number, number>>();
  readonly #totals = new Map<string, number>();

  /** `order` 3: two characters of history. `symbols`: numbers that a text may have. */
  constructor(texts: Iterable<readonly number[]>, order: number, symbols: number) {
    this.order = order;
    this.#symbols = symbols + 1;
    for (const text of texts) this.#count(text);
  }

  #count(text: readonly number[]): void {
    const padded = [...Array.from({ length: this.order - 1 }, () => edge), ...text, edge];
    for (let at = this.order - 1; at < padded.length; at++) {
      for (let length = 0; length < this.order; length++) {
        const history = padded.slice(at - length, at).join();
        const counts = this.#counts.get(history) ?? new Map<number, number>();
        const symbol = padded[at] ?? edge;
        counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
        this.#counts.set(history, counts);
        this.#totals.set(history, (this.#totals.get(history) ?? 0) + 1);
      }
    }
  }

  score(before: readonly number[], symbol: number | undefined): number {
    const room = this.order - 1;
    const recent = room === 0 ? [] : before.slice(-room);
    const history = [...Array.from({ length: room - recent.length }, () => edge), ...recent];
    return Math.log(this.#probability(history, symbol ?? edge));
  }

  #probability(history: readonly number[], symbol: number): number {
    let probability = 1 / this.#symbols;
    for (let length = 0; length <= history.length; length++) {
      const key = history.slice(history.length - length).join();
      const counts = this.#counts.get(key);
      if (counts === undefined) break;
      const total = this.#totals.get(key) ?? 0;
      probability = ((counts.get(symbol) ?? 0) + counts.size * probability) / (total + counts.size);
    }
    return probability;
  }
}
