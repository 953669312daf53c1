/** Rows of a table by index, and the sum of rows by index: each is the other's gradient. */
import { constantDim } from '../ir/dim.ts';
import { equalShapes, printType, tensorType, type TensorType } from '../ir/types.ts';
import type { OpTable } from './op.ts';
import { refuse, requireAxis, requireDType, requireNotNegative, requireTwo, shapeText } from './rules.ts';
import { dimOf, f32, i32 } from './samples.ts';

const sizes = { batch: 2, seq: 5 };

const rankOf = (type: TensorType | undefined): number => type?.shape.length ?? 0;

export const gather: Pick<OpTable, 'gather' | 'take-along' | 'scatter-add'> = {
  gather: {
    name: 'gather',
    documentation:
      '(table [n, rest…], indices i32[ix…]) -> [ix…, rest…]: the rows of the table that the indices name. Indices lie in 0 … n − 1; data is checked on the host, and the oracle throws on any other.',
    infer({ operands }) {
      const [table, indices] = requireTwo('gather', operands);
      if (table.shape.length === 0) refuse(`gather takes rows of a table, got ${printType(table)}`, 0);
      requireDType('the index of gather', indices, ['i32'], 1);
      return [tensorType(table.dtype, [...indices.shape, ...table.shape.slice(1)])];
    },
    lowering: {
      kind: 'gather',
      indices: ({ index, operands }) => index.slice(0, rankOf(operands[1])),
      table: ({ index, operands }, row) => [row, ...index.slice(rankOf(operands[1]))],
    },
    // y[i] = t[ix[i]]: dt[r] = Σ dy[i] over ix[i] = r
    vjp({ builder, node, cotangents: [ct] }) {
      const [table, indices] = node.operands;
      const rows = table?.type.shape[0];
      if (ct === undefined || indices === undefined || rows === undefined) return [undefined, undefined];
      return [builder.emit('scatter-add', [indices, ct], { rows }), undefined];
    },
    samples: [
      {
        title: 'embedding',
        operands: [f32(7, 3), i32('batch', 'seq')],
        attributes: {},
        sizes,
        range: [0, 6],
      },
      { title: 'one row', operands: [f32(7, 3), i32()], attributes: {}, range: [0, 6] },
      { title: 'scalars', operands: [f32(5), i32(13)], attributes: {}, range: [0, 4] },
      { title: 'i32 table', operands: [i32(5, 2), i32(3)], attributes: {}, range: [0, 4] },
      { title: 'no index', operands: [f32(7, 3), i32(0)], attributes: {}, range: [0, 6] },
    ],
  },
  'take-along': {
    name: 'take-along',
    documentation:
      "(table, rows i32[r, sizes at `along`…]) -> the table's shape with r in the place of `axis`: where a gather moves whole rows, here each place of the axes `along` has rows of its own, as numpy's `take_along_axis` has. `along` ascends and is without `axis`. Numbers of rows are the program's own, and lie in range; no gradient passes. Decoding reads the caches of beams by it.",
    infer({ operands, attributes: { axis, along } }) {
      const [table, rows] = requireTwo('take-along', operands);
      requireAxis('take-along', table, axis, 0);
      for (const [at, each] of along.entries()) {
        requireAxis('take-along', table, each, 0);
        if (each === axis || each <= (along[at - 1] ?? -1))
          refuse(`take-along along [${along.join(', ')}], which do not ascend beside axis ${axis}`, 0);
      }
      requireDType('the rows of take-along', rows, ['i32'], 1);
      const [count, ...places] = rows.shape;
      const expected = along.map((each) => table.shape[each] ?? constantDim(0));
      if (count === undefined || !equalShapes(places, expected))
        refuse(
          `take-along has rows ${printType(rows)}, whose axes behind the first differ from ${shapeText(expected)}`,
          1,
        );
      return [
        tensorType(
          table.dtype,
          table.shape.map((dim, at) => (at === axis ? count : dim)),
        ),
      ];
    },
    lowering: {
      kind: 'gather',
      indices: ({ index, attributes: { axis, along } }) =>
        [axis, ...along].flatMap((each) => index[each] ?? []),
      table: ({ index, attributes: { axis } }, row) => index.map((step, at) => (at === axis ? row : step)),
    },
    samples: [
      {
        title: 'rows of its own at each position',
        operands: [f32(4, 3, 'seq', 2), i32('batch', 'seq')],
        attributes: { axis: 0, along: [2] },
        sizes,
        range: [0, 3],
      },
      {
        title: 'the same rows everywhere',
        operands: [f32(4, 3), i32('batch')],
        attributes: { axis: 0, along: [] },
        sizes,
        range: [0, 3],
      },
      {
        title: 'an axis in the middle',
        operands: [i32(2, 5, 3), i32(4, 2, 3)],
        attributes: { axis: 1, along: [0, 2] },
        range: [0, 4],
      },
      { title: 'no row', operands: [f32(4, 3), i32(0)], attributes: { axis: 0, along: [] }, range: [0, 3] },
    ],
  },
  'scatter-add': {
    name: 'scatter-add',
    documentation:
      '(indices i32[ix…], updates f32[ix…, rest…]) -> [rows, rest…]: row r is the sum of the updates whose index is r, added in ascending order of position; 0 where there is none.',
    infer({ operands, attributes: { rows } }) {
      const [indices, updates] = requireTwo('scatter-add', operands);
      requireDType('the index of scatter-add', indices, ['i32'], 0);
      requireDType('scatter-add', updates, ['f32'], 1);
      const rank = indices.shape.length;
      const leading = updates.shape.slice(0, rank);
      if (!equalShapes(leading, indices.shape))
        refuse(
          `scatter-add has indices ${printType(indices)} and updates ${printType(updates)}, whose leading axes ${shapeText(leading)} differ from the indices'`,
          1,
        );
      requireNotNegative('scatter-add', 'number of rows', rows, updates);
      return [tensorType(updates.dtype, [rows, ...updates.shape.slice(rank)])];
    },
    lowering: { kind: 'scatter' },
    // y[r] = Σ u[i] over ix[i] = r: du[i] = dy[ix[i]]
    vjp({ builder, node, cotangents: [ct] }) {
      const [indices] = node.operands;
      return [undefined, ct && indices && builder.emit('gather', [ct, indices], {})];
    },
    samples: [
      {
        title: 'embedding',
        operands: [i32('batch', 'seq'), f32('batch', 'seq', 3)],
        attributes: { rows: constantDim(7) },
        sizes,
        range: [0, 6],
      },
      { title: 'scalars', operands: [i32(13), f32(13)], attributes: { rows: constantDim(5) }, range: [0, 4] },
      { title: 'one row', operands: [i32(), f32(3)], attributes: { rows: constantDim(1) }, range: [0, 0] },
      {
        title: 'runtime rows',
        operands: [i32(3), f32(3, 2)],
        attributes: { rows: dimOf('seq') },
        sizes,
        range: [0, 4],
      },
      {
        title: 'no update',
        operands: [i32(0), f32(0, 3)],
        attributes: { rows: constantDim(2) },
        range: [0, 1],
      },
    ],
  },
};
