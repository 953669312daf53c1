/** A data set whose rows get an input of another row: what a model makes of it says whether it looks at that input. */
import { RuntimeError, type TensorData } from '../session.ts';
import type { Batch, Dataset } from './dataset.ts';

/**
 * Within a batch, row k of the named tensors is that of row k + 1, and the last one's that of the first. Rows with their
 * own input, in batches of one, are left as they are. Throws a RuntimeError (exit code 2) for a name that batches lack.
 */
export function shuffleInputs(dataset: Dataset, names: readonly string[]): Dataset {
  return {
    ...dataset,
    *batches(split, options) {
      for (const batch of dataset.batches(split, options)) yield shuffleBatch(batch, names);
    },
  };
}

function shuffleBatch(batch: Batch, names: readonly string[]): Batch {
  const tensors = new Map(batch.tensors);
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new RuntimeError(
        2,
        `the data has no input \`${name}\`; there are ${[...tensors.keys()].map((each) => `\`${each}\``).join(', ')}`,
      );
    tensors.set(name, rotateRows(tensor));
  }
  return { ...batch, tensors };
}

function rotateRows(tensor: TensorData): TensorData {
  const size = tensor.data.length / (tensor.shape[0] ?? 1);
  const data = tensor.data.slice();
  data.set(tensor.data.subarray(size), 0);
  data.set(tensor.data.subarray(0, size), data.length - size);
  return { ...tensor, data };
}
