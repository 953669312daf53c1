/** What each scalar function computes, on numbers: the one definition that folding and the oracle share. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { erf } from './erf.ts';
import type { ScalarFunction } from './scalar.ts';
import type { DType } from './types.ts';

/** Missing arguments are 0; the unused ones are never read. */
export type NumericFunction = (a: number, b: number) => number;

const bool = (value: boolean): number => (value ? 1 : 0);

/** In float64 for f32: the oracle is more precise than the device on purpose. */
const floatFunctions: Partial<Record<ScalarFunction, NumericFunction>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  remainder: (a, b) => a - b * Math.floor(a / b),
  power: (a, b) => a ** b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  negate: (a) => -a,
  absolute: (a) => Math.abs(a),
  sign: (a) => Math.sign(a),
  floor: (a) => Math.floor(a),
  exp: (a) => Math.exp(a),
  log: (a) => Math.log(a),
  sqrt: (a) => Math.sqrt(a),
  rsqrt: (a) => 1 / Math.sqrt(a),
  sin: (a) => Math.sin(a),
  cos: (a) => Math.cos(a),
  tanh: (a) => Math.tanh(a),
  // exp(−a) may be infinite, and the quotient is then the limit, 0.
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  erf: (a) => erf(a),
};

/** i32 wraps, as WGSL's does. The divisor is never 0; the oracle throws where it is. */
const integerFunctions: Partial<Record<ScalarFunction, NumericFunction>> = {
  add: (a, b) => (a + b) | 0,
  subtract: (a, b) => (a - b) | 0,
  multiply: (a, b) => Math.imul(a, b),
  divide: (a, b) => (a / nonZero(b)) | 0,
  remainder: (a, b) => (a % nonZero(b)) | 0,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  negate: (a) => -a | 0,
  absolute: (a) => Math.abs(a) | 0,
  sign: (a) => Math.sign(a) | 0,
};

const logicalFunctions: Partial<Record<ScalarFunction, NumericFunction>> = {
  and: (a, b) => bool(a !== 0 && b !== 0),
  or: (a, b) => bool(a !== 0 || b !== 0),
  not: (a) => bool(a === 0),
};

/** The same for every dtype of the arguments. A comparison with NaN is false, except `not-equal`. */
const comparisons: Partial<Record<ScalarFunction, NumericFunction>> = {
  equal: (a, b) => bool(a === b),
  'not-equal': (a, b) => bool(a !== b),
  less: (a, b) => bool(a < b),
  'less-equal': (a, b) => bool(a <= b),
};

const conversions: Partial<Record<ScalarFunction, NumericFunction>> = {
  'to-f32': (a) => a,
  'to-i32': toInteger,
  'to-bool': (a) => bool(a !== 0),
};

const byDType: Readonly<Record<DType, Partial<Record<ScalarFunction, NumericFunction>>>> = {
  f32: floatFunctions,
  i32: integerFunctions,
  bool: logicalFunctions,
};

/**
 * The function on numbers, for arguments of `argument` dtype. `select` is none of them: it does not evaluate the
 * branch not taken. Throws where the function is not defined for the dtype (`exp` of i32).
 */
export function numericFunction(fn: ScalarFunction, argument: DType): NumericFunction {
  const found = comparisons[fn] ?? conversions[fn] ?? byDType[argument][fn];
  if (found === undefined)
    throw new InternalError(`the scalar function ${fn} is not defined for ${argument}`);
  return found;
}

/** Truncates towards 0 and saturates, as WGSL's i32(f32); NaN gives 0. */
function toInteger(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(2147483647, Math.max(-2147483648, Math.trunc(value))) | 0;
}

function nonZero(divisor: number): number {
  if (divisor === 0) throw new RangeError('an i32 division by 0');
  return divisor;
}
