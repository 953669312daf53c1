/** The model's outputs for batches of data, put together along the axis of the examples. */
import type { Batch } from './data/dataset.ts';
import type { Plan } from './plan.ts';
import { requestFor } from './request.ts';
import { RuntimeError, type Run, type Session, type TensorData } from './session.ts';

export interface PredictRequest {
  readonly session: Session;
  readonly plan: Plan;
  readonly batches: Iterable<Batch>;
  /** Stop after so many examples. */
  readonly limit?: number;
}

const ahead = 4;

/**
 * Outputs by name (`output`, `output_1`, …), first axis = example in the order of the batches. Where batches differ in
 * another axis (the sequence), the shorter ones are filled up with zeros.
 */
export async function predict(request: PredictRequest): Promise<ReadonlyMap<string, TensorData>> {
  const { session, plan, batches, limit = Number.POSITIVE_INFINITY } = request;
  const parts = new Map<string, TensorData[]>(plan.signature.outputs.map(({ name }) => [name, []]));
  const pending: { readonly run: Run; readonly rows: number }[] = [];
  const readOldest = async (): Promise<void> => {
    const oldest = pending.shift();
    if (oldest === undefined) return;
    const outputs = await oldest.run.outputs();
    for (const [name, list] of parts) {
      const output = outputs.get(name);
      if (output !== undefined) list.push(takeRows(output, oldest.rows));
    }
  };
  let rows = 0;
  for (const batch of batches) {
    if (rows >= limit) break;
    const run = session.submit('predict', requestFor(plan, 'predict', batch, { step: 1, seed: 0, lr: 0 }));
    pending.push({ run, rows: Math.min(batch.rows, limit - rows) });
    rows += batch.rows;
    if (pending.length > ahead) await readOldest();
  }
  while (pending.length > 0) await readOldest();
  if (rows === 0) throw new RuntimeError(5, 'there is no example to predict');
  return new Map([...parts].map(([name, list]) => [name, concatenate(list)]));
}

function takeRows(tensor: TensorData, rows: number): TensorData {
  const [first = 0, ...rest] = tensor.shape;
  if (rows >= first) return tensor;
  return { ...tensor, shape: [rows, ...rest], data: tensor.data.subarray(0, rows * elementCount(rest)) };
}

function concatenate(parts: readonly TensorData[]): TensorData {
  const [first] = parts;
  if (first === undefined) throw new RuntimeError(5, 'there is no output');
  const rest = first.shape
    .slice(1)
    .map((_, axis) => Math.max(...parts.map(({ shape }) => shape[axis + 1] ?? 0)));
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  const size = elementCount(rest);
  const data = first.dtype === 'f32' ? new Float32Array(rows * size) : new Int32Array(rows * size);
  let row = 0;
  for (const part of parts) {
    copyRows(part, rest, data.subarray(row * size));
    row += part.shape[0] ?? 1;
  }
  return { dtype: first.dtype, shape: [rows, ...rest], data };
}

/** Copies runs of the last axis to where they lie in rows of shape `rest`, which is at least as large. */
function copyRows(
  { shape, data }: TensorData,
  rest: readonly number[],
  into: Float32Array | Int32Array,
): void {
  const own = shape.slice(1);
  const run = own.at(-1) ?? 1;
  const runs = run === 0 ? 0 : data.length / run;
  for (let number = 0; number < runs; number++) {
    let position = 0;
    let remaining = number;
    let stride = rest.at(-1) ?? 1;
    for (let axis = own.length - 2; axis >= 0; axis--) {
      const size = own[axis] ?? 1;
      position += (remaining % size) * stride;
      remaining = Math.floor(remaining / size);
      stride *= rest[axis] ?? 1;
    }
    into.set(data.subarray(number * run, (number + 1) * run), position + remaining * stride);
  }
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
