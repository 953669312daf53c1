/**
 * Scalar expressions: what one element of a kernel computes. Immutable and shared by identity: an expression used
 * twice is one object and is printed as one `let`. Printed to WGSL in `codegen/`, evaluated in float64 by
 * `ir/evaluate-scalar.ts`; nothing else gives them meaning.
 */
import type { Dim } from './dim.ts';
import type { DType } from './types.ts';

/** Arithmetic is that of the operands' dtype; comparisons and `and`, `or`, `not` give bool. */
export type ScalarFunction =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide' // i32: truncating; the divisor is never 0
  | 'remainder' // i32: sign of the dividend; f32: floored, as Python's %
  | 'power'
  | 'maximum'
  | 'minimum'
  | 'negate'
  | 'absolute'
  | 'sign'
  | 'floor'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'equal'
  | 'not-equal'
  | 'less'
  | 'less-equal'
  | 'and'
  | 'or'
  | 'not'
  | 'select' // (condition, then, else); the branch not taken is not evaluated by the oracle
  | 'to-f32'
  | 'to-i32' // truncates
  | 'to-bool'; // non-zero

export type ScalarExpression =
  | { readonly kind: 'literal'; readonly dtype: DType; readonly value: number }
  /** The index along an axis of the kernel, i32. */
  | { readonly kind: 'axis'; readonly axis: number }
  /** The position `t` in the enclosing scan loop (0 is the innermost), i32. Counts down in a reversed scan. */
  | { readonly kind: 'loop'; readonly depth: number }
  /** A runtime size, i32. */
  | { readonly kind: 'dim'; readonly dim: Dim }
  /** A number that the host computes for each step (`lr`, a bias correction), f32. */
  | { readonly kind: 'host'; readonly name: string }
  /** An element of the kernel's operand number `tensor`, one index for each axis of it. */
  | {
      readonly kind: 'load';
      readonly tensor: number;
      readonly dtype: DType;
      readonly index: readonly ScalarExpression[];
    }
  /** The result of a reduction stage that has ended. */
  | { readonly kind: 'accumulator'; readonly id: number; readonly dtype: DType }
  /**
   * Uniform in [0, 1), f32: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), key =
   * (run seed, stream), counter = (index, step). `index` is i32.
   */
  | { readonly kind: 'random'; readonly stream: number; readonly index: ScalarExpression }
  | {
      readonly kind: 'apply';
      readonly fn: ScalarFunction;
      readonly dtype: DType;
      readonly args: readonly ScalarExpression[];
    };
