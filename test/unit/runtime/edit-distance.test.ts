/** Edit distance against its recursive definition; rates as sums over texts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, ErrorCounts } from '../../../runtime/metrics/edit-distance.ts';

function byDefinition(a: readonly string[], b: readonly string[]): number {
  const [first, ...restA] = a;
  const [second, ...restB] = b;
  if (first === undefined) return b.length;
  if (second === undefined) return a.length;
  if (first === second) return byDefinition(restA, restB);
  return 1 + Math.min(byDefinition(restA, restB), byDefinition(restA, b), byDefinition(a, restB));
}

describe('edit distance', () => {
  it('is the fewest edits', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 });
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        expect(editDistance(a, b)).toBe(byDefinition(a, b));
      }),
      { numRuns: 200 },
    );
  });
});

describe('error rates', () => {
  it('are edits of all texts over the lengths of all references', () => {
    const counts = new ErrorCounts();
    counts.add('seven two', 'seven two');
    counts.add('one', 'on');
    counts.add('nine', 'five nine');
    expect(counts.rates()).toEqual({ cer: 6 / 16, wer: 2 / 4, exact_match: 1 / 3 });
  });

  it('count code points, and no blanks between words', () => {
    const counts = new ErrorCounts();
    counts.add('😀 b', '😀  b');
    expect(counts.rates()).toEqual({ cer: 1 / 3, wer: 0, exact_match: 0 });
  });

  it('of nothing are 0, and infinite where something was heard', () => {
    const counts = new ErrorCounts();
    counts.add('', '');
    expect(counts.rates()).toEqual({ cer: 0, wer: 0, exact_match: 1 });
    counts.add('', 'a');
    expect(counts.rates().cer).toBe(Infinity);
  });
});
