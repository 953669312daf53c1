/**
 * A decoder that runs `decode` on the new tokens only; what the ones before left, and what `prepare` made of the other
 * inputs, is kept in the session's carries, and moves there.
 */
import type { Plan } from '../plan.ts';
import { RuntimeError, type ProgramName, type Run, type Session, type TensorData } from '../session.ts';
import { solveSizes, takeRows, type Decoder } from './decoder.ts';
import { findGrowingInput, type GrowingInput } from './growing-input.ts';

/** The programs that decode a model, by the inputs that each takes. */
interface DecodePrograms {
  /** The dimension of the length with the new tokens. */
  readonly total: string;
  readonly dims: readonly string[];
  readonly inputs: ReadonlyMap<ProgramName, readonly string[]>;
}

function decodeProgramsOf({ programs, generation, dims }: Plan): DecodePrograms | undefined {
  const inputs = new Map(programs.map((program) => [program.name, program.inputs.map(({ name }) => name)]));
  if (!inputs.has('decode') || generation?.total === undefined) return undefined;
  return { total: generation.total, dims: dims.map(({ name }) => name), inputs };
}

/** Whether a model has a program to decode with: one with a `generate` section that never looks ahead. */
export function hasDecodeProgram(plan: Plan): boolean {
  return decodeProgramsOf(plan) !== undefined;
}

export class CachedDecoder implements Decoder {
  readonly #session: Session;
  readonly #growing: GrowingInput;
  readonly #programs: DecodePrograms;
  /** Of each row, which row of the start it comes from: what was prepared is that row's. */
  #origins: readonly number[] = [];
  #length = 0;
  #inputs: ReadonlyMap<string, TensorData> = new Map();

  /** Throws a RuntimeError where the model has no program `decode`. */
  constructor(plan: Plan, session: Session) {
    const programs = decodeProgramsOf(plan);
    if (programs === undefined) throw new RuntimeError(2, `${plan.name} has no program decode`);
    this.#session = session;
    this.#growing = findGrowingInput(plan);
    this.#programs = programs;
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
    const { name } = this.#growing;
    const missing = [...this.#inputsOf('prepare'), ...this.#inputsOf('prefill')].find(
      (each) => each !== name && !inputs.has(each),
    );
    if (missing !== undefined) throw new RuntimeError(2, `generation needs the model's input \`${missing}\``);
    this.#session.resetCarries('decode');
    this.#origins = Array.from({ length: rows }, (_, row) => row);
    this.#length = 0;
    this.#inputs = inputs;
    if (this.#programs.inputs.has('prepare'))
      this.#submit('prepare', inputs, this.#sizes(rows, length, length));
    return this.#run(prompt, length);
  }

  async step(tokens: Int32Array): Promise<TensorData> {
    const rows = this.#origins.length;
    if (tokens.length !== rows) throw new RuntimeError(2, `${tokens.length} tokens for ${rows} rows`);
    return this.#run({ dtype: 'i32', shape: [rows, 1], data: tokens }, 1);
  }

  async reorder(parents: readonly number[]): Promise<void> {
    const before = this.#origins;
    const origins = parents.map((parent) => {
      const origin = before[parent];
      if (origin === undefined) throw new RuntimeError(2, `there is no row ${parent} among ${before.length}`);
      return origin;
    });
    if (parents.length > this.maxRows)
      throw new RuntimeError(2, `${parents.length} rows, and there is room for ${this.maxRows}`);
    const stay = (moved: readonly number[]): boolean =>
      moved.length <= before.length && moved.every((from, row) => from === row);
    if (!stay(parents)) this.#move('reorder', parents);
    // What comes from the same source is the same: beams of one text need not be moved.
    if (origins.length > before.length || origins.some((origin, row) => origin !== before[row]))
      this.#move('reorder-prepared', parents);
    this.#origins = origins;
    this.#inputs = new Map([...this.#inputs].map(([name, each]) => [name, takeRows(each, parents)]));
  }

  #move(program: 'reorder' | 'reorder-prepared', parents: readonly number[]): void {
    if (!this.#programs.inputs.has(program)) return;
    const rows = parents.length;
    const data = Int32Array.from(parents);
    const inputs = new Map<string, TensorData>([['parents', { dtype: 'i32', shape: [rows], data }]]);
    this.#submit(program, inputs, this.#sizes(rows, 1, this.#length));
  }

  async #run(tokens: TensorData, added: number): Promise<TensorData> {
    const { name, output } = this.#growing;
    const length = this.#length + added;
    if (length > this.capacity)
      throw new RuntimeError(2, `${length} tokens, and the model has room for ${this.capacity}`);
    const given = new Map(this.#inputs).set(name, tokens);
    const program = added === 1 ? 'decode' : 'prefill';
    const run = this.#submit(program, given, this.#sizes(this.#origins.length, added, length));
    const scores = (await run.outputs()).get(output);
    if (scores === undefined) throw new RuntimeError(2, `the model returns no \`${output}\``);
    this.#length = length;
    return scores;
  }

  #inputsOf(program: ProgramName): readonly string[] {
    return this.#programs.inputs.get(program) ?? [];
  }

  #sizes(rows: number, added: number, length: number): ReadonlyMap<string, number> {
    const { batchDim, dim } = this.#growing;
    const { total, dims } = this.#programs;
    const sizes = solveSizes(this.#growing, this.#inputs, [
      [batchDim, rows],
      [dim, added],
      [total, length],
    ]);
    return new Map([...sizes].filter(([each]) => dims.includes(each)));
  }

  #submit(
    program: ProgramName,
    given: ReadonlyMap<string, TensorData>,
    sizes: ReadonlyMap<string, number>,
  ): Run {
    const taken = this.#inputsOf(program);
    const inputs = new Map([...given].filter(([name]) => taken.includes(name)));
    return this.#session.submit(program, { sizes, inputs, step: 1, seed: 0, lr: 0 });
  }
}
