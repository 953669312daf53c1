/** Ops that move elements and compute nothing: index maps. No view is a dispatch unless somebody needs its buffer. */
import {
  constantDim,
  equalDims,
  printDim,
  productOfDims,
  addDims,
  constantOf,
  subtractDims,
} from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import * as scalar from '../ir/scalar-builder.ts';
import { printType, tensorType } from '../ir/types.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { OpTable } from './op.ts';
import { reshapeIndex } from './reshape-index.ts';
import {
  refuse,
  requireAxes,
  requireAxis,
  requireNotNegative,
  requireOne,
  requireSameDType,
  shapeText,
  withAxis,
} from './rules.ts';
import { dimOf, dimsOf, f32, i32, bool } from './samples.ts';

type Names = 'broadcast' | 'transpose' | 'reshape' | 'slice' | 'pad' | 'reverse' | 'concat';

const sizes = { batch: 2, seq: 5 };

export const view: Pick<OpTable, Names> = {
  broadcast: {
    name: 'broadcast',
    documentation:
      'Repeats the operand along new axes: its axis i becomes axis `axes[i]` of `shape`, with the same size; `axes` ascends. An axis of size 1 is not stretched: reshape it away first.',
    infer({ operands, attributes: { shape, axes } }) {
      const x = requireOne('broadcast', operands);
      const result = tensorType(x.dtype, shape);
      if (axes.length !== x.shape.length)
        refuse(`broadcast places ${axes.length} axes of ${printType(x)}, which has ${x.shape.length}`, 0);
      requireAxes('broadcast', result, axes);
      if (axes.some((axis, at) => axis <= (axes[at - 1] ?? -1)))
        refuse(`broadcast places the axes of ${printType(x)} at ${axes.join(', ')}, which do not ascend`, 0);
      axes.forEach((axis, at) => {
        const [from, to] = [x.shape[at], shape[axis]];
        if (from && to && !equalDims(from, to))
          refuse(
            `broadcast from ${printType(x)} to ${shapeText(shape)}: axis ${at} is ${printDim(from)}, and axis ${axis} of the result is ${printDim(to)}`,
            0,
          );
      });
      for (const dim of shape) requireNotNegative('broadcast', 'size', dim, result);
      return [result];
    },
    lowering: {
      kind: 'view',
      source: ({ index, attributes }) => ({
        operand: 0,
        index: attributes.axes.map((axis) => stepOf(index, axis)),
      }),
    },
    // y[i, j] = x[j]: dx = Σ_i dy
    vjp: ({ builder, node: { attributes }, cotangents: [ct] }) => [
      ct &&
        builder.sum(
          ct,
          ct.type.shape.map((_, axis) => axis).filter((axis) => !attributes.axes.includes(axis)),
        ),
    ],
    samples: [
      { title: 'scalar', operands: [f32()], attributes: { shape: dimsOf(3, 5), axes: [] } },
      { title: 'leading axis', operands: [f32(5)], attributes: { shape: dimsOf(3, 5), axes: [1] } },
      {
        title: 'trailing axis',
        operands: [f32('batch')],
        attributes: { shape: dimsOf('batch', 7), axes: [0] },
        sizes,
      },
      {
        title: 'between',
        operands: [f32(2, 3)],
        attributes: { shape: dimsOf(2, 'seq', 3), axes: [0, 2] },
        sizes,
      },
      {
        title: 'bool',
        operands: [bool('batch')],
        attributes: { shape: dimsOf('batch', 3), axes: [0] },
        sizes,
      },
      { title: 'to nothing', operands: [f32(5)], attributes: { shape: dimsOf(0, 5), axes: [1] } },
    ],
  },
  transpose: {
    name: 'transpose',
    documentation: 'Permutes the axes: axis i of the result is axis `permutation[i]` of the operand.',
    infer({ operands, attributes: { permutation } }) {
      const x = requireOne('transpose', operands);
      if (permutation.length !== x.shape.length)
        refuse(
          `transpose permutes ${permutation.length} axes of ${printType(x)}, which has ${x.shape.length}`,
          0,
        );
      requireAxes('transpose', x, permutation, 0);
      return [
        tensorType(
          x.dtype,
          permutation.map((axis) => requireAxis('transpose', x, axis, 0)),
        ),
      ];
    },
    lowering: {
      kind: 'view',
      source: ({ index, attributes: { permutation } }) => ({
        operand: 0,
        index: permutation.map((_, axis) => stepOf(index, permutation.indexOf(axis))),
      }),
    },
    // y = P x: dx = P⁻¹ dy
    vjp: ({ builder, node: { attributes }, cotangents: [ct] }) => [
      ct &&
        builder.transpose(
          ct,
          attributes.permutation.map((_, axis) => attributes.permutation.indexOf(axis)),
        ),
    ],
    samples: [
      { title: 'matrix', operands: [f32(3, 5)], attributes: { permutation: [1, 0] } },
      { title: 'cycle', operands: [f32('batch', 'seq', 3)], attributes: { permutation: [2, 0, 1] }, sizes },
      { title: 'one', operands: [i32(1, 1)], attributes: { permutation: [1, 0] } },
      { title: 'empty', operands: [f32(0, 3)], attributes: { permutation: [1, 0] } },
    ],
  },
  reshape: {
    name: 'reshape',
    documentation:
      'The same elements in row-major order under another shape. The products of the sizes are equal as polynomials: `[batch, 4*seq]` to `[batch, 4, seq]`, whatever the sizes are.',
    infer({ operands, attributes: { shape } }) {
      const x = requireOne('reshape', operands);
      const [from, to] = [productOfDims(x.shape), productOfDims(shape)];
      if (!equalDims(from, to))
        refuse(
          `reshape from ${printType(x)} to ${shapeText(shape)}: ${printDim(from)} elements do not fill ${printDim(to)}`,
          0,
        );
      const result = tensorType(x.dtype, shape);
      for (const dim of shape) requireNotNegative('reshape', 'size', dim, result);
      return [result];
    },
    lowering: {
      kind: 'view',
      source: ({ index, operands, result }) => ({
        operand: 0,
        index: reshapeIndex(index, operands[0]?.shape ?? [], result.shape),
      }),
    },
    // dx = dy in x's shape
    vjp: ({ builder, node: { operands }, cotangents: [ct] }) => [
      ct && operands[0] && builder.reshape(ct, operands[0].type.shape),
    ],
    samples: [
      { title: 'merge', operands: [f32('batch', 3, 5)], attributes: { shape: dimsOf('batch', 15) }, sizes },
      { title: 'split', operands: [f32('seq', 12)], attributes: { shape: dimsOf('seq', 3, 4) }, sizes },
      {
        title: 'merge runtime sizes',
        operands: [f32('seq', 'batch', 7)],
        attributes: { shape: [productOfDims(dimsOf('seq', 'batch')), constantDim(7)] },
        sizes,
      },
      { title: 'regroup', operands: [f32(4, 6)], attributes: { shape: dimsOf(3, 8) } },
      { title: 'ones', operands: [f32(1, 5, 1, 2)], attributes: { shape: dimsOf(5, 1, 2, 1, 1) } },
      { title: 'to a scalar', operands: [i32(1, 1)], attributes: { shape: [] } },
      { title: 'from a scalar', operands: [f32()], attributes: { shape: dimsOf(1) } },
      { title: 'empty', operands: [f32(0, 3)], attributes: { shape: dimsOf(5, 0) } },
    ],
  },
  slice: {
    name: 'slice',
    documentation:
      'The elements `start` … `start + length − 1` along one axis. What does not certainly fit is checked when the sizes are known.',
    infer({ operands, attributes: { axis, start, length } }) {
      const x = requireOne('slice', operands);
      const size = requireAxis('slice', x, axis, 0);
      requireNotNegative('slice', 'start', start, x);
      requireNotNegative('slice', 'length', length, x);
      const rest = constantOf(subtractDims(size, addDims(start, length)));
      if (rest !== undefined && rest < 0)
        refuse(
          `slice takes elements ${printDim(start)} to ${printDim(addDims(start, length))} (exclusive) of axis ${axis} of ${printType(x)}, which has ${printDim(size)}`,
          0,
        );
      return [tensorType(x.dtype, withAxis(x.shape, axis, length))];
    },
    lowering: {
      kind: 'view',
      source: ({ index, attributes: { axis, start } }) => ({
        operand: 0,
        index: index.map((step, number) =>
          number === axis ? scalar.add(step, scalar.dimension(start)) : step,
        ),
      }),
    },
    // dx = dy with zeros around it
    vjp({ builder, node, cotangents: [ct] }) {
      const { axis, start, length } = node.attributes;
      const size = node.operands[0]?.type.shape[axis];
      if (ct === undefined || size === undefined) return [undefined];
      return [
        builder.emit('pad', [ct], { axis, before: start, after: subtractDims(size, addDims(start, length)) }),
      ];
    },
    samples: [
      {
        title: 'head',
        operands: [f32(7)],
        attributes: { axis: 0, start: constantDim(0), length: constantDim(3) },
      },
      {
        title: 'inside',
        operands: [f32(3, 11)],
        attributes: { axis: 1, start: constantDim(4), length: constantDim(5) },
      },
      {
        title: 'runtime size',
        operands: [f32('batch', 'seq')],
        attributes: { axis: 1, start: constantDim(1), length: subtractDims(dimOf('seq'), constantDim(1)) },
        sizes,
      },
      {
        title: 'last',
        operands: [i32('seq')],
        attributes: { axis: 0, start: subtractDims(dimOf('seq'), constantDim(1)), length: constantDim(1) },
        sizes,
      },
      {
        title: 'empty',
        operands: [f32(7)],
        attributes: { axis: 0, start: constantDim(7), length: constantDim(0) },
      },
    ],
  },
  pad: {
    name: 'pad',
    documentation: 'Zeros (false) along one axis, `before` of them before the operand and `after` after it.',
    infer({ operands, attributes: { axis, before, after } }) {
      const x = requireOne('pad', operands);
      const size = requireAxis('pad', x, axis, 0);
      requireNotNegative('pad', 'size before', before, x);
      requireNotNegative('pad', 'size after', after, x);
      return [tensorType(x.dtype, withAxis(x.shape, axis, addDims(before, addDims(size, after))))];
    },
    lowering: {
      kind: 'view',
      source({ index, attributes: { axis, before, after }, operands }) {
        const size = operands[0]?.shape[axis] ?? constantDim(0);
        const outer = stepOf(index, axis);
        const position = scalar.subtract(outer, scalar.dimension(before));
        const inside = {
          operand: 0,
          index: index.map((step, number) => (number === axis ? position : step)),
        };
        const isZero = (dim: typeof before): boolean => constantOf(dim) === 0;
        if (isZero(before) && isZero(after)) return inside;
        const fromStart = isZero(before)
          ? scalar.boolean(true)
          : scalar.lessEqual(scalar.dimension(before), outer);
        const toEnd = isZero(after)
          ? scalar.boolean(true)
          : scalar.less(outer, scalar.dimension(addDims(before, size)));
        return { guard: scalar.and(fromStart, toEnd), inside };
      },
    },
    // dx = the part of dy that x is
    vjp({ builder, node, cotangents: [ct] }) {
      const { axis, before } = node.attributes;
      const length = node.operands[0]?.type.shape[axis];
      if (ct === undefined || length === undefined) return [undefined];
      return [builder.emit('slice', [ct], { axis, start: before, length })];
    },
    samples: [
      {
        title: 'before',
        operands: [f32(7)],
        attributes: { axis: 0, before: constantDim(2), after: constantDim(0) },
      },
      {
        title: 'after',
        operands: [f32(3, 5)],
        attributes: { axis: 1, before: constantDim(0), after: constantDim(3) },
      },
      {
        title: 'runtime size',
        operands: [f32('batch', 'seq')],
        attributes: { axis: 1, before: dimOf('seq'), after: constantDim(1) },
        sizes,
      },
      {
        title: 'nothing',
        operands: [f32(5)],
        attributes: { axis: 0, before: constantDim(0), after: constantDim(0) },
      },
      {
        title: 'empty operand',
        operands: [f32(0, 2)],
        attributes: { axis: 0, before: constantDim(1), after: constantDim(2) },
      },
      {
        title: 'bool',
        operands: [bool(3)],
        attributes: { axis: 0, before: constantDim(1), after: constantDim(1) },
      },
    ],
  },
  reverse: {
    name: 'reverse',
    documentation: 'The elements along one axis in opposite order.',
    infer({ operands, attributes: { axis } }) {
      const x = requireOne('reverse', operands);
      requireAxis('reverse', x, axis, 0);
      return [x];
    },
    lowering: {
      kind: 'view',
      source({ index, attributes: { axis }, result }) {
        const last = scalar.dimension(subtractDims(result.shape[axis] ?? constantDim(1), constantDim(1)));
        return {
          operand: 0,
          index: index.map((step, number) => (number === axis ? scalar.subtract(last, step) : step)),
        };
      },
    },
    // dx = dy reversed
    vjp: ({ builder, node: { attributes }, cotangents: [ct] }) => [
      ct && builder.emit('reverse', [ct], attributes),
    ],
    samples: [
      { title: 'vector', operands: [f32(7)], attributes: { axis: 0 } },
      { title: 'runtime size', operands: [f32('batch', 'seq', 3)], attributes: { axis: 1 }, sizes },
      { title: 'empty', operands: [i32(0)], attributes: { axis: 0 } },
    ],
  },
  concat: {
    name: 'concat',
    documentation: 'The operands one after the other along one axis; the other axes have equal sizes.',
    infer({ operands, attributes: { axis } }) {
      const [first, ...rest] = operands;
      if (first === undefined) return refuse('concat takes at least one operand');
      requireSameDType('concat', operands);
      let size = requireAxis('concat', first, axis, 0);
      rest.forEach((type, number) => {
        if (type.shape.length !== first.shape.length)
          refuse(
            `concat takes operands of equal rank, got ${printType(first)} and ${printType(type)}`,
            number + 1,
          );
        type.shape.forEach((dim, other) => {
          const expected = first.shape[other];
          if (other !== axis && expected && !equalDims(dim, expected))
            refuse(
              `concat along axis ${axis} of ${printType(first)} and ${printType(type)}: axis ${other} is ${printDim(expected)} in one and ${printDim(dim)} in the other`,
              number + 1,
            );
        });
        size = addDims(size, requireAxis('concat', type, axis, number + 1));
      });
      return [tensorType(first.dtype, withAxis(first.shape, axis, size))];
    },
    lowering: { kind: 'concat' },
    // Each operand gets its part of dy.
    vjp({ builder, node, cotangents: [ct] }) {
      const { axis } = node.attributes;
      let start = constantDim(0);
      return node.operands.map((operand): Value | undefined => {
        const length = operand.type.shape[axis];
        if (ct === undefined || length === undefined) return undefined;
        const part = builder.emit('slice', [ct], { axis, start, length });
        start = addDims(start, length);
        return part;
      });
    },
    samples: [
      { title: 'vectors', operands: [f32(3), f32(5)], attributes: { axis: 0 } },
      {
        title: 'three',
        operands: [f32('batch', 2), f32('batch', 1), f32('batch', 4)],
        attributes: { axis: 1 },
        sizes,
      },
      { title: 'runtime size', operands: [f32('seq', 3), f32(1, 3)], attributes: { axis: 0 }, sizes },
      { title: 'one operand', operands: [i32(4)], attributes: { axis: 0 } },
      { title: 'an empty operand', operands: [f32(2, 0), f32(2, 3)], attributes: { axis: 1 } },
    ],
  },
};

function stepOf(index: readonly scalar.Scalar[], axis: number): scalar.Scalar {
  const found = index[axis];
  if (found === undefined) throw new InternalError(`a view is lowered without the index along axis ${axis}`);
  return found;
}
