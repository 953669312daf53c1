/**
 * The kernel level: what one dispatch computes, with no word about how. A kernel is a small loop nest: a parallel
 * space, and stages that run in order for each point of it. Pointwise chains, reductions with prologue and epilogue,
 * matrix products with epilogue, norms and softmax, and a step of a recurrence are all of this form; a schedule
 * (in `codegen/`) chooses threads, tiles and memory for it.
 */
import type { Dim } from './dim.ts';
import type { Origin } from './graph.ts';
import type { ScalarExpression } from './scalar.ts';
import type { DType, TensorType } from './types.ts';

/** An axis is referred to by its number in `Kernel.axes`. */
export interface Axis {
  readonly name: string;
  readonly extent: Dim;
}

/** An operand, referred to by its number in `Kernel.operands`. `update` is read and written. */
export interface KernelOperand {
  readonly name: string;
  readonly type: TensorType;
  readonly access: 'read' | 'write' | 'update';
}

export type Combine = 'sum' | 'max' | 'min';

/**
 * One result of a reduction stage: value combined over the stage's axes. For 'argmax' the result is the (i32) index
 * along the only axis of the stage, of the first largest value.
 */
export interface Accumulator {
  readonly id: number;
  readonly combine: Combine | 'argmax';
  readonly dtype: DType;
  readonly value: ScalarExpression;
}

export interface Store {
  readonly operand: number;
  /** One i32 expression for each axis of the operand. Distinct points store to distinct elements. */
  readonly index: readonly ScalarExpression[];
  readonly value: ScalarExpression;
}

/**
 * `reduce` runs over its axes and defines accumulators that later stages use; `map` runs over its axes (none: once a
 * point) and stores. An expression uses the axes of the space and of its own stage, and accumulators of earlier stages.
 */
export type Stage =
  | {
      readonly kind: 'reduce';
      readonly axes: readonly number[];
      readonly accumulators: readonly Accumulator[];
    }
  | { readonly kind: 'map'; readonly axes: readonly number[]; readonly stores: readonly Store[] };

/** A dispatch described by its loop nest. A matrix product is one reduce stage of a product, and a map stage. */
export interface LoopKernel {
  readonly kind: 'loops';
  readonly name: string;
  readonly origins: readonly Origin[];
  readonly axes: readonly Axis[];
  readonly operands: readonly KernelOperand[];
  /** The parallel axes. */
  readonly space: readonly number[];
  readonly stages: readonly Stage[];
}

/**
 * The deterministic sum of rows by index: operands (indices i32[n…], updates f32[n…, rest…], result f32[rows, rest…]).
 * The terms of a row are added in ascending order of position.
 */
export interface ScatterKernel {
  readonly kind: 'scatter-add';
  readonly name: string;
  readonly origins: readonly Origin[];
  readonly operands: readonly KernelOperand[];
}

/**
 * h ← factor · h + term along the first axis, from `initial`: the state before the first step and after each one is
 * stored in `result`, an operand [n + 1, rest…]. Expressions use the axes; `initial` all but the first. In reverse,
 * positions run from n − 1 down, and the history's last place is the initial state's.
 */
export interface RecurrenceKernel {
  readonly kind: 'recurrence';
  readonly name: string;
  readonly origins: readonly Origin[];
  /** The positions, then those of a state. */
  readonly axes: readonly Axis[];
  readonly operands: readonly KernelOperand[];
  readonly reverse: boolean;
  readonly factor: ScalarExpression;
  readonly term: ScalarExpression;
  readonly initial: ScalarExpression;
  /** The operand of the history; undefined where nothing but sums of states is wanted. */
  readonly result: number | undefined;
  /** Of a state in the result, after that of the position. */
  readonly index: readonly ScalarExpression[];
  readonly sum?: RecurrenceSum;
  /** What each step stores besides: the states after and before it are accumulators 0 and 1 of the values. */
  readonly emits?: readonly Store[];
}

/**
 * What each step gives: Σ of a value over the last `axes` of a state. The state after the step is accumulator 0 of the
 * value; `index` is over the other axes.
 */
export interface RecurrenceSum extends Store {
  readonly axes: number;
}

/** Where a result of attention goes: an element for each point of the axes that the expressions use. */
export interface AttentionStore {
  readonly operand: number;
  readonly index: readonly ScalarExpression[];
}

/**
 * Attention without its scores (Dao et al. 2022, "FlashAttention"): `forward`, or the gradients of the `queries` or of
 * the `keys` and values. Elements are expressions over the axes that they belong to.
 */
export interface AttentionKernel {
  readonly kind: 'attention';
  readonly part: 'forward' | 'queries' | 'keys';
  readonly name: string;
  readonly origins: readonly Origin[];
  readonly axes: readonly Axis[];
  readonly operands: readonly KernelOperand[];
  readonly batch: readonly number[];
  /** Of queries; the last is the longest. */
  readonly rows: readonly number[];
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly scale: number;
  readonly fill: number;
  readonly elements: {
    readonly query: ScalarExpression;
    readonly key: ScalarExpression;
    readonly value: ScalarExpression;
    /** Over batch, rows and keys. */
    readonly bias?: ScalarExpression;
    readonly mask?: ScalarExpression;
    readonly factor?: ScalarExpression;
    /** Of the backward: dy, and of a row its largest score, the sum of its exponentials, and Σ dy·y. */
    readonly cotangent?: ScalarExpression;
    readonly largest?: ScalarExpression;
    readonly sum?: ScalarExpression;
    readonly delta?: ScalarExpression;
  };
  readonly stores: {
    /** y, dq or dk. */
    readonly vector: AttentionStore;
    /** dv. */
    readonly values?: AttentionStore;
    readonly largest?: AttentionStore;
    readonly sum?: AttentionStore;
  };
}

export type Kernel = LoopKernel | ScatterKernel | RecurrenceKernel | AttentionKernel;

/** A tensor of a program: state, input, or one of its intermediate results. */
export interface Slot {
  readonly name: string;
  readonly type: TensorType;
  readonly role: 'input' | 'state' | 'temporary' | 'output';
}

/** A launch binds slot `slots[i]` to operand i of the kernel. */
export type Step =
  | { readonly kind: 'launch'; readonly kernel: Kernel; readonly slots: readonly number[] }
  /** A scan: the position runs over 0…trip−1, or down. Kernels see it as `loop`. */
  | { readonly kind: 'loop'; readonly trip: Dim; readonly reverse: boolean; readonly steps: readonly Step[] };

/** The fused level: every launch of a program in order, before memory is planned. */
export interface KernelProgram {
  readonly name: string;
  readonly dims: readonly { readonly name: string; readonly bound: number }[];
  readonly slots: readonly Slot[];
  readonly steps: readonly Step[];
  /** Graph outputs and inputs by name; a state's slot has the state's name. */
  readonly inputs: readonly { readonly name: string; readonly slot: number }[];
  readonly outputs: readonly { readonly name: string; readonly slot: number }[];
  /** Names of host numbers that kernels use. */
  readonly hostNumbers: readonly string[];
}
