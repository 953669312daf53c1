/** Orders by chance, the same everywhere for the same numbers: Fisher-Yates on Philox. */
import { philox4x32 } from '../philox.ts';

/** What the numbers are for; a second key beside the seed. Never renumbered: runs would change. */
export const streams = {
  split: 0x53504c54,
  rows: 0x524f5753,
  batches: 0x42415443,
  windows: 0x57494e44,
  masks: 0x4d41534b,
  words: 0x574f5244,
  hidden: 0x48494445,
  subset: 0x53554253,
  classes: 0x434c4153,
} as const;

/** A new list. `stream` and `epoch` choose among the orders of a seed. */
export function shuffled<T>(items: readonly T[], seed: number, stream: number, epoch: number): T[] {
  const result = [...items];
  const drawn = result.map((_, k) => {
    const words = philox4x32([k >>> 2, 0, epoch >>> 0, 0], [seed >>> 0, stream]);
    return words[(k & 3) as 0 | 1 | 2 | 3];
  });
  for (let last = result.length - 1; last > 0; last--) {
    // Of 2^32 words each place gets as many as any other, but for one: no order is visibly likelier.
    const other = Math.floor(((drawn[last] ?? 0) / 2 ** 32) * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

/** 0 … count - 1 */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, k) => k);
}
