/** Constructors of scalar expressions. They fold constants and neutral elements, so that index arithmetic stays short. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { addDims, constantDim, constantOf, multiplyDims, productOfDims, type Dim } from './dim.ts';
import { numericFunction } from './scalar-functions.ts';
import type { ScalarExpression, ScalarFunction } from './scalar.ts';
import type { DType } from './types.ts';

export type Scalar = ScalarExpression;

export function scalarDType(expression: Scalar): DType {
  switch (expression.kind) {
    case 'axis':
    case 'loop':
    case 'dim':
      return 'i32';
    case 'host':
    case 'random':
      return 'f32';
    default:
      return expression.dtype;
  }
}

export function literal(value: number, dtype: DType = 'f32'): Scalar {
  return { kind: 'literal', dtype, value };
}

export const integer = (value: number): Scalar => literal(value, 'i32');
export const boolean = (value: boolean): Scalar => literal(value ? 1 : 0, 'bool');
export const axis = (number: number): Scalar => ({ kind: 'axis', axis: number });
export const loop = (depth: number): Scalar => ({ kind: 'loop', depth });
export const host = (name: string): Scalar => ({ kind: 'host', name });

/** A size: a literal where no runtime dimension is in it. */
export function dimension(dim: Dim): Scalar {
  const value = constantOf(dim);
  return value === undefined ? { kind: 'dim', dim } : integer(value);
}

export function load(tensor: number, dtype: DType, index: readonly Scalar[]): Scalar {
  return { kind: 'load', tensor, dtype, index };
}

export const accumulator = (id: number, dtype: DType): Scalar => ({ kind: 'accumulator', id, dtype });
export const random = (stream: number, index: Scalar): Scalar => ({ kind: 'random', stream, index });

export const add = (a: Scalar, b: Scalar): Scalar => apply('add', [a, b]);
export const subtract = (a: Scalar, b: Scalar): Scalar => apply('subtract', [a, b]);
export const multiply = (a: Scalar, b: Scalar): Scalar => apply('multiply', [a, b]);
export const divide = (a: Scalar, b: Scalar): Scalar => apply('divide', [a, b]);
export const remainder = (a: Scalar, b: Scalar): Scalar => apply('remainder', [a, b]);
export const power = (a: Scalar, b: Scalar): Scalar => apply('power', [a, b]);
export const maximum = (a: Scalar, b: Scalar): Scalar => apply('maximum', [a, b]);
export const minimum = (a: Scalar, b: Scalar): Scalar => apply('minimum', [a, b]);
export const equal = (a: Scalar, b: Scalar): Scalar => apply('equal', [a, b]);
export const less = (a: Scalar, b: Scalar): Scalar => apply('less', [a, b]);
export const lessEqual = (a: Scalar, b: Scalar): Scalar => apply('less-equal', [a, b]);
export const and = (a: Scalar, b: Scalar): Scalar => apply('and', [a, b]);
export const or = (a: Scalar, b: Scalar): Scalar => apply('or', [a, b]);
export const not = (a: Scalar): Scalar => apply('not', [a]);

export function select(condition: Scalar, then: Scalar, otherwise: Scalar): Scalar {
  return apply('select', [condition, then, otherwise]);
}

export function convert(operand: Scalar, dtype: DType): Scalar {
  return scalarDType(operand) === dtype ? operand : apply(`to-${dtype}`, [operand]);
}

/** Row-major position of an index: ((i0·n1 + i1)·n2 + i2)…; the index along an axis of size 1 is 0. */
export function linearIndex(index: readonly Scalar[], shape: readonly Dim[]): Scalar {
  return index.reduce((position, step, at) => {
    const dim = shape[at] ?? constantDim(1);
    return constantOf(dim) === 1 ? position : add(multiply(position, dimension(dim)), step);
  }, integer(0));
}

/** The index of a row-major position; the position is inside the shape, so the first axis needs no remainder. */
export function unlinearIndex(position: Scalar, shape: readonly Dim[]): readonly Scalar[] {
  return shape.map((dim, at) => {
    if (constantOf(dim) === 1) return integer(0);
    const quotient = divide(position, dimension(productOfDims(shape.slice(at + 1))));
    const outermost = shape.slice(0, at).every((outer) => constantOf(outer) === 1);
    return outermost ? quotient : remainder(quotient, dimension(dim));
  });
}

/** Any function: types the result and folds. */
export function apply(fn: ScalarFunction, args: readonly Scalar[]): Scalar {
  return fold(fn, args) ?? { kind: 'apply', fn, dtype: resultDType(fn, args), args };
}

const BOOLEAN_RESULTS: ReadonlySet<ScalarFunction> = new Set([
  'equal',
  'not-equal',
  'less',
  'less-equal',
  'and',
  'or',
  'not',
  'to-bool',
]);

function resultDType(fn: ScalarFunction, args: readonly Scalar[]): DType {
  if (fn === 'to-f32') return 'f32';
  if (fn === 'to-i32') return 'i32';
  if (BOOLEAN_RESULTS.has(fn)) return 'bool';
  const operand = args[fn === 'select' ? 1 : 0];
  if (operand === undefined) throw new InternalError(`the scalar function ${fn} has no argument`);
  return scalarDType(operand);
}

