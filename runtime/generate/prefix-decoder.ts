/** A decoder for any model: runs `predict` on the whole prefix for every token. The oracle of those with caches. */
import type { Plan } from '../plan.ts';
import { RuntimeError, type Session, type TensorData } from '../session.ts';
import { solveSizes, stackRows, takeRows, type Decoder } from './decoder.ts';
import { findGrowingInput, type GrowingInput } from './growing-input.ts';

export class PrefixDecoder implements Decoder {
  readonly #session: Session;
  readonly room: GrowingInput;
  /** Inputs and dimensions that the program reads; a source may reach no result. */
  readonly #reads: ReadonlySet<string>;
  readonly #dims: ReadonlySet<string>;
  #rows: readonly number[][] = [];
  #inputs: ReadonlyMap<string, TensorData> = new Map();

  /** Throws a RuntimeError where the model has no sequence that could grow. */
  constructor(plan: Plan, session: Session) {
    this.#session = session;
    this.room = findGrowingInput(plan);
    const predict = plan.programs.find(({ name }) => name === 'predict');
    this.#reads = new Set(predict?.inputs.map(({ name }) => name));
    this.#dims = new Set(plan.dims.map(({ name }) => name));
  }

  async start(prompt: TensorData, inputs: ReadonlyMap<string, TensorData>): Promise<TensorData> {
    const [rows = 0, length = 0] = prompt.shape;
    if (rows < 1 || length < 1) throw new RuntimeError(2, 'a prompt has at least one token');
    this.#rows = Array.from({ length: rows }, (_, row) => [
      ...prompt.data.subarray(row * length, (row + 1) * length),
    ]);
    this.#inputs = inputs;
    return this.#run();
  }

  async step(tokens: Int32Array): Promise<TensorData> {
    if (tokens.length !== this.#rows.length)
      throw new RuntimeError(2, `${tokens.length} tokens for ${this.#rows.length} rows`);
    for (const [row, each] of this.#rows.entries()) each.push(tokens[row] ?? 0);
    return this.#run();
  }

  async reorder(parents: readonly number[]): Promise<void> {
    this.#rows = parents.map((parent) => [...(this.#rows[parent] ?? [])]);
    this.#inputs = new Map([...this.#inputs].map(([name, tensor]) => [name, takeRows(tensor, parents)]));
  }

  async #run(): Promise<TensorData> {
    const { output, vocabularySize } = this.room;
    const rows = this.#rows.length;
    const length = this.#rows[0]?.length ?? 0;
    const inputs = this.#bind(rows, length);
    const run = this.#session.submit('predict', {
      sizes: this.#sizes(rows, length),
      inputs: new Map([...inputs].filter(([name]) => this.#reads.has(name))),
      step: 1,
      seed: 0,
      lr: 0,
    });
    const all = (await run.outputs()).get(output);
    if (all === undefined) throw new RuntimeError(2, `the model returns no \`${output}\``);
    const data = new Float32Array(rows * vocabularySize);
    for (let row = 0; row < rows; row++) {
      const from = ((row + 1) * length - 1) * vocabularySize;
      data.set(all.data.subarray(from, from + vocabularySize), row * vocabularySize);
    }
    return { dtype: 'f32', shape: [rows, vocabularySize], data };
  }

  #bind(rows: number, length: number): Map<string, TensorData> {
    const { name, others } = this.room;
    const inputs = new Map(this.#inputs).set(name, stackRows(this.#rows));
    for (const other of others) {
      if (inputs.has(other.name)) continue;
      // `lengths` of a model without a source are those of what grows.
      if (other.dtype !== 'i32' || other.shape.length !== 1)
        throw new RuntimeError(2, `generation needs the model's input \`${other.name}\``);
      inputs.set(other.name, { dtype: 'i32', shape: [rows], data: new Int32Array(rows).fill(length) });
    }
    return inputs;
  }

  #sizes(rows: number, length: number): ReadonlyMap<string, number> {
    const { batchDim, dim } = this.room;
    const sizes = solveSizes(this.room, this.#inputs, [
      [batchDim, rows],
      [dim, length],
    ]);
    return new Map([...sizes].filter(([name]) => this.#dims.has(name)));
  }
}
