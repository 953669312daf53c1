/** Values from nothing, and conversions of dtype. */
import { constantDim } from '../ir/dim.ts';
import * as scalar from '../ir/scalar-builder.ts';
import { tensorType, type DType } from '../ir/types.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { OpTable } from './op.ts';
import { argument } from './pointwise.ts';
import { refuse, requireCount, requireNotNegative, requireOne } from './rules.ts';
import { bool, dimOf, dimsOf, f32, i32 } from './samples.ts';

function checkConstant(dtype: DType, value: number): void {
  const integral = Number.isInteger(value) && value >= -2147483648 && value <= 2147483647;
  if (dtype === 'i32' && !integral) refuse(`a constant of i32 is a whole number of 32 bits, got ${value}`);
  if (dtype === 'bool' && value !== 0 && value !== 1) refuse(`a constant of bool is 0 or 1, got ${value}`);
}

export const source: Pick<OpTable, 'constant' | 'iota' | 'dim-size' | 'random' | 'cast'> = {
  constant: {
    name: 'constant',
    documentation: '`value` as a scalar (shape `[]`) of `dtype`.',
    infer({ operands, attributes: { dtype, value } }) {
      requireCount('constant', operands, 0);
      checkConstant(dtype, value);
      return [tensorType(dtype, [])];
    },
    lowering: {
      kind: 'pointwise',
      scalar: (_, { attributes }) => scalar.literal(attributes.value, attributes.dtype),
    },
    samples: [
      { title: 'f32', operands: [], attributes: { dtype: 'f32', value: 0.1 } },
      { title: 'infinite', operands: [], attributes: { dtype: 'f32', value: -Infinity } },
      { title: 'i32', operands: [], attributes: { dtype: 'i32', value: -7 } },
      { title: 'bool', operands: [], attributes: { dtype: 'bool', value: 1 } },
    ],
  },
  iota: {
    name: 'iota',
    documentation: 'i32[length]: 0, 1, 2 and so on.',
    infer({ operands, attributes: { length } }) {
      requireCount('iota', operands, 0);
      const type = tensorType('i32', [length]);
      requireNotNegative('iota', 'length', length, type);
      return [type];
    },
    lowering: {
      kind: 'pointwise',
      scalar: (_, { index: [position] }) => position ?? missingIndex(),
    },
    samples: [
      { title: 'prime', operands: [], attributes: { length: constantDim(7) } },
      { title: 'runtime size', operands: [], attributes: { length: dimOf('seq') }, sizes: { seq: 5 } },
      { title: 'empty', operands: [], attributes: { length: constantDim(0) } },
    ],
  },
  'dim-size': {
    name: 'dim-size',
    documentation: 'The runtime size `dim` as an i32 scalar.',
    infer({ operands }) {
      requireCount('dim-size', operands, 0);
      return [tensorType('i32', [])];
    },
    lowering: { kind: 'pointwise', scalar: (_, { attributes }) => scalar.dimension(attributes.dim) },
    samples: [
      { title: 'symbol', operands: [], attributes: { dim: dimOf('seq') }, sizes: { seq: 5 } },
      { title: 'constant', operands: [], attributes: { dim: constantDim(12) } },
    ],
  },
  random: {
    name: 'random',
    documentation:
      'f32[shape], uniform in [0, 1): Philox 4x32-10 with key (seed of the run, hash of `stream`) and counter (row-major index, step). The same place in the module tree draws the same numbers whatever else the model contains. Not allowed inside a `scan`, whose steps would all draw the same.',
    infer({ operands, attributes: { shape, stream } }) {
      requireCount('random', operands, 0);
      if (stream === '') refuse('random has a stream without a name');
      const type = tensorType('f32', shape);
      for (const dim of shape) requireNotNegative('random', 'size', dim, type);
      return [type];
    },
    lowering: {
      kind: 'pointwise',
      scalar: (_, { index, attributes }) =>
        scalar.random(scalar.hashStream(attributes.stream), scalar.linearIndex(index, attributes.shape)),
    },
    samples: [
      { title: 'scalar', operands: [], attributes: { shape: [], stream: 'dropout' } },
      { title: 'matrix', operands: [], attributes: { shape: dimsOf(5, 13), stream: 'rnn.dropout' } },
      {
        title: 'runtime sizes',
        operands: [],
        attributes: { shape: dimsOf('batch', 'seq', 3), stream: 'dropout' },
        sizes: { batch: 2, seq: 5 },
      },
    ],
  },
  cast: {
    name: 'cast',
    documentation:
      'x in another dtype. f32 to i32 truncates towards 0; a number is true where it is not 0; true is 1.',
    infer({ operands, attributes: { dtype } }) {
      return [tensorType(dtype, requireOne('cast', operands).shape)];
    },
    lowering: {
      kind: 'pointwise',
      scalar: (args, { attributes }) => scalar.convert(argument(args, 0), attributes.dtype),
    },
    // Only f32 carries gradients: every other pair of dtypes stops them.
    vjp: ({ node, cotangents }) => [
      node.operands[0]?.type.dtype === 'f32' && node.attributes.dtype === 'f32' ? cotangents[0] : undefined,
    ],
    samples: [
      { title: 'f32 to f32', operands: [f32(7)], attributes: { dtype: 'f32' } },
      { title: 'f32 to i32', operands: [f32(7)], attributes: { dtype: 'i32' } },
      { title: 'i32 to f32', operands: [i32('batch', 3)], attributes: { dtype: 'f32' }, sizes: { batch: 2 } },
      { title: 'i32 to bool', operands: [i32(11)], attributes: { dtype: 'bool' } },
      { title: 'bool to f32', operands: [bool(3, 5)], attributes: { dtype: 'f32' } },
    ],
  },
};

function missingIndex(): never {
  throw new InternalError('iota is lowered without the index of its element');
}
