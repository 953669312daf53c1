/** The matrix product in general form. */
import type { GraphBuilder } from '../ir/builder.ts';
import { equalDims, printDim, type Dim } from '../ir/dim.ts';
import type { OpAttributes, Value } from '../ir/graph.ts';
import { printType, tensorType, type TensorType } from '../ir/types.ts';
import type { OpTable } from './op.ts';
import { refuse, requireAxes, requireAxis, requireDType, requireSameDType, requireTwo } from './rules.ts';
import { f32 } from './samples.ts';

type DotAttributes = OpAttributes['dot'];

export const contraction: Pick<OpTable, 'dot'> = {
  dot: {
    name: 'dot',
    documentation:
      'Σ over the `contract` pairs of axes (lhs axis, rhs axis) of lhs · rhs, for each point of the `batch` pairs. The result has the batch axes in the order of their pairs, then the free axes of lhs, then those of rhs. f32. Without contract pairs it is the outer product; over no element the sum is 0.',
    infer({ operands, attributes }) {
      const [lhs, rhs] = requireTwo('dot', operands);
      requireDType('dot', lhs, ['f32'], 0);
      requireSameDType('dot', operands);
      const { batch, contract } = attributes;
      requireAxes(
        'dot',
        lhs,
        [...batch, ...contract].map(([axis]) => axis),
        0,
      );
      requireAxes(
        'dot',
        rhs,
        [...batch, ...contract].map(([, axis]) => axis),
        1,
      );
      for (const pair of batch) requireEqualAxes('keeps', lhs, rhs, pair);
      for (const pair of contract) requireEqualAxes('sums over', lhs, rhs, pair);
      return [tensorType(lhs.dtype, resultShape(lhs, rhs, attributes))];
    },
    lowering: { kind: 'contraction' },
    vjp({ builder, node, cotangents: [ct] }) {
      const [lhs, rhs] = node.operands;
      if (lhs === undefined || rhs === undefined || ct === undefined) return [undefined, undefined];
      return [
        lhsCotangent(builder, ct, lhs, rhs, node.attributes),
        rhsCotangent(builder, ct, lhs, rhs, node.attributes),
      ];
    },
    samples: [
      { title: 'matrices', operands: [f32(3, 5), f32(5, 7)], attributes: { batch: [], contract: [[1, 0]] } },
      {
        title: 'x Wᵀ',
        operands: [f32('batch', 'seq', 7), f32(11, 7)],
        attributes: { batch: [], contract: [[2, 1]] },
        sizes: { batch: 2, seq: 5 },
      },
      { title: 'one', operands: [f32(1, 1), f32(1, 1)], attributes: { batch: [], contract: [[1, 0]] } },
      { title: 'vectors', operands: [f32(13), f32(13)], attributes: { batch: [], contract: [[0, 0]] } },
      { title: 'outer product', operands: [f32(3), f32(5)], attributes: { batch: [], contract: [] } },
      {
        title: 'batch',
        operands: [f32('batch', 3, 5), f32('batch', 5, 2)],
        attributes: { batch: [[0, 0]], contract: [[2, 1]] },
        sizes: { batch: 3 },
      },
      {
        title: 'attention scores',
        operands: [f32('batch', 'seq', 2, 3), f32('batch', 'keys', 2, 3)],
        attributes: {
          batch: [
            [0, 0],
            [2, 2],
          ],
          contract: [[3, 3]],
        },
        sizes: { batch: 2, seq: 5, keys: 4 },
      },
      {
        title: 'crossed axes',
        operands: [f32(2, 3, 4, 5), f32(5, 6, 2, 3)],
        attributes: {
          batch: [[1, 3]],
          contract: [
            [3, 0],
            [0, 2],
          ],
        },
      },
      {
        title: 'crossed batch',
        operands: [f32(2, 3, 4), f32(3, 2, 4)],
        attributes: {
          batch: [
            [1, 0],
            [0, 1],
          ],
          contract: [[2, 2]],
        },
      },
      {
        title: 'around a tile',
        operands: [f32(65, 63), f32(63, 17)],
        attributes: { batch: [], contract: [[1, 0]] },
      },
      {
        title: 'a sum of nothing',
        operands: [f32(3, 0), f32(0, 2)],
        attributes: { batch: [], contract: [[1, 0]] },
      },
      { title: 'no rows', operands: [f32(0, 3), f32(3, 2)], attributes: { batch: [], contract: [[1, 0]] } },
    ],
  },
};

