/** Scalar expressions: folding keeps the value, interning finds equals, and the functions mean what is written. */
import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { constantDim, symbolDim } from '../../../src/ir/dim.ts';
import { erf } from '../../../src/ir/erf.ts';
import { compileScalar, scalarEnvironment } from '../../../src/ir/evaluate-scalar.ts';
import { scalarInterner } from '../../../src/ir/intern-scalar.ts';
import * as scalar from '../../../src/ir/scalar-builder.ts';
import type { ScalarExpression, ScalarFunction } from '../../../src/ir/scalar.ts';

const sizes = new Map([
  ['batch', 3],
  ['seq', 5],
]);

function value(expression: ScalarExpression, axes: readonly number[] = []): number {
  const environment = scalarEnvironment({ axes: axes.length, sizes });
  environment.axes.set(axes);
  return compileScalar(expression, environment)();
}

// Unfolded: the argument is an axis, whose value is known only when it runs.
function onAxis(fn: ScalarFunction, a: number, b: number): number {
  return value({ kind: 'apply', fn, dtype: 'i32', args: [scalar.axis(0), scalar.axis(1)] }, [a, b]);
}

function offsetLoad(offset: number): ScalarExpression {
  return scalar.add(
    scalar.load(0, 'f32', [scalar.add(scalar.axis(0), scalar.integer(offset))]),
    scalar.host('lr'),
  );
}

describe('functions', () => {
  const { literal, integer, apply } = scalar;
  test('i32 wraps', () => {
    expect(onAxis('add', 2147483647, 1)).toBe(-2147483648);
    expect(onAxis('multiply', 65536, 65537)).toBe(65536);
    expect(onAxis('subtract', -2147483648, 1)).toBe(2147483647);
  });

  test('i32 division truncates, and the remainder has the sign of the dividend', () => {
    expect([onAxis('divide', -7, 2), onAxis('remainder', -7, 2), onAxis('remainder', 7, -2)]).toEqual([
      -3, -1, 1,
    ]);
    expect(() => onAxis('divide', 1, 0)).toThrow(RangeError);
  });

  test('the f32 remainder is floored', () => {
    expect(value(apply('remainder', [literal(-7), literal(2)]))).toBe(1);
  });

  test('conversions truncate, saturate and test for zero', () => {
    expect(value(apply('to-i32', [literal(-2.9)]))).toBe(-2);
    expect(value(apply('to-i32', [literal(1e20)]))).toBe(2147483647);
    expect(value(apply('to-bool', [literal(-0.5)]))).toBe(1);
    expect(value(scalar.convert(integer(3), 'f32'))).toBe(3);
  });

  test('sigmoid and tanh do not overflow', () => {
    expect(value(apply('sigmoid', [literal(-1000)]))).toBe(0);
    expect(value(apply('sigmoid', [literal(1000)]))).toBe(1);
    expect(value(apply('tanh', [literal(1000)]))).toBe(1);
  });

  test('select does not evaluate the branch not taken', () => {
    const faulty = scalar.load(0, 'f32', [scalar.axis(0)]);
    const guarded = scalar.select(scalar.less(scalar.axis(0), integer(0)), faulty, literal(4));
    expect(value(guarded, [9])).toBe(4);
    expect(() => value(faulty, [9])).toThrow(RangeError);
  });

  // Digits of Abramowitz & Stegun, table 7.1, and of mpmath.
  test.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [-1.5, -0.9661051464753108],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [40, 1],
  ])('erf(%d) = %d', (x, expected) => {
    expect(Math.abs(erf(x) - expected)).toBeLessThan(4e-16);
  });
});

