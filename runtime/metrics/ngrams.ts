/** Counts of n-grams, which BLEU and chrF share. */

/** How often each run of `n` items occurs. Keys are of use to compare with those of another list of the same `n`. */
export function countNgrams(items: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let k = 0; k + n <= items.length; k++) {
    // JSON keeps ["a b", "c"] and ["a", "b c"] apart, whatever a token holds.
    const key = JSON.stringify(items.slice(k, k + n));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The n-grams that both have, each as often as the one that has fewer. */
export function countMatches(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let matches = 0;
  for (const [key, count] of a) matches += Math.min(count, b.get(key) ?? 0);
  return matches;
}
