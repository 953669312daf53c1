/**
 * Corpus chrF2: Popović, "chrF: character n-gram F-score for automatic MT evaluation" (2015), with sacreBLEU's
 * defaults: n-grams of 1 to 6 characters without white space, recall counts twice, orders without n-grams left out.
 */
import { countMatches, countNgrams } from './ngrams.ts';

const order = 6;
const beta = 2;

interface OrderCounts {
  readonly hypothesis: number;
  readonly reference: number;
  readonly matches: number;
}

/** Adds up over texts. Characters are code points. */
export class ChrfCounts {
  #sums: readonly OrderCounts[] = Array.from({ length: order }, () => ({
    hypothesis: 0,
    reference: 0,
    matches: 0,
  }));

  /** Of several references the one with which the text scores best counts. Throws a RangeError where there is none. */
  add(references: readonly string[], hypothesis: string): void {
    const candidates = references.map((reference) => countOrders(reference, hypothesis));
    const [first, ...rest] = candidates;
    if (first === undefined) throw new RangeError('chrF needs at least one reference for a text');
    const best = rest.reduce((a, b) => (scoreOrders(b) > scoreOrders(a) ? b : a), first);
    this.#sums = this.#sums.map((sum, k) => ({
      hypothesis: sum.hypothesis + (best[k]?.hypothesis ?? 0),
      reference: sum.reference + (best[k]?.reference ?? 0),
      matches: sum.matches + (best[k]?.matches ?? 0),
    }));
  }

  /** 0 to 100. */
  score(): number {
    return scoreOrders(this.#sums);
  }
}

function countOrders(reference: string, hypothesis: string): OrderCounts[] {
  const [wanted, found] = [reference, hypothesis].map((text) => [...text.replaceAll(/\s+/gu, '')]);
  return Array.from({ length: order }, (_, k) => {
    const wantedCounts = countNgrams(wanted ?? [], k + 1);
    const references = Math.max(0, (wanted?.length ?? 0) - k);
    return {
      // As sacreBLEU: an order that the reference is too short for counts on neither side.
      hypothesis: references === 0 ? 0 : Math.max(0, (found?.length ?? 0) - k),
      reference: references,
      matches: countMatches(countNgrams(found ?? [], k + 1), wantedCounts),
    };
  });
}

function scoreOrders(orders: readonly OrderCounts[]): number {
  const counted = orders.filter(({ hypothesis, reference }) => hypothesis > 0 && reference > 0);
  const mean = (share: (counts: OrderCounts) => number): number =>
    counted.reduce((sum, counts) => sum + share(counts), 0) / Math.max(1, counted.length);
  const precision = mean(({ matches, hypothesis }) => matches / hypothesis);
  const recall = mean(({ matches, reference }) => matches / reference);
  if (precision + recall === 0) return 0;
  return (100 * (1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall);
}
