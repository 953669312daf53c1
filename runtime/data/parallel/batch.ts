/** Pairs in numbers to a batch for teacher forcing: each side padded to its longest row. */
import type { TensorData } from '../../session.ts';
import type { Batch } from '../dataset.ts';
import type { ParallelBinding, SideBinding } from './binding.ts';

export interface NumberedPair {
  /** The source and what ends it. */
  readonly source: Int32Array;
  /** What begins a text, the translation, what ends it: n + 1 numbers, of which n go in and n are predicted. */
  readonly target: Int32Array;
}

export interface Padding {
  readonly source: number;
  readonly target: number;
}

/** The batch's mean loss counts for its labels without padding. */
export function makePairBatch(
  { batchDim, source, target, labels }: ParallelBinding,
  pairs: readonly NumberedPair[],
  padding: Padding,
  indices: readonly number[],
): Batch {
  const sources = pairs.map((pair) => pair.source);
  const given = pairs.map((pair) => pair.target.subarray(0, -1));
  const next = pairs.map((pair) => pair.target.subarray(1));
  const longest = (rows: readonly Int32Array[]): number =>
    rows.reduce((most, row) => Math.max(most, row.length), 1);
  const own = { source: longest(sources), target: longest(given) };
  const same = source.dim === target.dim ? Math.max(own.source, own.target) : undefined;
  const sizes = { source: same ?? own.source, target: same ?? own.target };
  const tensors = new Map<string, TensorData>();
  const setSide = (side: SideBinding, rows: readonly Int32Array[], size: number, fill: number): void => {
    tensors.set(side.spec.name, pad(rows, size, fill));
    if (side.lengths === undefined) return;
    const data = Int32Array.from(rows, (row) => row.length);
    tensors.set(side.lengths.name, { dtype: 'i32', shape: [rows.length], data });
  };
  setSide(source, sources, sizes.source, padding.source);
  setSide(target, given, sizes.target, padding.target);
  if (labels !== undefined) tensors.set(labels.name, pad(next, sizes.target, padding.target));
  const count = (rows: readonly Int32Array[]): number => rows.reduce((sum, row) => sum + row.length, 0);
  return {
    tensors,
    sizes: new Map([
      [batchDim, pairs.length],
      [source.dim, sizes.source],
      [target.dim, sizes.target],
    ]),
    rows: pairs.length,
    weight: count(next),
    tokens: count(sources) + count(given),
    indices,
  };
}

function pad(rows: readonly Int32Array[], size: number, fill: number): TensorData {
  const data = new Int32Array(rows.length * size).fill(fill);
  rows.forEach((row, k) => data.set(row, k * size));
  return { dtype: 'i32', shape: [rows.length, size], data };
}
