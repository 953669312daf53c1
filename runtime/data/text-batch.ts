/** Rows of numbers to a batch: padded to the longest of them. */
import type { TensorData } from '../session.ts';
import type { TextBinding } from './binding.ts';
import type { Batch } from './dataset.ts';
import { padding } from './vocabulary.ts';

/** `ids`: tokens of each row, at least one. `targets`: a number for each row, where there is a target. */
export function makeTextBatch(
  binding: TextBinding,
  ids: readonly Int32Array[],
  targets: readonly number[] | undefined,
  indices: readonly number[],
): Batch {
  const rows = ids.length;
  const longest = ids.reduce((most, row) => Math.max(most, row.length), 1);
  const tokens = new Int32Array(rows * longest).fill(padding);
  ids.forEach((row, k) => tokens.set(row, k * longest));
  const tensors = new Map<string, TensorData>();
  tensors.set(binding.tokens.name, { dtype: 'i32', shape: [rows, longest], data: tokens });
  if (binding.lengths !== undefined) {
    const data = Int32Array.from(ids, (row) => row.length);
    tensors.set(binding.lengths.name, { dtype: 'i32', shape: [rows], data });
  }
  if (binding.target !== undefined && targets !== undefined) {
    const { spec, kind } = binding.target;
    tensors.set(
      spec.name,
      kind === 'class'
        ? { dtype: 'i32', shape: [rows], data: Int32Array.from(targets) }
        : { dtype: 'f32', shape: [rows], data: Float32Array.from(targets) },
    );
  }
  return {
    tensors,
    sizes: new Map([
      [binding.batchDim, rows],
      [binding.sequenceDim, longest],
    ]),
    rows,
    tokens: ids.reduce((sum, row) => sum + row.length, 0),
    indices,
  };
}
