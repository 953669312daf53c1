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
  readonly room: GrowingInput;
  readonly #programs: DecodePrograms;
  #rows = 0;
  #length = 0;
  #inputs: ReadonlyMap<string, TensorData> = new Map();

  /** Throws a RuntimeError where the model has no program `decode`. */
  constructor(plan: Plan, session: Session) {
    const programs = decodeProgramsOf(plan);
    if (programs === undefined) throw new RuntimeError(2, `${plan.name} has no program decode`);
    this.#session = session;
    this.room = findGrowingInput(plan);
    this.#programs = programs;
  }

  async start(prompt: TensorData, inputs: ReadonlyMap<string, TensorData>): Promise<TensorData> {
    const [rows = 0, length = 0] = prompt.shape;
    if (rows < 1 || length < 1) throw new RuntimeError(2, 'a prompt has at least one token');
    const { name } = this.room;
    const missing = [...this.#inputsOf('prepare'), ...this.#inputsOf('prefill')].find(
      (each) => each !== name && !inputs.has(each),
    );
    if (missing !== undefined) throw new RuntimeError(2, `generation needs the model's input \`${missing}\``);
    this.#session.resetCarries('decode');
    this.#rows = rows;
    this.#length = 0;
    this.#inputs = inputs;
    if (this.#programs.inputs.has('prepare'))
      this.#submit('prepare', inputs, this.#sizes(rows, length, length));
    return this.#run(prompt, length);
  }

  async step(tokens: Int32Array): Promise<TensorData> {
    const rows = this.#rows;
    if (tokens.length !== rows) throw new RuntimeError(2, `${tokens.length} tokens for ${rows} rows`);
    return this.#run({ dtype: 'i32', shape: [rows, 1], data: tokens }, 1);
  }

  async reorder(parents: readonly number[]): Promise<void> {
    const rows = parents.length;
    const before = this.#rows;
    const outside = parents.find((parent) => parent < 0 || parent >= before);
    if (outside !== undefined) throw new RuntimeError(2, `there is no row ${outside} among ${before}`);
    if (rows > this.room.maxRows)
      throw new RuntimeError(2, `${rows} rows, and there is room for ${this.room.maxRows}`);
    this.#rows = rows;
    if (rows <= before && parents.every((from, row) => from === row)) return;
    const data = Int32Array.from(parents);
    if (this.#programs.inputs.has('reorder'))
      this.#submit(
        'reorder',
        new Map([['parents', { dtype: 'i32', shape: [rows], data }]]),
        this.#sizes(rows, 1, this.#length),
      );
    // What was prepared stays on the device; what every token reads goes there again, row by row.
    const read = this.#inputsOf('decode');
    this.#inputs = new Map(
      [...this.#inputs].map(([name, each]) => [name, read.includes(name) ? takeRows(each, parents) : each]),
    );
  }

  async #run(tokens: TensorData, added: number): Promise<TensorData> {
    const { name, output } = this.room;
    const length = this.#length + added;
    if (length > this.room.capacity)
      throw new RuntimeError(2, `${length} tokens, and the model has room for ${this.room.capacity}`);
    const given = new Map(this.#inputs).set(name, tokens);
    const program = added === 1 ? 'decode' : 'prefill';
    const run = this.#submit(program, given, this.#sizes(this.#rows, added, length));
    const scores = (await run.outputs()).get(output);
    if (scores === undefined) throw new RuntimeError(2, `the model returns no \`${output}\``);
    this.#length = length;
    return scores;
  }

  #inputsOf(program: ProgramName): readonly string[] {
    return this.#programs.inputs.get(program) ?? [];
  }

  #sizes(rows: number, added: number, length: number): ReadonlyMap<string, number> {
    const { batchDim, dim } = this.room;
    const { total, dims } = this.#programs;
    const sizes = solveSizes(this.room, this.#inputs, [
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
