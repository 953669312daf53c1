/**
 * The graph IR: SSA over tensors with named dimensions. A graph is immutable; a pass builds another one. Values are
 * compared by identity. Everything from the model to the optimiser's update is one such graph.
 */
import type { Span } from '../diagnostics/span.ts';
import type { Dim } from './dim.ts';
import type { DType, TensorType } from './types.ts';

/** Where a value comes from, for errors, kernels and profiles. */
export interface Origin {
  readonly span: Span;
  /** How it was derived: `gradient`, `optimizer`, `hoisted`, …; empty for what the user wrote. */
  readonly derivation: readonly string[];
}

export interface Value {
  readonly type: TensorType;
  /** A hint for printing (`embedding`, `h`); need not be unique. */
  readonly name?: string;
}

export type UnaryOp =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'erf'
  | 'not'
  | 'stop-gradient' // identity forward, zero gradient
  | 'again'; // identity that is never merged with another: what follows is computed once more
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'pow' | 'max' | 'min' | 'and' | 'or';
export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** No attributes. */
export type Empty = Record<never, never>;

export interface ScanAttributes {
  /** Number of steps: the size of axis 0 of every sequence operand and of every stacked result. */
  readonly trip: Dim;
  /** Steps run from position trip−1 down to 0. Positions, not step numbers, index sequences and stacks. */
  readonly reverse: boolean;
  /** How the operands divide: `sequences` (sliced at axis 0), then `carries` (initial values), then invariants. */
  readonly sequences: number;
  readonly carries: number;
  /** How the region's results divide: next carries, then `stacks`, then sums. */
  readonly stacks: number;
}

export interface AttentionAttributes {
  /** How many leading axes queries, keys and values have in common. */
  readonly batch: number;
  /** A product of a query and a key is multiplied by it. */
  readonly scale: number;
  /** The score of a key that the mask hides. */
  readonly fill: number;
  readonly bias: boolean;
  readonly mask: boolean;
  /** A number for each probability, after the softmax: dropout. */
  readonly factor: boolean;
}

/**
 * Attributes by op. Operands of pointwise ops have equal shapes: broadcasting is an op of its own.
 * `dot` gives [batch…, lhs free…, rhs free…].
 */
export interface OpAttributes extends Record<UnaryOp | BinaryOp | CompareOp, Empty> {
  /** A scalar (shape []). */
  readonly constant: { readonly dtype: DType; readonly value: number };
  /** i32[length]: 0, 1, … */
  readonly iota: { readonly length: Dim };
  /** i32[]: a runtime size. */
  readonly 'dim-size': { readonly dim: Dim };
  /** f32[shape], uniform in [0, 1), by counter: (seed, step, hash of stream, row-major index). */
  readonly random: { readonly shape: readonly Dim[]; readonly stream: string };
  readonly cast: { readonly dtype: DType };
  /** (condition: bool, then, else) */
  readonly select: Empty;
  /** Axis i of the operand becomes axis axes[i] of the result; the other axes repeat it. `axes` ascends. */
  readonly broadcast: { readonly shape: readonly Dim[]; readonly axes: readonly number[] };
  /** Axis i of the result is axis permutation[i] of the operand. */
  readonly transpose: { readonly permutation: readonly number[] };
  /** Row-major; the products of the sizes are equal as polynomials. */
  readonly reshape: { readonly shape: readonly Dim[] };
  readonly slice: { readonly axis: number; readonly start: Dim; readonly length: Dim };
  /** Zeros (false) before and after along one axis. */
  readonly pad: { readonly axis: number; readonly before: Dim; readonly after: Dim };
  readonly reverse: { readonly axis: number };
  readonly concat: { readonly axis: number };
  /** The reduced axes disappear. Empty `max` is −infinity, `min` +infinity. */
  readonly reduce: { readonly combine: 'sum' | 'max' | 'min'; readonly axes: readonly number[] };
  /** i32; the first of equal maxima. */
  readonly argmax: { readonly axis: number };
  readonly dot: {
    readonly batch: readonly (readonly [number, number])[];
    readonly contract: readonly (readonly [number, number])[];
  };
  /** (table [n, rest…], indices i32[ix…]) -> [ix…, rest…] */
  readonly gather: Empty;
  /** (table, rows i32[r, sizes at `along`…]) -> the table's shape with r at `axis`: each place's row is its own. */
  readonly 'take-along': { readonly axis: number; readonly along: readonly number[] };
  /** (indices i32[ix…], updates [ix…, rest…]) -> [rows, rest…]: sums the updates of equal indices, in index order. */
  readonly 'scatter-add': { readonly rows: Dim };
  /** (q, k, v, bias?, mask?, factor?) -> y and what the backward needs of each row of scores. */
  readonly attention: AttentionAttributes;
  /** (q, k, v, dy, rows, bias?, mask?, factor?) -> dq */
  readonly 'attention-queries': AttentionAttributes;
  /** (q, k, v, dy, rows, bias?, mask?, factor?) -> dk and dv side by side */
  readonly 'attention-keys': AttentionAttributes;
  /** (x, part) -> x with the part from `starts` on, one for each axis. */
  readonly 'update-slice': { readonly starts: readonly Dim[] };
  readonly scan: ScanAttributes;
  /** (factors [n, rest…], terms [n, rest…], initial [rest…]) -> the history [n + 1, rest…] of h' = factor · h + term. */
  readonly 'linear-recurrence': { readonly reverse: boolean };
}

export type OpName = keyof OpAttributes;

