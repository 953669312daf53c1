/** Ops that combine the elements along axes. */
import { constantOf } from '../ir/dim.ts';
import { printType, tensorType } from '../ir/types.ts';
import { emitter } from './emit.ts';
import type { OpTable } from './op.ts';
import { refuse, requireAxes, requireAxis, requireDType, requireOne, withoutAxes } from './rules.ts';
import { f32, i32 } from './samples.ts';

const sizes = { batch: 2, seq: 5 };

export const reduce: Pick<OpTable, 'reduce' | 'argmax'> = {
  reduce: {
    name: 'reduce',
    documentation:
      'The sum, maximum or minimum over `axes`, which disappear. Over no element the sum is 0, the maximum −∞ and the minimum +∞ (for i32 the least and the largest number). The gradient of an extremum spreads evenly over its ties, as `torch.amax`.',
    infer({ operands, attributes: { axes, combine } }) {
      const x = requireOne('reduce', operands);
      requireDType(`reduce (${combine})`, x, ['f32', 'i32'], 0);
      requireAxes('reduce', x, axes, 0);
      if (axes.length === 0) refuse(`reduce of ${printType(x)} names no axis`, 0);
      return [tensorType(x.dtype, withoutAxes(x.shape, axes))];
    },
    lowering: { kind: 'reduce', combine: ({ combine }) => combine, axes: ({ axes }) => axes },
    vjp({ builder, node, cotangents: [ct] }) {
      const [x, y] = [node.operands[0], node.results[0]];
      if (ct === undefined || x === undefined || y === undefined) return [undefined];
      const { axes, combine } = node.attributes;
      const { shape } = x.type;
      const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      // y = Σ x: dx = dy, repeated
      if (combine === 'sum') return [builder.broadcast(ct, shape, kept)];
      // y = max x: dx = dy / (number of ties) where x = y
      const emit = emitter(builder);
      const tied = emit.binary('eq', x, builder.broadcast(y, shape, kept));
      const ties = builder.sum(builder.emit('cast', [tied], { dtype: 'f32' }), axes);
      const share = builder.broadcast(emit.div(ct, ties), shape, kept);
      return [emit.select(tied, share, emit.like(x, 0))];
    },
    samples: [
      { title: 'sum of one', operands: [f32(1)], attributes: { combine: 'sum', axes: [0] } },
      { title: 'sum to a scalar', operands: [f32(3, 21)], attributes: { combine: 'sum', axes: [0, 1] } },
      { title: 'sum of a prime', operands: [f32(2, 67)], attributes: { combine: 'sum', axes: [1] } },
      {
        title: 'sum of runtime sizes',
        operands: [f32('batch', 'seq', 3)],
        attributes: { combine: 'sum', axes: [1] },
        sizes,
      },
      {
        title: 'sum of outer axes',
        operands: [f32('batch', 3, 'seq')],
        attributes: { combine: 'sum', axes: [0, 2] },
        sizes,
      },
      { title: 'max', operands: [f32(5, 13)], attributes: { combine: 'max', axes: [1] } },
      {
        title: 'max of runtime sizes',
        operands: [f32('batch', 'seq')],
        attributes: { combine: 'max', axes: [0] },
        sizes,
      },
      { title: 'min', operands: [f32(5, 13)], attributes: { combine: 'min', axes: [0, 1] } },
      { title: 'i32', operands: [i32(3, 5)], attributes: { combine: 'max', axes: [0] } },
      { title: 'sum of nothing', operands: [f32(3, 0)], attributes: { combine: 'sum', axes: [1] } },
      { title: 'max of nothing', operands: [f32(3, 0)], attributes: { combine: 'max', axes: [1] } },
    ],
  },
  argmax: {
    name: 'argmax',
    documentation:
      'i32: the position of the largest element along `axis`, which disappears; the first of equal ones.',
    infer({ operands, attributes: { axis } }) {
      const x = requireOne('argmax', operands);
      requireDType('argmax', x, ['f32', 'i32'], 0);
      if (constantOf(requireAxis('argmax', x, axis, 0)) === 0)
        refuse(`argmax along axis ${axis} of ${printType(x)}, which has no element`, 0);
      return [tensorType('i32', withoutAxes(x.shape, [axis]))];
    },
    lowering: { kind: 'reduce', combine: () => 'argmax', axes: ({ axis }) => [axis] },
    samples: [
      { title: 'vector', operands: [f32(7)], attributes: { axis: 0 } },
      { title: 'rows', operands: [f32('batch', 13)], attributes: { axis: 1 }, sizes },
      { title: 'columns', operands: [i32(5, 3)], attributes: { axis: 0 } },
      { title: 'no rows', operands: [f32(0, 3)], attributes: { axis: 1 } },
    ],
  },
};
