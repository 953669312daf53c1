/** Which rows make which batch. */
import { range, shuffled, streams } from './random.ts';

export interface Ordering {
  /** Rows in a batch; the last of an epoch may have fewer. */
  readonly size: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly epoch: number;
  /** Lengths by row: rows of like length come together. Undefined: rows as they come. */
  readonly lengths?: readonly number[];
  /** Batches within which rows are sorted by length. */
  readonly pool: number;
}

/**
 * Every row once. With lengths, rows are sorted by length within pools of `pool` batches, so that little is padded, and
 * the batches are shuffled again, so that an epoch does not go from short to long.
 */
export function orderBatches(rows: number, ordering: Ordering): readonly (readonly number[])[] {
  const { size, shuffle, seed, epoch, lengths, pool } = ordering;
  const order = shuffle ? shuffled(range(rows), seed, streams.rows, epoch) : range(rows);
  if (lengths === undefined) return cut(order, size);
  const batches = cut(order, size * pool).flatMap((part) =>
    cut(
      part.toSorted((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0)),
      size,
    ),
  );
  return shuffle ? shuffled(batches, seed, streams.batches, epoch) : batches;
}

function cut<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < list.length; start += size) parts.push(list.slice(start, start + size));
  return parts;
}
