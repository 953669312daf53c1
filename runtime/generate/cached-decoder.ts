/** A decoder that runs `decode` on the new tokens only; what the ones before left is kept in the session's carries. */
import type { Plan } from '../plan.ts';
import { RuntimeError, type Session, type TensorData } from '../session.ts';
import { solveSizes, takeRows, type Decoder } from './decoder.ts';
import { findGrowingInput, type GrowingInput } from './growing-input.ts';

/** What the program `decode` takes, and what it keeps. */
interface DecodeProgram {
  /** The dimension of the length with the new tokens. */
  readonly total: string;
  readonly inputs: readonly string[];
  readonly dims: readonly string[];
  /** Names of the states of the role `carry`. */
  readonly carries: readonly string[];
}

function decodeProgramOf({ programs, generation, dims, states }: Plan): DecodeProgram | undefined {
  const program = programs.find(({ name }) => name === 'decode');
  if (program === undefined || generation?.total === undefined) return undefined;
  return {
    total: generation.total,
    inputs: program.inputs.map(({ name }) => name),
    dims: dims.map(({ name }) => name),
    carries: program.carries.flatMap((at) => states[at]?.name ?? []),
  };
}

/** Whether a model has a program to decode with: one with a `generate` section that never looks ahead. */
export function hasDecodeProgram(plan: Plan): boolean {
  return decodeProgramOf(plan) !== undefined;
}

export class CachedDecoder implements Decoder {
  readonly #session: Session;
  readonly #growing: GrowingInput;
  readonly #program: DecodeProgram;
  #rows = 0;
  #length = 0;
  #inputs: ReadonlyMap<string, TensorData> = new Map();

  /** Throws a RuntimeError where the model has no program `decode`. */
  constructor(plan: Plan, session: Session) {
    const program = decodeProgramOf(plan);
    if (program === undefined) throw new RuntimeError(2, `${plan.name} has no program decode`);
    this.#session = session;
    this.#growing = findGrowingInput(plan);
    this.#program = program;
  }

  get capacity(): number {
    return this.#growing.capacity;
  }

  get maxRows(): number {
    return this.#growing.maxRows;
  }

  get vocabularySize(): number {
    return this.#growing.vocabularySize;
  }

  async start(prompt: TensorData, inputs: ReadonlyMap<string, TensorData>): Promise<TensorData> {
    const [rows = 0, length = 0] = prompt.shape;
    if (rows < 1 || length < 1) throw new RuntimeError(2, 'a prompt has at least one token');
    this.#session.resetCarries('decode');
    this.#rows = rows;
    this.#length = 0;
    this.#inputs = inputs;
    return this.#run(prompt, length);
  }

  async step(tokens: Int32Array): Promise<TensorData> {
    if (tokens.length !== this.#rows)
      throw new RuntimeError(2, `${tokens.length} tokens for ${this.#rows} rows`);
    return this.#run({ dtype: 'i32', shape: [this.#rows, 1], data: tokens }, 1);
  }

  async reorder(parents: readonly number[]): Promise<void> {
    // The row is the first axis of a cache; a number alone, such as whether anything came before, has none.
    for (const name of this.#program.carries) {
      const state = await this.#session.readState(name);
      if (state.shape.length > 0) this.#session.writeState(name, takeRows(state, parents, state.shape[0]));
    }
    this.#inputs = new Map([...this.#inputs].map(([name, each]) => [name, takeRows(each, parents)]));
    this.#rows = parents.length;
  }

  async #run(tokens: TensorData, added: number): Promise<TensorData> {
    const { name, batchDim, dim, output } = this.#growing;
    const length = this.#length + added;
    if (length > this.capacity)
      throw new RuntimeError(2, `${length} tokens, and the model has room for ${this.capacity}`);
    const sizes = solveSizes(this.#growing, this.#inputs, [
      [batchDim, this.#rows],
      [dim, added],
      [this.#program.total, length],
    ]);
    const { inputs, dims } = this.#program;
    const given = new Map(this.#inputs).set(name, tokens);
    const missing = inputs.find((each) => !given.has(each));
    if (missing !== undefined) throw new RuntimeError(2, `generation needs the model's input \`${missing}\``);
    const run = this.#session.submit('decode', {
      sizes: new Map([...sizes].filter(([each]) => dims.includes(each))),
      inputs: new Map([...given].filter(([each]) => inputs.includes(each))),
      step: 1,
      seed: 0,
      lr: 0,
    });
    const scores = (await run.outputs()).get(output);
    if (scores === undefined) throw new RuntimeError(2, `the model returns no \`${output}\``);
    this.#length = length;
    return scores;
  }
}