function requireEqualAxes(
  verb: string,
  lhs: TensorType,
  rhs: TensorType,
  [left, right]: readonly [number, number],
): void {
  const [leftDim, rightDim] = [requireAxis('dot', lhs, left, 0), requireAxis('dot', rhs, right, 1)];
  if (!equalDims(leftDim, rightDim))
    refuse(
      `dot of ${printType(lhs)} and ${printType(rhs)} ${verb} axis ${left} of the one with axis ${right} of the other, but they are ${printDim(leftDim)} and ${printDim(rightDim)}`,
      1,
    );
}

const LEFT = 0;
const RIGHT = 1;

/** Axes in no pair, ascending. */
export function freeAxes(rank: number, side: 0 | 1, { batch, contract }: DotAttributes): readonly number[] {
  const paired = [...batch, ...contract].map((pair) => pair[side]);
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !paired.includes(axis));
}

function resultShape(lhs: TensorType, rhs: TensorType, attributes: DotAttributes): readonly Dim[] {
  return [
    ...attributes.batch.map(([axis]) => requireAxis('dot', lhs, axis)),
    ...freeAxes(lhs.shape.length, LEFT, attributes).map((axis) => requireAxis('dot', lhs, axis)),
    ...freeAxes(rhs.shape.length, RIGHT, attributes).map((axis) => requireAxis('dot', rhs, axis)),
  ];
}

/** d lhs[b, m, k] = Σ_n dy[b, m, n] rhs[b, k, n] */
function lhsCotangent(
  builder: GraphBuilder,
  ct: Value,
  lhs: Value,
  rhs: Value,
  attributes: DotAttributes,
): Value {
  const { batch, contract } = attributes;
  const lhsFree = freeAxes(lhs.type.shape.length, LEFT, attributes);
  const rhsFree = freeAxes(rhs.type.shape.length, RIGHT, attributes);
  const product = builder.emit('dot', [ct, rhs], {
    batch: batch.map(([, right], at) => [at, right] as const),
    contract: rhsFree.map((right, at) => [batch.length + lhsFree.length + at, right] as const),
  });
  // The product's axes: batch, free axes of lhs, contracted axes in the order in which rhs has them.
  const contracted = contract.toSorted((a, b) => a[RIGHT] - b[RIGHT]).map(([left]) => left);
  return backInOrder(builder, product, [...batch.map(([left]) => left), ...lhsFree, ...contracted]);
}

/** d rhs[b, k, n] = Σ_m lhs[b, m, k] dy[b, m, n] */
function rhsCotangent(
  builder: GraphBuilder,
  ct: Value,
  lhs: Value,
  rhs: Value,
  attributes: DotAttributes,
): Value {
  const { batch, contract } = attributes;
  const lhsFree = freeAxes(lhs.type.shape.length, LEFT, attributes);
  const rhsFree = freeAxes(rhs.type.shape.length, RIGHT, attributes);
  const product = builder.emit('dot', [lhs, ct], {
    batch: batch.map(([left], at) => [left, at] as const),
    contract: lhsFree.map((left, at) => [left, batch.length + at] as const),
  });
  // The product's axes: batch, contracted axes in the order in which lhs has them, free axes of rhs.
  const contracted = contract.toSorted((a, b) => a[LEFT] - b[LEFT]).map(([, right]) => right);
  return backInOrder(builder, product, [...batch.map(([, right]) => right), ...contracted, ...rhsFree]);
}

/** `places[i]` is where axis i of the product belongs. */
function backInOrder(builder: GraphBuilder, product: Value, places: readonly number[]): Value {
  return builder.transpose(
    product,
    places.map((_, axis) => places.indexOf(axis)),
  );
}
