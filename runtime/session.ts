/**
 * What runs programs: the GPU (`gpu-session.ts`) or, in the compiler's own tree, the float64 reference. The training
 * loop, evaluation and prediction know this interface only.
 */

/**
 * `update`: where gradients of several batches are summed, the step that follows from them; without inputs.
 * From `prepare` on they are those of generation (docs/generation.md): `prefill` and `decode` have outputs.
 */
export type ProgramName =
  'train' | 'update' | 'eval' | 'predict' | 'prepare' | 'prefill' | 'decode' | 'reorder';

const datasetPrograms: readonly ProgramName[] = ['train', 'update', 'eval', 'predict'];

/** Whether a program writes texts: its states are those of the text at hand, not of batches of data. */
export function isOfGeneration(program: ProgramName): boolean {
  return !datasetPrograms.includes(program);
}

export interface TensorData {
  readonly dtype: 'f32' | 'i32';
  readonly shape: readonly number[];
  /** Row-major. `bool` travels as i32 0 and 1. */
  readonly data: Float32Array | Int32Array;
}

export interface RunRequest {
  /** Runtime dimensions; each within its bound. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly inputs: ReadonlyMap<string, TensorData>;
  /** 1 for the first step of training; keys the random streams. */
  readonly step: number;
  readonly seed: number;
  readonly lr: number;
}

/** A run that was submitted. Runs of one session execute in order. */
export interface Run {
  /** Resolves to the program's outputs by name. May be called once, any time later; not calling it costs nothing. */
  readonly outputs: () => Promise<ReadonlyMap<string, TensorData>>;
}

export interface Session {
  /** One line: which adapter, which driver. */
  readonly description: string;
  /** Bytes that the session has allocated on the device. */
  readonly allocatedBytes: number;
  /** Checks sizes and inputs (throws a RuntimeError), copies the inputs, and returns without waiting for the device. */
  readonly submit: (program: ProgramName, request: RunRequest) => Run;
  readonly readState: (name: string) => Promise<TensorData>;
  /** Zeroes what batches of this program leave for the next (`PlanProgram.carries`): at the start of a part of the data. */
  readonly resetCarries: (program: ProgramName) => void;
  readonly writeState: (name: string, tensor: TensorData) => void;
  /** Waits until everything submitted has ended; throws what the device reported. */
  readonly finish: () => Promise<void>;
  readonly close: () => void;
}

/** What a person can mend: bad data, a device that cannot do it, a disk that is full. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly exitCode: 2 | 3 | 4 | 5;
  constructor(exitCode: 2 | 3 | 4 | 5, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
