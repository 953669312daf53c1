/** Which rows make which batch. */
import type { BatchOptions, DataContext, Split } from './dataset.ts';
import { balanceRows } from './balance.ts';
import { failAt } from './problem.ts';
import { range, shuffled, streams } from './random.ts';

export interface Batching {
  readonly size: number;
  readonly shuffle: boolean;
  /** Whether every class has as many rows in an epoch of training. */
  readonly balance: boolean;
  /** The dimension along which rows are padded, as `bucket=…` names it. */
  readonly bucket: string | undefined;
  /** Where the stage was written. */
  readonly place: string;
  readonly pool: number;
}

export interface Ordering {
  /** Rows in a batch; the last of an epoch may have fewer. */
  readonly size: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly epoch: number;
  /** Lengths by row: rows of like length come together. Undefined: rows as they come. */
  readonly lengths?: readonly number[];
  /** The class of each row: where they are given and rows are shuffled, every class comes as often. */
  readonly classes?: readonly number[];
  /** Batches within which rows are sorted by length. */
  readonly pool: number;
}

/**
 * Every row once; with classes, as many of each. With lengths, rows are sorted by length within pools of `pool` batches, so that little is padded, and
 * the batches are shuffled again, so that an epoch does not go from short to long.
 */
export function orderBatches(rows: number, ordering: Ordering): readonly (readonly number[])[] {
  const { size, shuffle, seed, epoch, lengths, classes, pool } = ordering;
  const all = shuffle && classes !== undefined ? balanceRows(classes, seed, epoch) : range(rows);
  const order = shuffle ? shuffled(all, seed, streams.rows, epoch) : all;
  if (lengths === undefined) return cut(order, size);
  const batches = cut(order, size * pool).flatMap((part) =>
    cut(
      part.toSorted((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0)),
      size,
    ),
  );
  return shuffle ? shuffled(batches, seed, streams.batches, epoch) : batches;
}

/**
 * The batches of a part, as `batches{…}` asks for and the run's options allow; `lengths`: of the part's rows, by row;
 * `classes`: of the rows that are trained on, for `balance`.
 */
export function createOrder(
  batching: Batching,
  { noShuffle = false }: Pick<DataContext, 'noShuffle'>,
  lengths: Readonly<Record<Split, readonly number[]>>,
  classes?: readonly number[],
): (split: Split, options: BatchOptions) => readonly (readonly number[])[] {
  const { size, pool, shuffle, bucket, balance } = batching;
  if (balance && classes === undefined)
    failAt(
      batching.place,
      '`balance` needs rows that have one class each',
      'leave it out, or weigh the classes in the loss: `cross_entropy(output, labels, weight=[1, 5])`',
    );
  if (balance && !shuffle) failAt(batching.place, '`balance` draws rows', 'write `shuffle`, too');
  return (split, options) =>
    orderBatches(lengths[split].length, {
      size,
      pool,
      shuffle: options.shuffle && shuffle && !noShuffle,
      seed: options.seed,
      epoch: options.epoch,
      ...(balance && split === 'train' && classes !== undefined ? { classes } : {}),
      ...(bucket !== undefined && !noShuffle ? { lengths: lengths[split] } : {}),
    });
}

function cut<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < list.length; start += size) parts.push(list.slice(start, start + size));
  return parts;
}
