/**
 * The plan: everything that the runtime needs to know of a compiled model, as plain JSON. Written by
 * `src/codegen/plan.ts`, checked by `runtime/plan-schema.ts` before use, never evaluated as code.
 */

export type PlanDType = 'f32' | 'i32' | 'bool';

/** A polynomial over runtime dimensions: the sum of coefficient × product of the symbols. */
export type PlanDim = readonly { readonly coefficient: number; readonly symbols: readonly string[] }[];

/** The product of ceil(dim / tile): a number of workgroups. No factors: 1. */
export type PlanCount = readonly { readonly dim: PlanDim; readonly tile: number }[];

/** Computed in float64 before each step from `step` (1 for the first) and `lr`. */
export type PlanFormula =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'variable'; readonly name: 'step' | 'lr' }
  | {
      readonly kind: 'apply';
      readonly fn: 'add' | 'subtract' | 'multiply' | 'divide' | 'power' | 'sqrt';
      readonly args: readonly PlanFormula[];
    };

export interface PlanBuffer {
  readonly name: string;
  /** At the bounds of all dimensions. */
  readonly bytes: number;
  readonly role: 'state' | 'input' | 'arena' | 'output';
}

/** Row-major and packed at the actual sizes; `bytes` is the room at the bounds. Offsets are multiples of 256. */
export interface PlanTensor {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly PlanDim[];
  readonly buffer: number;
  readonly offset: number;
  readonly bytes: number;
}

export type PlanInitializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  | { readonly kind: 'normal-except-row'; readonly std: number; readonly row: number };

/**
 * `average`: the moving average of a parameter (`average/fc.weight`), which the programs beside training read instead of
 * it. `carry`: what a batch leaves for the next one of its program; zero at the start of a part of the data. `watch`: what a
 * step leaves to be looked at (`gradient/fc.weight`); nothing depends on it.
 */
export type PlanStateRole = 'parameter' | 'optimizer' | 'average' | 'carry' | 'watch';

export interface PlanState {
  /** The state-dict name, the optimiser's, or that of a scan's carry. */
  readonly name: string;
  readonly role: PlanStateRole;
  readonly tensor: number;
  readonly initializer: PlanInitializer;
}

/**
 * A WGSL module with one entry point `main`. Group 0: the operands, binding i = operand i. Group 1, binding 0: the
 * uniforms (`Plan.uniforms`). Group 2, binding d: the position of the enclosing loop of depth d (0 innermost), one i32
 * at a dynamic offset; present exactly when `loopDepth` > 0.
 * The grid is linear: a kernel numbers its workgroups `workgroup_id.x + workgroup_id.y * num_workgroups.x` and
 * ignores those past its count.
 */
export interface PlanKernel {
  readonly name: string;
  /** Relative to the bundle: `kernels/lstm_step.wgsl`. */
  readonly file: string;
  readonly access: readonly ('read' | 'read_write')[];
  readonly loopDepth: number;
  /** `models/x.lm:14` … */
  readonly sources: readonly string[];
}

export type PlanStep =
  | {
      readonly kind: 'dispatch';
      readonly kernel: number;
      /** Tensor for each operand. */
      readonly tensors: readonly number[];
      readonly workgroups: PlanCount;
    }
  | {
      readonly kind: 'loop';
      readonly trip: PlanDim;
      readonly reverse: boolean;
      readonly steps: readonly PlanStep[];
    }
  /** Zero-fills a tensor. */
  | { readonly kind: 'clear'; readonly tensor: number };

export interface PlanInput {
  readonly name: string;
  readonly tensor: number;
  /** Integers that index a table: inclusive low, exclusive high. Checked on the host for every batch. */
  readonly range?: readonly [number, number];
  /** Lengths: none is above the size of this dimension. */
  readonly along?: string;
}

export interface PlanProgram {
  readonly name: 'train' | 'update' | 'eval' | 'predict' | 'prepare' | 'prefill' | 'decode' | 'reorder';
  readonly inputs: readonly PlanInput[];
  readonly outputs: readonly { readonly name: string; readonly tensor: number }[];
  readonly steps: readonly PlanStep[];
  /** States of the role `carry` that are this program's: indices of `Plan.states`. */
  readonly carries: readonly number[];
}

/** A 4-byte member of the uniform block, in order. Dims are i32, `seed` and `step` u32, host numbers f32. */
export type PlanUniform =
  | { readonly kind: 'dim'; readonly name: string }
  | { readonly kind: 'seed' }
  | { readonly kind: 'step' }
  | { readonly kind: 'host'; readonly name: string; readonly formula: PlanFormula };

/** What the device must offer; requested when it is opened. */
export interface PlanRequirements {
  readonly features: readonly string[];
  readonly storageBuffers: number;
  readonly bindingBytes: number;
  readonly invocations: number;
  readonly workgroupBytes: number;
  /** Kernels written for one subgroup size run nowhere else; 0: any. */
  readonly subgroupSize: number;
}

