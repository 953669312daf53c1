/** A safetensors file as a data set: one tensor for each input and target, by name, the first axis the example. */
import { readSafetensors } from '../safetensors.ts';
import { RuntimeError, type TensorData } from '../session.ts';
import type { Batch, DataContext, Dataset, Split, TensorSpec } from './dataset.ts';
import { evaluateDim, printDim, printType, solveDim, symbolOf } from './dims.ts';
import { orderBatches } from './order.ts';
import { listNames, plural } from './problem.ts';
import { range } from './random.ts';
import { addTranscripts } from './tensor-transcripts.ts';

/** Bound tensors, checked against the model. */
export interface BoundTensors {
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly specs: readonly TensorSpec[];
  readonly rows: number;
  /** Without the batch's, which every batch has for itself. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly batchDim: string | undefined;
  readonly notes: readonly string[];
}

/**
 * `--data`: all rows train, and all rows are the test; there is no validation. `source` is a file's bytes, or its tensors
 * where it is too large for one array. `comparesTexts`: whether the task has error rates of texts. Throws a RuntimeError that names everything that is wrong at once.
 */
export function openTensors(
  source: Uint8Array | ReadonlyMap<string, TensorData>,
  context: DataContext,
  file = 'the data',
  comparesTexts = false,
): Dataset {
  const tensors = source instanceof Uint8Array ? readSafetensors(source, file).tensors : source;
  const bound = bindTensors(tensors, context, file);
  const all = range(bound.rows);
  const size = context.batchSize ?? boundOf(context, bound.batchDim) ?? bound.rows;
  const dataset = createTensorDataset(
    bound,
    { train: all, validation: [], test: all },
    { size, shuffle: true },
    context,
  );
  return comparesTexts ? addTranscripts(dataset, bound, context) : dataset;
}

function boundOf(context: DataContext, dim: string | undefined): number | undefined {
  return context.dims.find(({ name }) => name === dim)?.bound;
}

export function createTensorDataset(
  bound: BoundTensors,
  parts: Readonly<Record<Split, readonly number[]>>,
  batching: { readonly size: number; readonly shuffle: boolean },
  context: DataContext,
): Dataset {
  const { train, validation, test } = parts;
  return {
    rows: { train: train.length, validation: validation.length, test: test.length },
    *batches(split, { seed, epoch, shuffle }): Iterable<Batch> {
      const order = orderBatches(parts[split].length, {
        size: batching.size,
        shuffle: shuffle && batching.shuffle && context.noShuffle !== true,
        seed,
        epoch,
        pool: 1,
      });
      for (const indices of order) {
        const rows = indices.map((index) => parts[split][index] ?? 0);
        yield { ...gatherBatch(bound, rows), indices };
      }
    },
    batchesPerEpoch: (split) => Math.ceil(parts[split].length / batching.size),
    encoder: undefined,
    labels: [],
    notes: [
      train === test
        ? plural(train.length, 'row')
        : `${plural(train.length, 'row')} to train on, ${validation.length} for validation, ${test.length} for the test`,
      ...bound.notes,
    ],
  };
}

function gatherBatch(bound: BoundTensors, rows: readonly number[]): Omit<Batch, 'indices'> {
  const tensors = new Map<string, TensorData>();
  for (const { name } of bound.specs) {
    const tensor = bound.tensors.get(name);
    if (tensor !== undefined) tensors.set(name, gatherRows(tensor, rows));
  }
  const sizes = new Map(bound.sizes);
  if (bound.batchDim !== undefined) sizes.set(bound.batchDim, rows.length);
  return { tensors, sizes, rows: rows.length, tokens: countTokens(bound, tensors, rows.length) };
}

function gatherRows(tensor: TensorData, rows: readonly number[]): TensorData {
  const [, ...inner] = tensor.shape;
  const width = inner.reduce((product, size) => product * size, 1);
  const shape = [rows.length, ...inner];
  const data =
    tensor.dtype === 'f32' ? new Float32Array(rows.length * width) : new Int32Array(rows.length * width);
  rows.forEach((row, k) => data.set(tensor.data.subarray(row * width, (row + 1) * width), k * width));
  return { dtype: tensor.dtype, shape, data };
}

/** The sum of `lengths`, where the model has them; otherwise the first two axes of its first input. */
function countTokens(bound: BoundTensors, tensors: ReadonlyMap<string, TensorData>, rows: number): number {
  const lengths = bound.specs.find(
    ({ name, dtype, shape }) => dtype === 'i32' && shape.length === 1 && /(?:^|_)lengths$/.test(name),
  );
  if (lengths !== undefined) {
    let sum = 0;
    for (const length of tensors.get(lengths.name)?.data ?? []) sum += length;
    return sum;
  }
  const [first] = bound.specs;
  return rows * (tensors.get(first?.name ?? '')?.shape[1] ?? 1);
}

/** Names, ranks, sizes, element types and ranges of numbers. Throws a RuntimeError with a line for each fault. */
export function bindTensors(
  tensors: ReadonlyMap<string, TensorData>,
  context: DataContext,
  file: string,
): BoundTensors {
  const problems: string[] = [];
  const sizes = new Map<string, number>();
  /** Which tensor gave a dimension its size. */
  const origins = new Map<string, string>();
  const bound = new Map<string, TensorData>();
  const batchDim = context.inputs.map(({ shape }) => symbolOf(shape[0])).find((name) => name !== undefined);
  for (const spec of context.inputs) {
    const tensor = tensors.get(spec.name);
    if (tensor === undefined) problems.push(`there is no tensor \`${spec.name}\`: ${printType(spec)}`);
    else {
      const converted = convert(spec, tensor);
      if (typeof converted === 'string') problems.push(converted);
      else bound.set(spec.name, converted);
      problems.push(...unifyShape(spec, tensor, sizes, origins));
    }
  }
  for (const { name, bound: most } of context.dims) {
    const size = sizes.get(name);
    if (name !== batchDim && size !== undefined && size > most) {
      problems.push(
        `\`${origins.get(name) ?? name}\` has ${name} = ${size}, and the program bounds ${name} by ${most}`,
      );
    }
  }
  for (const { name, along } of context.inputs) {
    const tensor = bound.get(name);
    const size = along === undefined ? undefined : sizes.get(along);
    const at = tensor === undefined || size === undefined ? -1 : tensor.data.findIndex((each) => each > size);
    if (tensor !== undefined && at >= 0)
      problems.push(
        `\`${name}\` has ${tensor.data[at]} at [${unravel(at, tensor.shape).join(', ')}], and \`${origins.get(along ?? '') ?? ''}\` is ${size} long along ${along}: no row can be longer`,
      );
  }
  const rows = sizes.get(batchDim ?? '') ?? 0;
  if (problems.length === 0 && rows === 0) problems.push('there are no rows');
  if (problems.length > 0) {
    throw new RuntimeError(
      5,
      `${file} does not fit the model:\n${problems.map((problem) => `  ${problem}`).join('\n')}\n` +
        `  help: it has ${listNames([...tensors].map(([name, { dtype, shape }]) => `${name}: ${dtype}[${shape.join(', ')}]`))}`,
    );
  }
  sizes.delete(batchDim ?? '');
  const known = new Set(context.inputs.map(({ name }) => name));
  const surplus = [...tensors.keys()].filter((name) => !known.has(name) && !context.targets.includes(name));
  return {
    tensors: bound,
    specs: context.inputs,
    rows,
    sizes,
    batchDim,
    notes: surplus.length === 0 ? [] : [`${file}: ${listNames(surplus)} not used by the model`],
  };
}

/** To the element type of the input; a reason where the numbers do not fit. */
function convert(spec: TensorSpec, tensor: TensorData): TensorData | string {
  if (spec.dtype === 'f32') {
    return tensor.dtype === 'f32'
      ? tensor
      : { dtype: 'f32', shape: tensor.shape, data: Float32Array.from(tensor.data) };
  }
  if (tensor.dtype !== 'i32')
    return `\`${spec.name}\` has numbers of type f32, and the model takes ${spec.dtype}`;
  const [low, high] = spec.dtype === 'bool' ? [0, 2] : (spec.range ?? [-2147483648, 2147483648]);
  const bad = tensor.data.findIndex((value) => value < low || value >= high);
  return bad === -1
    ? tensor
    : `\`${spec.name}\` has ${tensor.data[bad]} at [${unravel(bad, tensor.shape).join(', ')}], and the model takes ${low} to ${high - 1}`;
}

function unravel(index: number, shape: readonly number[]): readonly number[] {
  let rest = index;
  return shape
    .toReversed()
    .map((size) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return place;
    })
    .toReversed();
}

function unifyShape(
  spec: TensorSpec,
  tensor: TensorData,
  sizes: Map<string, number>,
  origins: Map<string, string>,
): readonly string[] {
  const shown = `\`${spec.name}\` has shape [${tensor.shape.join(', ')}], and the model takes ${printType(spec)}`;
  if (tensor.shape.length !== spec.shape.length) return [shown];
  const problems: string[] = [];
  spec.shape.forEach((dim, axis) => {
    const size = tensor.shape[axis] ?? 0;
    const solved = solveDim(dim, size, sizes);
    if (solved !== undefined && solved[1] > 0) {
      sizes.set(...solved);
      origins.set(solved[0], spec.name);
      return;
    }
    const expected = evaluateDim(dim, sizes);
    if (expected === size) return;
    const symbol = symbolOf(dim);
    const origin = symbol === undefined ? undefined : origins.get(symbol);
    problems.push(
      expected === undefined
        ? `${shown}: axis ${axis} cannot be ${size}`
        : `${shown}: axis ${axis} is ${size}, and ${printDim(dim)} is ${expected}${origin === undefined ? '' : ` in \`${origin}\``}`,
    );
  });
  return problems;
}
