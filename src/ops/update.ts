/** A tensor with a part of it replaced: how a program appends to a state that outlives the step. */
import { addDims, constantDim, constantOf, printDim, subtractDims, type Dim } from '../ir/dim.ts';
import * as scalar from '../ir/scalar-builder.ts';
import { printType } from '../ir/types.ts';
import type { OpTable, PartOfUpdate } from './op.ts';
import { refuse, requireNotNegative, requireSameDType, requireTwo } from './rules.ts';
import { bool, dimOf, dimsOf, f32, i32 } from './samples.ts';

const sizes = { batch: 2, seq: 5 };

export const update: Pick<OpTable, 'update-slice'> = {
  'update-slice': {
    name: 'update-slice',
    documentation:
      '(x, part) -> x with `part` in the place of the elements from `starts[i]` on along each axis i. Both have the same rank. What does not certainly fit is checked when the sizes are known. Where x is a state, the result its update, and the old state read by nothing that depends on the result, only the part is stored.',
    infer({ operands, attributes: { starts } }) {
      const [x, part] = requireTwo('update-slice', operands);
      requireSameDType('update-slice', operands);
      if (part.shape.length !== x.shape.length || starts.length !== x.shape.length)
        refuse(
          `update-slice puts ${printType(part)} at ${starts.length} starts into ${printType(x)}: ranks differ`,
          1,
        );
      starts.forEach((start, axis) => {
        requireNotNegative('update-slice', 'start', start, x);
        const [size, length] = [x.shape[axis], part.shape[axis]];
        const rest = size && length && constantOf(subtractDims(size, addDims(start, length)));
        if (rest !== undefined && rest < 0)
          refuse(
            `update-slice puts ${printType(part)} at ${printDim(start)} of axis ${axis} of ${printType(x)}, where it does not fit`,
            1,
          );
      });
      return [x];
    },
    lowering: {
      kind: 'update',
      part: ({ index, attributes: { starts }, operands }) => partAt(index, starts, operands[1]?.shape ?? []),
    },
    // dpart = the part of dy; dx = dy with zeros in the part's place
    vjp({ builder, node, cotangents: [ct] }) {
      const [, part] = node.operands;
      if (ct === undefined || part === undefined) return [undefined, undefined];
      const { starts } = node.attributes;
      const { shape } = part.type;
      const zeros = builder.constant(0, part.type.dtype, shape);
      const ofPart = shape.reduce(
        (value, length, axis) =>
          builder.emit('slice', [value], { axis, start: starts[axis] ?? constantDim(0), length }),
        ct,
      );
      return [builder.emit('update-slice', [ct, zeros], { starts }), ofPart];
    },
    samples: [
      { title: 'inside', operands: [f32(7), f32(3)], attributes: { starts: dimsOf(2) } },
      { title: 'a row', operands: [f32(5, 3), f32(1, 3)], attributes: { starts: dimsOf(4, 0) } },
      {
        title: 'front of the bounds',
        operands: [f32(4, 3, 8), f32('batch', 3, 'seq')],
        attributes: { starts: dimsOf(0, 0, 0) },
        sizes,
      },
      {
        title: 'at a runtime place',
        operands: [f32(4, 8, 2), f32('batch', 1, 2)],
        attributes: { starts: [constantDim(0), subtractDims(dimOf('seq'), constantDim(1)), constantDim(0)] },
        sizes,
      },
      { title: 'all of it', operands: [i32('seq'), i32('seq')], attributes: { starts: dimsOf(0) }, sizes },
      { title: 'bool', operands: [bool(3, 4), bool(3, 2)], attributes: { starts: dimsOf(0, 1) } },
      { title: 'nothing', operands: [f32(5), f32(0)], attributes: { starts: dimsOf(5) } },
    ],
  },
};

function partAt(
  index: readonly scalar.Scalar[],
  starts: readonly Dim[],
  shape: readonly Dim[],
): PartOfUpdate {
  const inside = index.map((step, axis) => {
    const start = starts[axis] ?? constantDim(0);
    const end = addDims(start, shape[axis] ?? constantDim(0));
    return scalar.and(
      scalar.lessEqual(scalar.dimension(start), step),
      scalar.less(step, scalar.dimension(end)),
    );
  });
  return {
    guard: inside.reduce((all, each) => scalar.and(all, each), scalar.boolean(true)),
    index: index.map((step, axis) => scalar.subtract(step, scalar.dimension(starts[axis] ?? constantDim(0)))),
  };
}
