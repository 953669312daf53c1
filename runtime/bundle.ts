/**
 * What the generated class of a bundle stands on: an untyped model over a session, in Node or in a browser. The host
 * (`node/bundle-host.ts`, `browser-host.ts`) reads the bundle's files and opens the device.
 */
import { evaluateShape } from './plan-numbers.ts';
import { parsePlan } from './plan-schema.ts';
import type { Plan, PlanDim, PlanDType, PlanProgram } from './plan.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { isOfGeneration, RuntimeError, type RunRequest, type Session, type TensorData } from './session.ts';
import { solveDim } from './data/dims.ts';
import { encoderKey, parseEncoder } from './data/encoder.ts';
import { adaptStateDict } from './foreign-names.ts';
import { settleSettings, type GenerationSettings } from './generate/settings.ts';
import type { GeneratedText } from './generate/text-assembler.ts';
import { TextWriter } from './generate/text-writer.ts';
import { configKey, describeDifferences, printConfig } from './trained-config.ts';
import { checkStateDict, readResult, writeParameters } from './state-dict.ts';
import { scoreMean } from './metrics.ts';
import { accumulatedBatches, batchNumber, updateRequest } from './accumulation.ts';
import { learningRate } from './schedule.ts';

export { madeUpBatch } from './made-up-batch.ts';
export type { GeneratedText } from './generate/text-assembler.ts';

/** Row-major. Integers and truth values (0 and 1) are in an Int32Array. */
export interface Tensor<
  Data extends Float32Array | Int32Array = Float32Array | Int32Array,
  Shape extends readonly number[] = readonly number[],
> {
  readonly shape: Shape;
  readonly data: Data;
}

export interface OpenOptions {
  /** Keys initial values and dropout; the task's where it is left out. A whole number from 0 to 2^32 - 1. */
  readonly seed?: number;
  /** Name of an adapter, or a part of it. In a browser there is no choice. */
  readonly device?: string;
}

/** One step of training. */
export interface TrainResult {
  /** Mean over the batch, before the update. Of the last of several that make a step: over all of them. */
  readonly loss: number;
  /** Of all gradients together, before clipping; 0 for a batch that only adds to a step. */
  readonly gradNorm: number;
}

/** What is not said is as the model's `generate` section has it. */
export interface GenerateOptions extends Partial<GenerationSettings> {
  /** Called with what a text has become longer by; `prompt` and `sample` are numbers from 0. */
  readonly onPiece?: (piece: string, prompt: number, sample: number) => void;
}

/** Reads the files of a bundle and opens a device. */
export interface BundleHost {
  /** `file` is relative to the bundle and stays inside. Throws a RuntimeError. */
  readonly readText: (file: string) => Promise<string>;
  readonly openSession: (
    plan: Plan,
    modules: ReadonlyMap<string, string>,
    options: { readonly seed: number; readonly device?: string },
  ) => Promise<Session>;
}

/** Named tensors, as the generated class passes them. */
type Tensors = Readonly<Record<string, Tensor | undefined>>;

interface Specification {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly PlanDim[];
}

/** Reads and checks `plan.json` and the kernels that it names. Throws a RuntimeError. */
export async function readBundle(
  host: Pick<BundleHost, 'readText'>,
): Promise<{ readonly plan: Plan; readonly modules: ReadonlyMap<string, string> }> {
  let json: unknown;
  try {
    json = JSON.parse(await host.readText('plan.json'));
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw new RuntimeError(5, 'plan.json is not JSON', { cause: error });
  }
  const plan = parsePlan(json);
  const files = [...new Set(plan.kernels.map(({ file }) => file))];
  const texts = await Promise.all(files.map(async (file) => [file, await host.readText(file)] as const));
  return { plan, modules: new Map(texts) };
}

export class CompiledModel {
  readonly #plan: Plan;
  readonly #session: Session;
  readonly #seed: number;
  #step = 0;
  /** Batches whose gradients wait for the step. */
  #waiting = 0;
  /** What the parameters that were loaded last say of text. */
  #encoder: string | undefined;

  private constructor(plan: Plan, session: Session, seed: number) {
    this.#plan = plan;
    this.#session = session;
    this.#seed = seed;
  }

  /** Throws a RuntimeError where the bundle is damaged or no device can run it. */
  static async open(host: BundleHost, options: OpenOptions = {}): Promise<CompiledModel> {
    const { plan, modules } = await readBundle(host);
    const seed = options.seed ?? plan.task?.seed ?? 0;
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
      throw new RuntimeError(2, `the seed is ${seed}; it must be a whole number from 0 to 4294967295`);
    const { device } = options;
    const session = await host.openSession(plan, modules, {
      seed,
      ...(device === undefined ? {} : { device }),
    });
    return new CompiledModel(plan, session, seed);
  }