/** The shorter equivalent, where there is one. Exact in i32; in f32 only what holds for infinities and NaN too. */
function fold(fn: ScalarFunction, args: readonly Scalar[]): Scalar | undefined {
  const [first, second, third] = args;
  if (first === undefined) return undefined;
  if (fn === 'select') return second && third && foldSelect(first, second, third);
  const dtype = resultDType(fn, args);
  const values = args.map(literalValue);
  const [a, b] = values;
  if (a !== undefined && (second === undefined || b !== undefined)) {
    // A division by a literal 0 is left to the one who evaluates it.
    const faulty = b === 0 && dtype === 'i32' && (fn === 'divide' || fn === 'remainder');
    if (!faulty) return literal(numericFunction(fn, scalarDType(first))(a, b ?? 0), dtype);
  }
  if (second === undefined) return fn === 'not' ? foldNot(first) : undefined;
  if (dtype === 'f32') return foldFloat(fn, first, second);
  return scalarDType(first) === 'i32' ? foldInteger(fn, first, second) : foldLogical(fn, first, second);
}

function literalValue(expression: Scalar): number | undefined {
  return expression.kind === 'literal' ? expression.value : undefined;
}

function foldSelect(condition: Scalar, then: Scalar, otherwise: Scalar): Scalar | undefined {
  const value = literalValue(condition);
  if (value !== undefined) return value === 0 ? otherwise : then;
  return then === otherwise ? then : undefined;
}

function foldNot(operand: Scalar): Scalar | undefined {
  return operand.kind === 'apply' && operand.fn === 'not' ? operand.args[0] : undefined;
}

function foldLogical(fn: ScalarFunction, first: Scalar, second: Scalar): Scalar | undefined {
  if (fn !== 'and' && fn !== 'or') return undefined;
  // `and` keeps the other operand where one is true, `or` where one is false.
  const neutral = fn === 'and' ? 1 : 0;
  const [a, b] = [literalValue(first), literalValue(second)];
  if (a !== undefined) return a === neutral ? second : first;
  if (b !== undefined) return b === neutral ? first : second;
  return first === second ? first : undefined;
}

function foldFloat(fn: ScalarFunction, first: Scalar, second: Scalar): Scalar | undefined {
  const [a, b] = [literalValue(first), literalValue(second)];
  switch (fn) {
    case 'add':
      return a === 0 ? second : b === 0 ? first : undefined;
    case 'subtract':
      return b === 0 ? first : a === 0 ? apply('negate', [second]) : undefined;
    case 'multiply':
      return a === 1 ? second : b === 1 ? first : undefined;
    case 'divide':
      return b === 1 ? first : undefined;
    case 'power':
      return foldPower(first, b);
    default:
      return undefined;
  }
}

/** Small whole exponents are products: exact for negative bases too, where WGSL's pow is undefined. */
function foldPower(base: Scalar, exponent: number | undefined): Scalar | undefined {
  switch (exponent) {
    case 0:
      return literal(1);
    case 1:
      return base;
    case 2:
      return multiply(base, base);
    case 3:
      return multiply(multiply(base, base), base);
    case 4: {
      const square = multiply(base, base);
      return multiply(square, square);
    }
    case -1:
      return divide(literal(1), base);
    case 0.5:
      return apply('sqrt', [base]);
    case -0.5:
      return apply('rsqrt', [base]);
    default:
      return undefined;
  }
}

/** Sizes are polynomials: sums and products of them fold into one uniform expression. */
function asDim(expression: Scalar): Dim | undefined {
  if (expression.kind === 'dim') return expression.dim;
  return expression.kind === 'literal' ? constantDim(expression.value) : undefined;
}

function foldInteger(fn: ScalarFunction, first: Scalar, second: Scalar): Scalar | undefined {
  const [a, b] = [literalValue(first), literalValue(second)];
  const [left, right] = [asDim(first), asDim(second)];
  switch (fn) {
    case 'add':
      if (a === 0) return second;
      if (b === 0) return first;
      return left && right ? dimension(addDims(left, right)) : foldOffset(first, b);
    case 'subtract':
      if (b === 0) return first;
      if (left && right) return dimension(addDims(left, multiplyDims(constantDim(-1), right)));
      return b === undefined ? undefined : foldOffset(first, -b);
    case 'multiply':
      if (a === 0 || b === 0) return integer(0);
      if (a === 1) return second;
      if (b === 1) return first;
      return left && right ? dimension(multiplyDims(left, right)) : undefined;
    case 'divide':
      return b === 1 ? first : undefined;
    case 'remainder':
      return b === 1 ? integer(0) : undefined;
    case 'maximum':
    case 'minimum':
      return first === second ? first : undefined;
    case 'equal':
    case 'less-equal':
      return sameInteger(first, second) ? boolean(true) : undefined;
    case 'not-equal':
    case 'less':
      return sameInteger(first, second) ? boolean(false) : undefined;
    default:
      return undefined;
  }
}

/** (x + c) + d = x + (c + d). */
function foldOffset(operand: Scalar, offset: number | undefined): Scalar | undefined {
  if (offset === undefined || operand.kind !== 'apply' || operand.fn !== 'add') return undefined;
  const [inner, constant] = operand.args;
  const value = constant && literalValue(constant);
  return inner === undefined || value === undefined ? undefined : add(inner, integer(value + offset));
}

function sameInteger(first: Scalar, second: Scalar): boolean {
  return first === second || (first.kind === 'axis' && second.kind === 'axis' && first.axis === second.axis);
}

/** The number that a random stream's name stands for in Philox's key: FNV-1a over UTF-16 units, then mixed; u32. */
export function hashStream(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  // MurmurHash3's finaliser: FNV-1a alone leaves names that differ in their last letter close together.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
