/** A batch of windows of one text, all of one length. */
import type { TensorData } from '../session.ts';
import type { WindowBinding } from './binding.ts';
import type { Batch } from './dataset.ts';
import type { Tokens } from './token-store.ts';

/** Rows that begin at `starts`, and the targets. */
export function makeBatch(
  ids: Tokens,
  starts: readonly number[],
  length: number,
  indices: readonly number[],
  binding: WindowBinding,
): Batch {
  const rows = starts.length;
  const shape = [rows, length];
  const cut = (offset: number): TensorData => {
    const data = new Int32Array(rows * length);
    starts.forEach((start, row) => {
      data.set(ids.subarray(start + offset, start + offset + length), row * length);
    });
    return { dtype: 'i32', shape, data };
  };
  const tensors = new Map([[binding.tokens.name, cut(0)]]);
  if (binding.target !== undefined) tensors.set(binding.target.name, cut(1));
  if (binding.lengths !== undefined)
    tensors.set(binding.lengths.name, {
      dtype: 'i32',
      shape: [rows],
      data: new Int32Array(rows).fill(length),
    });
  return {
    tensors,
    sizes: new Map([
      [binding.batchDim, rows],
      [binding.sequenceDim, length],
    ]),
    rows,
    weight: rows * length,
    tokens: rows * length,
    indices,
  };
}