  get device(): string {
    return this.#session.description;
  }

  /** One step: forward, backward and update. Where the task says `accumulate=4`, each fourth batch updates. */
  async train(batch: object): Promise<TrainResult> {
    const { task } = this.#plan;
    if (task === undefined)
      throw new RuntimeError(2, `${this.#plan.signature.model} has no task to train on`);
    const step = this.#step + 1;
    // Whoever feeds batch after batch says in the task how many there will be.
    const total = typeof task.fields['steps'] === 'number' ? task.fields['steps'] : Number.POSITIVE_INFINITY;
    const lr = learningRate(task, step, total);
    const count = accumulatedBatches(task);
    const key = batchNumber(count, step, this.#waiting);
    let run = this.#session.submit('train', this.#request('train', batch, key, lr));
    this.#waiting += 1;
    if (this.#waiting === count) {
      if (count > 1) run = this.#session.submit('update', updateRequest(step, this.#seed, lr));
      this.#step = step;
      this.#waiting = 0;
    }
    const outputs = await run.outputs();
    return { loss: scalarOf(outputs, 'loss'), gradNorm: scalarOf(outputs, 'grad_norm') };
  }

  /** Loss and metrics of a batch by name, as the generated class describes them. */
  async evaluate<Evaluation extends object>(batch: object): Promise<Evaluation> {
    const outputs = await this.#session.submit('eval', this.#request('eval', batch, 1, 0)).outputs();
    const counted = new Set(
      (this.#plan.task?.metrics ?? [])
        .filter(({ kind }) => kind === 'counts' || kind === 'spans')
        .map(({ name }) => name),
    );
    const measured = (this.#plan.task?.metrics ?? []).filter(({ kind }) => kind !== 'texts');
    const names = ['loss', ...measured.map(({ name }) => name)];
    return collect<Evaluation>(
      names.map((name) => {
        const output = outputs.get(name);
        if (counted.has(name) && output !== undefined) return [name, toTensor(output)];
        const metric = this.#plan.task?.metrics.find((each) => each.name === name);
        return [name, scoreMean(metric ?? {}, scalarOf(outputs, name))];
      }),
    );
  }

  /** Outputs by name, as the generated class describes them. */
  async predict<Outputs extends object>(inputs: object): Promise<Outputs> {
    const outputs = await this.#session.submit('predict', this.#request('predict', inputs, 1, 0)).outputs();
    return collect<Outputs>([...outputs].map(([name, tensor]) => [name, toTensor(tensor)]));
  }

  /**
   * Texts that go on from the prompts, or translations of them: in the order of the prompts, then of the samples. The
   * tokeniser is that of the parameters; without one, texts are numbers of tokens.
   */
  async generate(
    prompts: string | readonly string[],
    { onPiece, ...options }: GenerateOptions = {},
  ): Promise<readonly GeneratedText[]> {
    const settings = settleSettings(options, this.#plan);
    const encoder = this.#encoder === undefined ? undefined : parseEncoder(this.#encoder);
    const writer = new TextWriter(this.#plan, this.#session, encoder, settings);
    const read = writer.encode(typeof prompts === 'string' ? [prompts] : prompts);
    return writer.write(
      read.prompts,
      onPiece === undefined ? {} : { onPiece: (prompt, sample, piece) => onPiece(piece, prompt, sample) },
    );
  }

  /** Forgets what batches of training and of evaluation left for the next. */
  reset(): void {
    for (const { name, carries } of this.#plan.programs)
      if (carries.length > 0 && !isOfGeneration(name)) this.#session.resetCarries(name);
  }

  loadState(bytes: Uint8Array): void {
    const { tensors, metadata } = readSafetensors(bytes, 'the parameters');
    const own = adaptStateDict(this.#plan, tensors);
    checkStateDict(this.#plan, 'parameter', own, 'the parameters', { metadata });
    // They fit, and yet may mean something else in the program that was compiled.
    const difference = describeDifferences(this.#plan, metadata);
    if (difference !== undefined) console.warn(difference);
    writeParameters(this.#session, this.#plan, own);
    this.#encoder = metadata.get(encoderKey);
  }

  async saveState(): Promise<Uint8Array> {
    const tensors = await readResult(this.#session, this.#plan);
    const encoder = this.#encoder;
    const metadata: readonly (readonly [string, string])[] = [
      ['format', 'pt'],
      ...(this.#plan.config === undefined ? [] : [[configKey, printConfig(this.#plan.config)] as const]),
      ...(encoder === undefined ? [] : [[encoderKey, encoder] as const]),
    ];
    return writeSafetensors(tensors, new Map(metadata));
  }

  close(): void {
    this.#session.close();
  }

  #request(program: PlanProgram['name'], given: object, step: number, lr: number): RunRequest {
    const { signature, task, programs, dims } = this.#plan;
    const wanted: readonly Specification[] = [
      ...signature.inputs,
      ...(program === 'predict' ? [] : (task?.targets ?? [])),
    ];
    const tensors = bindTensors(wanted, given);
    const sizes = inferSizes(wanted, tensors, dims);
    // Of an input that the program makes no use of, the shape counts all the same.
    const read = new Set(
      programs.find(({ name }) => name === program)?.inputs.map((input) => input.name) ?? [],
    );
    const inputs = new Map([...tensors].filter(([name]) => read.has(name)));
    return { sizes, inputs, step, seed: this.#seed, lr };
  }
}

function bindTensors(wanted: readonly Specification[], given: object): ReadonlyMap<string, TensorData> {
  const known = new Set(wanted.map(({ name }) => name));
  for (const name of Object.keys(given)) {
    if (!known.has(name))
      throw new RuntimeError(5, `there is no input "${name}"; there are: ${[...known].join(', ')}`);
  }
  return new Map(
    wanted.map(({ name, dtype }) => {
      const tensor = Object.hasOwn(given, name) ? (given as Tensors)[name] : undefined;
      if (tensor === undefined) throw new RuntimeError(5, `the input "${name}" is missing`);
      const { shape, data } = tensor;
      if (dtype === 'f32' ? !(data instanceof Float32Array) : !(data instanceof Int32Array)) {
        const array = dtype === 'f32' ? 'a Float32Array' : 'an Int32Array';
        throw new RuntimeError(5, `the input "${name}" is ${dtype} and must be in ${array}`);
      }
      return [name, { dtype: dtype === 'f32' ? 'f32' : 'i32', shape: [...shape], data }];
    }),
  );
}

/** The runtime dimensions, from the shapes of the inputs. Throws a RuntimeError where two inputs disagree. */
function inferSizes(
  wanted: readonly Specification[],
  tensors: ReadonlyMap<string, TensorData>,
  dims: Plan['dims'],
): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const origins = new Map<string, string>();
  for (const { name, shape } of wanted) {
    const actual = tensors.get(name)?.shape ?? [];
    for (const [axis, dim] of shape.entries()) {
      const [symbol, value] = solveDim(dim, actual[axis] ?? 0, sizes) ?? [];
      if (symbol === undefined || value === undefined) continue;
      sizes.set(symbol, value);
      origins.set(symbol, `axis ${axis} of "${name}"`);
    }
  }
  for (const { name, shape } of wanted) {
    const actual = tensors.get(name)?.shape ?? [];
    const known = shape.every((dim) =>
      dim.every(({ symbols }) => symbols.every((symbol) => sizes.has(symbol))),
    );
    if (!known || shape.length !== actual.length) continue;
    const expected = evaluateShape(shape, sizes);
    const axis = expected.findIndex((size, at) => size !== actual[at]);
    if (axis < 0) continue;
    const sources = (shape[axis] ?? []).flatMap(({ symbols }) =>
      symbols.map((symbol) => `${symbol} is ${sizes.get(symbol)} by ${origins.get(symbol)}`),
    );
    throw new RuntimeError(
      5,
      [
        `the input "${name}" has ${actual[axis]} along axis ${axis}, expected ${expected[axis]}`,
        ...sources,
      ].join('; '),
    );
  }
  for (const { name, bound } of dims) {
    const size = sizes.get(name);
    if (size !== undefined && (size < 1 || size > bound))
      throw new RuntimeError(5, `${name} is ${size} by ${origins.get(name)}; it must be from 1 to ${bound}`);
  }
  return sizes;
}

/** An object without a prototype's names in its way: an output may be called anything. */
function collect<Result extends object>(entries: readonly (readonly [string, unknown])[]): Result {
  return Object.fromEntries(entries) as Result;
}

function toTensor({ shape, data }: TensorData): Tensor {
  return { shape, data };
}

function scalarOf(outputs: ReadonlyMap<string, TensorData>, name: string): number {
  return outputs.get(name)?.data[0] ?? 0;
}
