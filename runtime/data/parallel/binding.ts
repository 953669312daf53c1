/** Which of the model's inputs takes the source, which what is written so far, which target what comes next. */
import type { DataContext, TensorSpec } from '../dataset.ts';
import { printType, symbolOf } from '../dims.ts';
import { failAt, listNames } from '../problem.ts';

/** An input i32[batch, dim], and perhaps an i32[batch] with the tokens of each row. */
export interface SideBinding {
  readonly spec: TensorSpec;
  readonly dim: string;
  readonly bound: number;
  readonly lengths: TensorSpec | undefined;
}

export interface ParallelBinding {
  readonly batchDim: string;
  readonly source: SideBinding;
  readonly target: SideBinding;
  /** Absent where batches have no targets. */
  readonly labels: TensorSpec | undefined;
}

/**
 * The source is the first input i32[batch, n], what is written so far the second; labels are the target i32[batch, m] of
 * the second one's shape. Of the inputs i32[batch], the first is the source's lengths, the second the other's. Throws a
 * RuntimeError for any other model.
 */
export function bindParallel({ inputs: all, targets, dims }: DataContext, place: string): ParallelBinding {
  const inputs = all.filter(({ name }) => !targets.includes(name));
  const axesOf = ({ dtype, shape }: TensorSpec): number =>
    dtype === 'i32' && shape.every((dim) => symbolOf(dim) !== undefined) ? shape.length : 0;
  const texts = inputs.filter((each) => axesOf(each) === 2);
  const counts = inputs.filter((each) => axesOf(each) === 1);
  const [source, target] = texts;
  const batchDim = symbolOf(source?.shape[0]);
  if (source === undefined || target === undefined || batchDim === undefined)
    failAt(
      place,
      `pairs of texts need two inputs, and there are ${show(inputs)}`,
      'the source goes into an `i32[batch, source]`, what is written so far into an `i32[batch, target]`',
    );
  const others = inputs.filter(
    (each) => each !== source && each !== target && !counts.slice(0, 2).includes(each),
  );
  if (others.length > 0)
    failAt(place, `pairs of texts cannot fill the model's ${show(others)}`, 'give every input as a tensor: `tensors{…}`'); // prettier-ignore
  const sideOf = (spec: TensorSpec, lengths: TensorSpec | undefined): SideBinding => {
    const dim = symbolOf(spec.shape[1]) ?? '';
    const bound = dims.find(({ name }) => name === dim)?.bound ?? Number.POSITIVE_INFINITY;
    return { spec, dim, bound, lengths };
  };
  const wanted = all.filter(({ name }) => targets.includes(name));
  const [labels] = wanted;
  const fits =
    labels !== undefined && axesOf(labels) === 2 && symbolOf(labels.shape[1]) === symbolOf(target.shape[1]);
  if (wanted.length > 1 || (labels !== undefined && !fits))
    failAt(
      place,
      `a translation cannot fill ${show(wanted)}`,
      `the tokens of the translation, one place further on, are a target of ${target.name}'s shape, \`${printType(target)}\``,
    );
  return { batchDim, source: sideOf(source, counts[0]), target: sideOf(target, counts[1]), labels };
}

function show(specs: readonly TensorSpec[]): string {
  return listNames(specs.map((each) => `${each.name}: ${printType(each)}`));
}