/** The nodes of some ops: a union that generic code can look up in a table of records, one op at a time. */
export type NodeOf<Names extends OpName> = {
  readonly [Name in Names]: {
    readonly op: Name;
    readonly operands: readonly Value[];
    readonly attributes: OpAttributes[Name];
    readonly results: readonly Value[];
    readonly origin: Origin;
    /** Only, and always, on `scan`. */
    readonly region?: Region;
  };
}[Names];

/** One node; `op` discriminates `attributes`. */
export type Node = NodeOf<OpName>;

/**
 * The body of a scan, isolated: it uses its own parameters and nothing else.
 * Parameters: the position (i32[]), a slice of each sequence, the carries, the invariants.
 * Results: the next carries, a slice for each stack, a term for each sum.
 * The node's results: the final carries, the stacks (axis 0 = position), the sums over all steps (0 for no step).
 */
export interface Region {
  readonly parameters: readonly Value[];
  readonly nodes: readonly Node[];
  readonly results: readonly Value[];
}

export interface DimDeclaration {
  readonly name: string;
  /** The largest size; the smallest is 1. */
  readonly bound: number;
}

/**
 * A number that the host computes in float64 before each step. Variables: `step` (1 for the first step) and `lr`.
 * Adam's bias corrections lose half their digits in f32, which is why the device does not compute them.
 */
export type HostFormula =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'variable'; readonly name: 'step' | 'lr' }
  | {
      readonly kind: 'apply';
      readonly fn: 'add' | 'subtract' | 'multiply' | 'divide' | 'power' | 'sqrt';
      readonly args: readonly HostFormula[];
    };

/** A batch of data, or a number from the host (`f32[]`). */
export type GraphInput = {
  readonly name: string;
  readonly value: Value;
  readonly origin: Origin;
} & ({ readonly role: 'data' } | { readonly role: 'host'; readonly formula: HostFormula });

export type StateRole = 'parameter' | 'optimizer' | 'average' | 'carry' | 'watch';

export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  /** Normal(0, std) with row `row` (PyTorch's padding_idx) zero. */
  | { readonly kind: 'normal-except-row'; readonly std: number; readonly row: number };

/**
 * A tensor that outlives the step. `parameter`: under its state-dict name; `optimizer`: the optimiser's
 * (`adam.exp_avg/fc.weight`); `average`: the moving average of a parameter (`average/fc.weight`), which starts as the
 * parameter does; `carry`: what one batch leaves for the next, zero at the start of a part of the data. A
 * carry belongs to one program, whose name its own begins with (`train/rnn.h`). `watch`: what a step leaves to be looked
 * at (`gradient/fc.weight`); nothing reads it.
 */
export interface GraphState {
  readonly name: string;
  readonly value: Value;
  readonly role: StateRole;
  readonly initializer: Initializer;
  readonly origin: Origin;
}

export type OptimizerSpec =
  | {
      readonly name: 'sgd';
      readonly momentum: number;
      readonly weightDecay: number;
      readonly dampening: number;
      readonly nesterov: boolean;
    }
  | {
      readonly name: 'adam' | 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
      readonly amsgrad: boolean;
    }
  | {
      readonly name: 'rmsprop';
      readonly alpha: number;
      readonly epsilon: number;
      readonly weightDecay: number;
      readonly momentum: number;
      readonly centered: boolean;
    }
  | {
      readonly name: 'adagrad';
      readonly lrDecay: number;
      readonly weightDecay: number;
      readonly initialAccumulator: number;
      readonly epsilon: number;
    }
  | { readonly name: 'lion'; readonly beta1: number; readonly beta2: number; readonly weightDecay: number };

/** Parameters that the optimiser treats otherwise than the rest. A parameter is in one group at most. */
export interface ParameterGroup {
  readonly parameters: readonly string[];
  /** Their learning rate as a multiple of the step's. */
  readonly rateScale: number;
  readonly weightDecay: number;
  /** They stay as they are: no gradient is computed, and none counts in the norm. */
  readonly isFrozen: boolean;
}

/** What `differentiate` and `optimize` are to add; gone after them. */
export interface TrainingRequest {
  /** f32[] */
  readonly loss: Value;
  readonly optimizer: OptimizerSpec;
  readonly groups?: readonly ParameterGroup[];
  /**
   * The step only adds to sums of gradients, from which another program updates (`src/passes/accumulate.ts`). The output
   * `weight`, where there is one, says how much this batch counts in their mean.
   */
  readonly accumulates?: boolean;
  /** How many segments of the program, from the first, are computed again for the backward program. */
  readonly recompute?: number;
  /** Decay of the moving average that is kept of every trained parameter. */
  readonly average?: number;
  /** The largest absolute value of a gradient's element; applied before `clipNorm`. */
  readonly clipValue?: number;
  /** The largest 2-norm of all gradients together. */
  readonly clipNorm?: number;
  readonly origin: Origin;
}

export interface Graph {
  readonly name: string;
  readonly dims: readonly DimDeclaration[];
  readonly inputs: readonly GraphInput[];
  readonly states: readonly GraphState[];
  /** In an order in which every operand is defined before its use. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  /** Each state at most once; every read of the state in this graph sees the value before the update. */
  readonly updates: readonly { readonly state: string; readonly value: Value }[];
  readonly training?: TrainingRequest;
  /** d loss / d parameter, between `differentiate` and `optimize`. */
  readonly gradients?: readonly { readonly state: string; readonly value: Value }[];
}