export interface Plan {
  readonly format: 'lmc-plan';
  readonly version: 1;
  readonly name: string;
  readonly requirements: PlanRequirements;
  /** Runtime dimensions; sizes are 1…bound. */
  readonly dims: readonly { readonly name: string; readonly bound: number }[];
  readonly uniforms: readonly PlanUniform[];
  readonly buffers: readonly PlanBuffer[];
  readonly tensors: readonly PlanTensor[];
  readonly states: readonly PlanState[];
  readonly kernels: readonly PlanKernel[];
  readonly programs: readonly PlanProgram[];
  readonly signature: PlanSignature;
  readonly task?: PlanTask;
  /** The model's `generate` section, where it has one. */
  readonly generation?: PlanGeneration;
  /** Entries of the program's `config` as it was compiled; absent in bundles of earlier versions. */
  readonly config?: Readonly<Record<string, PlanConstant>>;
}

/** How a model generates: tokens are appended to `input` i32[batch, dim], `output` f32[batch, dim, vocabulary] scores them. */
export interface PlanGeneration {
  readonly name: string;
  readonly input: string;
  readonly dim: string;
  /** In the program `decode`, where the model has one: the dimension of the length with the new tokens. */
  readonly total?: string;
  readonly output: string;
  /** The section's settings by name, checked (`temperature`, `max_tokens`, …); `stop` is always a list. */
  readonly fields: Readonly<Record<string, PlanConstant>>;
}

/** The model as written: for messages, for the typed class, and to bind data to inputs. */
export interface PlanSignature {
  readonly model: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: PlanDType;
    readonly shape: readonly PlanDim[];
    /** Of integers that index a table: inclusive low, exclusive high. */
    readonly range?: readonly [number, number];
    /** Of lengths: the dimension whose size none is above. */
    readonly along?: string;
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: PlanDType;
    readonly shape: readonly PlanDim[];
  }[];
}

/** A builder with its arguments, evaluated: `csv{"a.csv", text="review"}`. Symbols (`shuffle`, `bucket=seq`) are strings. */
export interface PlanCall {
  readonly builder: string;
  readonly positional: readonly PlanConstant[];
  readonly named: Readonly<Record<string, PlanConstant>>;
  /** `file:line:column`, for messages about the data. */
  readonly place: string;
}
export type PlanConstant = number | string | boolean | null | PlanCall | readonly PlanConstant[];

export interface PlanTask {
  readonly name: string;
  readonly targets: readonly {
    readonly name: string;
    readonly dtype: PlanDType;
    readonly shape: readonly PlanDim[];
    /** Of class numbers: inclusive low, exclusive high. */
    readonly range?: readonly [number, number];
    /** Of lengths: the dimension whose size none is above. */
    readonly along?: string;
  }[];
  /** The stages of `data = a | b | c`, in order; empty where the task names no data. */
  readonly data: readonly PlanCall[];
  /** Output names of the eval program: `loss`, and each metric's partial results. */
  readonly metrics: readonly PlanMetric[];
  readonly optimizer: PlanCall;
  readonly epochs: number;
  readonly seed: number;
  readonly batchSize: number;
  /** Remaining fields of the task by name (`validation`, `clip_norm`, …). */
  readonly fields: Readonly<Record<string, PlanConstant>>;
}

/**
 * A metric of the task. `mean`: the eval program's output of this name is a mean over the batch's rows, averaged over
 * batches by rows. `counts`: the output is f32[classes, 3] of true positives, predicted and actual counts per class,
 * summed over batches, from which precision, recall and F1 follow. `spans`: the output is i32[batch, seq] of tags, whose
 * labelled spans the host counts against those of the target. `texts`: no output; the host reads texts out of the
 * predict program's output and compares them with the data's.
 */
export interface PlanMetric {
  readonly name: string;
  readonly kind: 'mean' | 'counts' | 'spans' | 'texts';
  /** Of `mean`: what the mean over the part becomes, e^mean or the mean in bits. Less of it is better. */
  readonly of?: 'exp' | 'log2e';
  /** Of `spans`: chunks of BIO tags, or every labelled word by itself; the target that they are compared with. */
  readonly unit?: 'chunk' | 'word';
  readonly target?: string;
  /** Of `spans`: the input with the number of words of each row, for data that are tensors. */
  readonly lengths?: string;
  /** Of `counts`, `spans` and `texts`, and always there: what follows from them. */
  readonly score?: 'f1' | 'precision' | 'recall' | 'cer' | 'wer' | 'exact_match';
  /**
   * Of this class alone, by number or by the name of its label. Absent: the mean over the classes of `counts`, all
   * `spans` together.
   */
  readonly class?: number | string;
}
