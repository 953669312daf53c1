/** Arithmetic, element for element: f32 and i32 operands of one shape. */
import * as scalar from '../ir/scalar-builder.ts';
import type { Value } from '../ir/graph.ts';
import type { Emitter } from './emit.ts';
import type { OpTable } from './op.ts';
import { binary, unary } from './pointwise.ts';

type Names =
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
  | 'stop-gradient'
  | 'again'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'max'
  | 'min';

/** The share of each operand: `wins(x, y)` all of it, a tie half. */
function shareExtremum(
  emit: Emitter,
  ct: Value,
  x: Value,
  y: Value,
  wins: 'gt' | 'lt',
): readonly [Value, Value] {
  const half = emit.mul(ct, emit.like(ct, 0.5));
  const tied = emit.binary('eq', x, y);
  const share = (won: Value): Value => emit.select(tied, half, emit.select(won, ct, emit.like(ct, 0)));
  return [share(emit.binary(wins, x, y)), share(emit.binary(wins, y, x))];
}

export const arithmetic: Pick<OpTable, Names> = {
  neg: unary('neg', {
    documentation: '−x.',
    dtypes: ['f32', 'i32'],
    scalar: (x) => scalar.apply('negate', [x]),
    // d(−x) = −dx
    gradient: (emit, ct) => emit.neg(ct),
  }),
  exp: unary('exp', {
    documentation: 'e to the power of x.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('exp', [x]),
    // d(e^x) = e^x dx
    gradient: (emit, ct, _x, y) => emit.mul(ct, y),
  }),
  log: unary('log', {
    documentation: 'The natural logarithm of x; −∞ at 0, NaN below.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('log', [x]),
    // d(log x) = dx / x
    gradient: (emit, ct, x) => emit.div(ct, x),
    range: [0.25, 4],
  }),
  sqrt: unary('sqrt', {
    documentation: 'The square root of x; NaN below 0. The gradient at 0 is infinite.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('sqrt', [x]),
    // d(√x) = dx / (2√x)
    gradient: (emit, ct, _x, y) => emit.div(ct, emit.mul(emit.like(y, 2), y)),
    range: [0.25, 4],
  }),
  rsqrt: unary('rsqrt', {
    documentation: '1/√x.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('rsqrt', [x]),
    // d(x^−½) = −½ x^−3/2 dx
    gradient: (emit, ct, _x, y) => emit.mul(ct, emit.mul(emit.like(y, -0.5), emit.mul(y, emit.mul(y, y)))),
    range: [0.25, 4],
  }),
  abs: unary('abs', {
    documentation: '|x|. The gradient at 0 is 0.',
    dtypes: ['f32', 'i32'],
    scalar: (x) => scalar.apply('absolute', [x]),
    // d|x| = sign(x) dx
    gradient: (emit, ct, x) => emit.mul(ct, emit.unary('sign', x)),
  }),
  sign: unary('sign', {
    documentation: '−1, 0 or 1. Stops the gradient.',
    dtypes: ['f32', 'i32'],
    scalar: (x) => scalar.apply('sign', [x]),
  }),
  floor: unary('floor', {
    documentation: 'The largest whole number that is not above x. Stops the gradient.',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('floor', [x]),
  }),
  sin: unary('sin', {
    documentation: 'The sine of x (radians).',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('sin', [x]),
    // d(sin x) = cos x dx
    gradient: (emit, ct, x) => emit.mul(ct, emit.unary('cos', x)),
  }),
  cos: unary('cos', {
    documentation: 'The cosine of x (radians).',
    dtypes: ['f32'],
    scalar: (x) => scalar.apply('cos', [x]),
    // d(cos x) = −sin x dx
    gradient: (emit, ct, x) => emit.neg(emit.mul(ct, emit.unary('sin', x))),
  }),
  'stop-gradient': unary('stop-gradient', {
    documentation: 'x itself, through which no gradient passes.',
    dtypes: ['f32', 'i32', 'bool'],
    scalar: (x) => x,
  }),
  again: unary('again', {
    documentation:
      'x itself, which no pass merges with another `again` or removes: what is made of it is computed once more, instead of being kept.',
    dtypes: ['f32'],
    scalar: (x) => x,
    gradient: (_emit, ct) => ct,
  }),
  add: binary('add', {
    documentation: 'x + y; i32 wraps.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.add,
    // d(x + y) = dx + dy
    gradient: (_emit, ct) => [ct, ct],
  }),
  sub: binary('sub', {
    documentation: 'x − y; i32 wraps.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.subtract,
    // d(x − y) = dx − dy
    gradient: (emit, ct) => [ct, emit.neg(ct)],
  }),
  mul: binary('mul', {
    documentation: 'x · y; i32 wraps.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.multiply,
    // d(xy) = y dx + x dy, d(x²) = 2x dx
    gradient: (emit, ct, x, y) =>
      x === y ? [emit.mul(emit.mul(ct, emit.like(ct, 2)), x), undefined] : [emit.mul(ct, y), emit.mul(ct, x)],
  }),
  div: binary('div', {
    documentation: 'x / y. i32 truncates towards 0, and its divisor must not be 0.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.divide,
    // d(x/y) = dx/y − (x/y) dy/y
    gradient: (emit, ct, _x, y, result) => {
      const quotient = emit.div(ct, y);
      return [quotient, emit.neg(emit.mul(quotient, result))];
    },
    range: [0.5, 3],
  }),
  mod: binary('mod', {
    documentation:
      'The remainder of x / y. f32: x − y⌊x/y⌋, as Python’s `%`; i32: with the sign of x, and the divisor must not be 0.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.remainder,
    // d(x − y⌊x/y⌋) = dx − ⌊x/y⌋ dy
    gradient: (emit, ct, x, y) => [ct, emit.neg(emit.mul(ct, emit.unary('floor', emit.div(x, y))))],
    range: [0.5, 3],
  }),
  pow: binary('pow', {
    documentation:
      'x to the power of y. The gradient in y is 0 where x is 0, and that in x is 0 where y is 0, as in PyTorch.',
    dtypes: ['f32'],
    scalar: scalar.power,
    // d(x^y) = y x^(y−1) dx + x^y log x dy
    gradient: (emit, ct, x, y, result) => {
      const [zero, one] = [emit.like(x, 0), emit.like(x, 1)];
      const base = emit.mul(y, emit.binary('pow', x, emit.sub(y, one)));
      const exponent = emit.mul(result, emit.unary('log', x));
      return [
        emit.mul(ct, emit.select(emit.binary('eq', y, zero), zero, base)),
        emit.mul(ct, emit.select(emit.binary('eq', x, zero), zero, exponent)),
      ];
    },
    range: [0.5, 2],
  }),
  max: binary('max', {
    documentation:
      'The larger of x and y. Where they are equal, each gets half of the gradient, as in PyTorch.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.maximum,
    // d max(x, y) = dx where x > y, dy where x < y, the mean of both where x = y
    gradient: (emit, ct, x, y) => shareExtremum(emit, ct, x, y, 'gt'),
  }),
  min: binary('min', {
    documentation:
      'The smaller of x and y. Where they are equal, each gets half of the gradient, as in PyTorch.',
    dtypes: ['f32', 'i32'],
    scalar: scalar.minimum,
    // d min(x, y) = dx where x < y, dy where x > y, the mean of both where x = y
    gradient: (emit, ct, x, y) => shareExtremum(emit, ct, x, y, 'lt'),
  }),
};