describe('folding', () => {
  test('sizes become one polynomial', () => {
    const size = scalar.add(
      scalar.multiply(scalar.dimension(symbolDim('seq')), scalar.integer(4)),
      scalar.integer(-1),
    );
    expect(size.kind).toBe('dim');
    expect(value(size)).toBe(19);
    expect(scalar.dimension(constantDim(6))).toEqual(scalar.integer(6));
  });

  test('neutral elements disappear', () => {
    const x = scalar.axis(0);
    expect(scalar.add(x, scalar.integer(0))).toBe(x);
    expect(scalar.divide(x, scalar.integer(1))).toBe(x);
    expect(scalar.remainder(x, scalar.integer(1))).toEqual(scalar.integer(0));
    expect(scalar.subtract(scalar.add(x, scalar.integer(3)), scalar.integer(3))).toBe(x);
    const y = scalar.load(0, 'f32', [x]);
    expect(scalar.multiply(y, scalar.literal(1))).toBe(y);
    // 0 · ∞ is NaN: a product with 0 stays.
    expect(scalar.multiply(y, scalar.literal(0)).kind).toBe('apply');
  });

  test('index arithmetic has the value that it has without folding', () => {
    const atoms = fc.oneof(
      fc.integer({ min: -3, max: 6 }).map(scalar.integer),
      fc.constantFrom(scalar.axis(0), scalar.axis(1)),
      fc.constantFrom('seq', 'batch').map((name) => scalar.dimension(symbolDim(name))),
    );
    const functions = fc.constantFrom<ScalarFunction>('add', 'subtract', 'multiply', 'maximum', 'minimum');
    const { tree } = fc.letrec<{ tree: readonly [ScalarExpression, ScalarExpression] }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        atoms.map((atom) => [atom, atom] as const),
        fc
          .tuple(functions, tie('tree'), tie('tree'))
          .map(
            ([fn, [a, plainA], [b, plainB]]) =>
              [
                scalar.apply(fn, [a, b]),
                { kind: 'apply', fn, dtype: 'i32', args: [plainA, plainB] } as const,
              ] as const,
          ),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.nat(9), fc.nat(9), ([folded, plain], i, j) => {
        expect(value(folded, [i, j])).toBe(value(plain, [i, j]));
      }),
      { numRuns: 500 },
    );
  });

  test('a row-major position and its index are inverse', () => {
    const shape = [symbolDim('batch'), constantDim(1), symbolDim('seq'), constantDim(4)];
    const back = scalar.unlinearIndex(
      scalar.linearIndex([scalar.axis(0), scalar.axis(1), scalar.axis(2), scalar.axis(3)], shape),
      shape,
    );
    expect(back.map((step) => value(step, [2, 0, 3, 1]))).toEqual([2, 0, 3, 1]);
  });
});

describe('interning', () => {
  test('equal expressions become one object, others do not', () => {
    const intern = scalarInterner();
    expect(intern(offsetLoad(2))).toBe(intern(offsetLoad(2)));
    expect(intern(offsetLoad(2))).not.toBe(intern(offsetLoad(3)));
    expect(intern(scalar.literal(0))).not.toBe(intern(scalar.literal(-0)));
    expect(intern(scalar.literal(1))).not.toBe(intern(scalar.integer(1)));
  });

  test('a shared expression is evaluated once, however often it occurs', () => {
    let doubled: ScalarExpression = scalar.axis(0);
    // 2^60 paths: only a walk over distinct objects ends.
    for (let level = 0; level < 60; level++)
      doubled = scalar.maximum(doubled, scalar.add(doubled, scalar.integer(0)));
    expect(value(scalarInterner()(doubled), [5])).toBe(5);
    let sum: ScalarExpression = scalar.convert(scalar.axis(0), 'f32');
    for (let level = 0; level < 60; level++) sum = scalar.add(sum, sum);
    expect(value(sum, [1])).toBe(2 ** 60);
    expect(value(scalarInterner()(sum), [1])).toBe(2 ** 60);
  });
});

test('stream names that differ little hash to distant numbers', () => {
  const hashes = ['dropout', 'dropouu', 'rnn.dropout.0', 'rnn.dropout.1'].map(scalar.hashStream);
  expect(new Set(hashes.map((hash) => hash >>> 24)).size).toBe(hashes.length);
  expect(hashes.every((hash) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32)).toBe(true);
});
