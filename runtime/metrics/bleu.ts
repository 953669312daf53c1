/** Corpus BLEU-4: Papineni, Roukos, Ward and Zhu, "BLEU: a method for automatic evaluation of machine translation" (2002). */
import { countMatches, countNgrams } from './ngrams.ts';

const order = 4;

export interface BleuScore {
  /** 0 to 100; 0 where an order has no match, for nothing is smoothed. */
  readonly bleu: number;
  /** Of 1-grams to 4-grams, 0 to 100. */
  readonly precisions: readonly number[];
  readonly brevity_penalty: number;
  /** Tokens. */
  readonly hypothesis_length: number;
  readonly reference_length: number;
}

/** Adds up over texts that are tokens already; whoever prints the score names the tokenisation. */
export class BleuCounts {
  readonly #matches = new Float64Array(order);
  readonly #totals = new Float64Array(order);
  #hypothesisLength = 0;
  #referenceLength = 0;

  /** Throws a RangeError where there is no reference. */
  add(references: readonly (readonly string[])[], hypothesis: readonly string[]): void {
    this.#referenceLength += closestLength(references, hypothesis.length);
    this.#hypothesisLength += hypothesis.length;
    for (let k = 0; k < order; k++) {
      const most = new Map<string, number>();
      for (const reference of references) {
        for (const [key, count] of countNgrams(reference, k + 1)) {
          most.set(key, Math.max(count, most.get(key) ?? 0));
        }
      }
      this.#matches[k] = (this.#matches[k] ?? 0) + countMatches(countNgrams(hypothesis, k + 1), most);
      this.#totals[k] = (this.#totals[k] ?? 0) + Math.max(0, hypothesis.length - k);
    }
  }

  score(): BleuScore {
    const [hypothesis, reference] = [this.#hypothesisLength, this.#referenceLength];
    const shares = Array.from(this.#totals, (total, k) =>
      total === 0 ? 0 : (this.#matches[k] ?? 0) / total,
    );
    const penalty = hypothesis === 0 ? 0 : Math.exp(Math.min(0, 1 - reference / hypothesis));
    // The logarithm of 0 is -Infinity, and e to that is the 0 that is meant.
    const mean = Math.exp(shares.reduce((sum, share) => sum + Math.log(share), 0) / order);
    return {
      bleu: 100 * penalty * mean,
      precisions: shares.map((share) => 100 * share),
      brevity_penalty: penalty,
      hypothesis_length: hypothesis,
      reference_length: reference,
    };
  }
}

/** Of the references' lengths the one nearest to the hypothesis's; of two as near, the shorter. */
function closestLength(references: readonly (readonly string[])[], length: number): number {
  const lengths = references.map((reference) => reference.length).toSorted((a, b) => a - b);
  const [first, ...rest] = lengths;
  if (first === undefined) throw new RangeError('BLEU needs at least one reference for a text');
  return rest.reduce(
    (best, other) => (Math.abs(other - length) < Math.abs(best - length) ? other : best),
    first,
  );
}
