/** Comparisons, logic and choice. Their results stop the gradient, except what `select` passes through. */
import * as scalar from '../ir/scalar-builder.ts';
import { emitter } from './emit.ts';
import type { OpTable } from './op.ts';
import { argument, binary, unary } from './pointwise.ts';
import { refuse, requireCount, requireDType, requireSameDType, requireSameShape } from './rules.ts';
import { bool, elementwise, f32 } from './samples.ts';

type Names = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'and' | 'or' | 'not' | 'select';

export const compare: Pick<OpTable, Names> = {
  eq: binary('eq', {
    documentation: 'x = y, a bool; false where either is NaN.',
    dtypes: ['f32', 'i32', 'bool'],
    result: 'bool',
    scalar: scalar.equal,
  }),
  ne: binary('ne', {
    documentation: 'x ≠ y, a bool; true where either is NaN.',
    dtypes: ['f32', 'i32', 'bool'],
    result: 'bool',
    scalar: (x, y) => scalar.apply('not-equal', [x, y]),
  }),
  lt: binary('lt', {
    documentation: 'x < y, a bool.',
    dtypes: ['f32', 'i32'],
    result: 'bool',
    scalar: scalar.less,
  }),
  le: binary('le', {
    documentation: 'x ≤ y, a bool.',
    dtypes: ['f32', 'i32'],
    result: 'bool',
    scalar: scalar.lessEqual,
  }),
  gt: binary('gt', {
    documentation: 'x > y, a bool.',
    dtypes: ['f32', 'i32'],
    result: 'bool',
    scalar: (x, y) => scalar.less(y, x),
  }),
  ge: binary('ge', {
    documentation: 'x ≥ y, a bool.',
    dtypes: ['f32', 'i32'],
    result: 'bool',
    scalar: (x, y) => scalar.lessEqual(y, x),
  }),
  and: binary('and', { documentation: 'True where both are.', dtypes: ['bool'], scalar: scalar.and }),
  or: binary('or', { documentation: 'True where either is.', dtypes: ['bool'], scalar: scalar.or }),
  not: unary('not', { documentation: 'True where x is false.', dtypes: ['bool'], scalar: scalar.not }),
  select: {
    name: 'select',
    documentation:
      '(condition, then, else): `then` where the condition is true, `else` elsewhere. All have one shape. The value not chosen does not matter, not even where it is NaN, and its gradient is 0.',
    infer({ operands }) {
      requireCount('select', operands, 3);
      const [condition, then, otherwise] = operands;
      if (condition === undefined || then === undefined || otherwise === undefined)
        return refuse('select takes a condition and two values');
      requireDType('the condition of select', condition, ['bool'], 0);
      requireSameDType('select', [then, otherwise]);
      requireSameShape('select', operands);
      return [then];
    },
    lowering: {
      kind: 'pointwise',
      scalar: (args) => scalar.select(argument(args, 0), argument(args, 1), argument(args, 2)),
    },
    // d select(c, x, y) = dx where c, dy elsewhere
    vjp({ builder, node, cotangents }) {
      const [condition, ct] = [node.operands[0], cotangents[0]];
      if (condition === undefined || ct === undefined) return [undefined, undefined, undefined];
      const emit = emitter(builder);
      const zero = emit.like(ct, 0);
      return [undefined, emit.select(condition, ct, zero), emit.select(condition, zero, ct)];
    },
    samples: [
      ...elementwise(['f32', 'i32'], 2).map(({ operands, ...sample }) => ({
        ...sample,
        operands: [{ dtype: 'bool' as const, shape: operands[0]?.shape ?? [] }, ...operands],
        attributes: {},
      })),
      { title: 'bool', operands: [bool(5), bool(5), bool(5)], attributes: {} },
      { title: 'matrix', operands: [bool(3, 17), f32(3, 17), f32(3, 17)], attributes: {} },
    ],
  },
};
