/** What generation asks of a model: scores for the next token of rows that all stand at the same position. */
import { solveDim, symbolOf } from '../data/dims.ts';
import type { TensorData } from '../session.ts';
import type { GrowingInput } from './growing-input.ts';

export interface Decoder {
  /**
   * Starts sequences: `prompt` i32[rows, n], n >= 1, of equal lengths; `inputs`: the model's other inputs by name, such
   * as an encoder's source, first axis = row. Resolves to the scores f32[rows, vocabulary] after the last prompt token.
   * Throws a RuntimeError where rows or n are more than there is room for.
   */
  start(prompt: TensorData, inputs: ReadonlyMap<string, TensorData>): Promise<TensorData>;
  /** Appends one token to each row; the scores that follow, f32[rows, vocabulary]. */
  step(tokens: Int32Array): Promise<TensorData>;
  /** Row i goes on from what was row `parents[i]`: rows may repeat, and their number may change. */
  reorder(parents: readonly number[]): Promise<void>;
  readonly room: DecoderRoom;
}

export interface DecoderRoom {
  /** The longest sequence, prompt included. */
  readonly capacity: number;
  /** Most rows at a time: the bound of the batch. */
  readonly maxRows: number;
}

/** i32[rows, n] of rows of equal lengths. */
export function stackRows(rows: readonly (readonly number[])[]): TensorData {
  const length = rows[0]?.length ?? 0;
  return { dtype: 'i32', shape: [rows.length, length], data: Int32Array.from(rows.flat()) };
}

/** Row i of the result is row `parents[i]`. */
export function takeRows(tensor: TensorData, parents: readonly number[]): TensorData {
  const count = parents.length;
  const [, ...rest] = tensor.shape;
  const size = rest.reduce((product, each) => product * each, 1);
  const data = tensor.dtype === 'f32' ? new Float32Array(count * size) : new Int32Array(count * size);
  for (const [row, from] of parents.entries())
    data.set(tensor.data.subarray(from * size, (from + 1) * size), row * size);
  return { ...tensor, shape: [count, ...rest], data };
}

/** The runtime dimensions: `known`, and those that follow from the inputs that are given once. */
export function solveSizes(
  { others }: Pick<GrowingInput, 'others'>,
  inputs: ReadonlyMap<string, TensorData>,
  known: Iterable<readonly [string, number]>,
): ReadonlyMap<string, number> {
  const sizes = new Map(known);
  for (const { name, shape } of others)
    for (const [axis, size] of shape.entries()) {
      const symbol = symbolOf(size);
      const given = inputs.get(name)?.shape[axis];
      if (given === undefined || (symbol !== undefined && sizes.has(symbol))) continue;
      const solved = solveDim(size, given, sizes);
      if (solved !== undefined) sizes.set(...solved);
    }
  return sizes;
}
