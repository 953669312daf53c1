/** Functions that move elements. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { constantOf, equalDims, productOfDims } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { asTensor } from '../align.ts';
import { describeValue, dimNotes, dimText, typeText } from '../describe.ts';
import { lookUpRows } from '../gather.ts';
import { split } from '../indexing.ts';
import { stackTensors } from '../repeat.ts';
import { hole, poison, tensor, toDim, type LmValue } from '../values.ts';
import type { Call, FunctionTable } from './function.ts';
import { axisOf, listOf, numberOf, spanOf, tensorOf, valueOf } from './read.ts';

/** The tensors of a list argument, of one dtype. */
function tensorsOf(call: Call, name: string): readonly Value[] | 'hole' | undefined {
  const values = listOf(call, name) ?? [];
  if (values.some((value) => value.kind === 'poison')) return undefined;
  if (values.some((value) => value.kind === 'hole')) return 'hole';
  const tensors = values.flatMap((value) => asTensor(call.ctx, value, 'f32') ?? []);
  const [first] = tensors;
  const odd = tensors.find((each) => each.type.dtype !== first?.type.dtype);
  if (first === undefined || tensors.length !== values.length) {
    call.ctx.report(
      types.wrongKind(spanOf(call, name), {
        expected: `tensors in brackets for \`${call.name}\`, as in \`${call.name}([a, b])\``,
        found: describeValue(
          values.find((value) => value.kind !== 'tensor') ?? { kind: 'list', elements: [] },
        ),
      }),
    );
    return undefined;
  }
  if (odd !== undefined) {
    call.ctx.report(
      types.dtypeMismatch(spanOf(call, name), { expected: first.type.dtype, found: odd.type.dtype }),
    );
    return undefined;
  }
  return tensors;
}

/** The first tensor that differs from the first in an axis that must be equal. */
function checkParts(call: Call, tensors: readonly Value[], except: number | undefined): boolean {
  const [first] = tensors;
  if (first === undefined) return false;
  for (const each of tensors) {
    const { shape } = each.type;
    const same =
      shape.length === first.type.shape.length &&
      shape.every((dim, axis) => axis === except || equalDims(dim, first.type.shape[axis] ?? dim));
    if (same) continue;
    call.ctx.report(
      types.unequalParts(
        call.span,
        {
          what:
            except === undefined
              ? '`stack` takes tensors of one shape'
              : `\`concat\` along axis ${except} takes tensors that agree in all other axes`,
          left: typeText(first.type),
          right: typeText(each.type),
        },
        dimNotes([...first.type.shape, ...shape]).slice(0, 4),
      ),
    );
    return false;
  }
  return true;
}

function concat(call: Call): LmValue {
  const tensors = tensorsOf(call, 'parts');
  if (tensors === 'hole') return hole;
  const [first, ...more] = tensors ?? [];
  const axis = first && axisOf(call, 'axis', first, -1);
  if (first === undefined || tensors === undefined || axis === undefined) return poison;
  if (!checkParts(call, tensors, axis)) return poison;
  return more.length === 0 ? tensor(first) : call.ctx.tensor('concat', tensors, { axis });
}

function stack(call: Call): LmValue {
  const tensors = tensorsOf(call, 'parts');
  if (tensors === 'hole') return hole;
  const [first] = tensors ?? [];
  const place = numberOf(call, 'axis', 0);
  if (first === undefined || tensors === undefined || place === undefined) return poison;
  if (!checkParts(call, tensors, undefined)) return poison;
  const rank = first.type.shape.length;
  const axis = place < 0 ? place + rank + 1 : place;
  if (!Number.isInteger(axis) || axis < 0 || axis > rank)
    return call.ctx.fail(
      types.noSuchAxis(spanOf(call, 'axis'), { axis: String(place), type: typeText(first.type) }),
    );
  return tensor(stackTensors(call.ctx, tensors, axis));
}

function reshape(call: Call): LmValue {
  const x = tensorOf(call, 'x', ['f32', 'i32', 'bool']);
  const sizes = listOf(call, 'shape');
  if (x === undefined || sizes === undefined) return poison;
  const shape = sizes.map((size) => toDim(size));
  const known = shape.flatMap((dim) => dim ?? []);
  if (known.length !== shape.length)
    return call.ctx.fail(
      types.invalidSize(spanOf(call, 'shape'), {
        found: describeValue(sizes.find((size) => toDim(size) === undefined) ?? poison),
      }),
    );
  const [from, to] = [productOfDims(x.type.shape), productOfDims(known)];
  if (!equalDims(from, to))
    return call.ctx.fail(
      types.reshapeMismatch(
        call.span,
        {
          type: typeText(x.type),
          shape: known.map(dimText).join(', '),
          from: dimText(from),
          to: dimText(to),
        },
        dimNotes([...x.type.shape, ...known]).slice(0, 4),
      ),
    );
  return call.ctx.tensor('reshape', [x], { shape: known });
}

export const shapes: FunctionTable = {
  split: {
    parameters: ['x', 'parts', 'axis?'],
    documentation: '`parts` equal parts along `axis` (the last).',
    acceptsHole: true,
    apply(call) {
      const count = numberOf(call, 'parts', 1);
      if (count === undefined) return poison;
      if (valueOf(call, 'x')?.kind === 'hole') return hole;
      const x = tensorOf(call, 'x', ['f32', 'i32', 'bool']);
      const axis = x && axisOf(call, 'axis', x, -1);
      return x === undefined || axis === undefined ? poison : split(call.ctx, x, count, axis, call.span);
    },
  },
  concat: {
    parameters: ['parts', 'axis?'],
    documentation: 'Tensors in brackets, one after the other along `axis` (the last).',
    apply: concat,
  },
  stack: {
    parameters: ['parts', 'axis?'],
    documentation: 'Tensors in brackets along a new axis, the first unless `axis` says where.',
    apply: stack,
  },
  flip: {
    parameters: ['x', 'axis'],
    documentation: 'The elements along `axis` in opposite order.',
    apply(call) {
      const x = tensorOf(call, 'x', ['f32', 'i32', 'bool']);
      const axis = x && axisOf(call, 'axis', x, 0);
      return x === undefined || axis === undefined ? poison : call.ctx.tensor('reverse', [x], { axis });
    },
  },
  pad: {
    parameters: ['x', 'axis', 'before', 'after'],
    documentation: 'Zeros along `axis`, before and after the elements.',
    apply(call) {
      const x = tensorOf(call, 'x', ['f32', 'i32', 'bool']);
      const axis = x && axisOf(call, 'axis', x, 0);
      const [before, after] = [valueOf(call, 'before'), valueOf(call, 'after')].map(
        (each) => each && toDim(each),
      );
      if (x === undefined || axis === undefined) return poison;
      if (before === undefined || after === undefined)
        return call.ctx.fail(types.invalidSize(call.span, { found: 'something else' }));
      return call.ctx.tensor('pad', [x], { axis, before, after });
    },
  },
  reshape: {
    parameters: ['x', 'shape'],
    documentation: 'The same elements, row by row, under another shape: `reshape(x, [batch, 4, 8])`.',
    apply: reshape,
  },
  gather: {
    parameters: ['table', 'indices'],
    documentation:
      'Rows of a table by index: `[n, rest…]` and `i32[ix…]` give `[ix…, rest…]`; also `table[indices]`.',
    apply(call) {
      const table = tensorOf(call, 'table', ['f32', 'i32', 'bool']);
      const indices = tensorOf(call, 'indices', ['i32']);
      return table === undefined || indices === undefined
        ? poison
        : lookUpRows(call.ctx, table, indices, call.span);
    },
  },
  last: {
    parameters: ['x', 'lengths'],
    documentation: 'The last real step of each row: `[batch, seq, …]` and `i32[batch]` give `[batch, …]`.',
    apply(call) {
      const x = tensorOf(call, 'x', ['f32', 'i32']);
      const lengths = tensorOf(call, 'lengths', ['i32']);
      return x === undefined || lengths === undefined ? poison : lastSteps(call, x, lengths);
    },
  },
};

/** Rows of the flattened `[batch·seq, …]`: row·seq + length − 1. */
function lastSteps(call: Call, x: Value, lengths: Value): LmValue {
  const { ctx } = call;
  const [batch, seq, ...rest] = x.type.shape;
  const [rows] = lengths.type.shape;
  if (
    batch === undefined ||
    seq === undefined ||
    rows === undefined ||
    lengths.type.shape.length !== 1 ||
    !equalDims(batch, rows)
  )
    return ctx.fail(
      types.unequalParts(call.span, {
        what: '`last` takes `[batch, seq, …]` and lengths `[batch]`',
        left: typeText(x.type),
        right: typeText(lengths.type),
      }),
    );
  const one = constantOf(seq);
  const stride = one === undefined ? ctx.emit('dim-size', [], { dim: seq }) : ctx.constant(one, 'i32');
  const everywhere = ctx.emit('broadcast', [stride], { shape: [batch], axes: [] });
  const start = ctx.emit('mul', [ctx.emit('iota', [], { length: batch }), everywhere], {});
  const end = ctx.emit('add', [start, lengths], {});
  const index = ctx.emit('sub', [end, ctx.constant(1, 'i32', [batch])], {});
  const flat = ctx.emit('reshape', [x], { shape: [productOfDims([batch, seq]), ...rest] });
  return ctx.tensor('gather', [flat, index], {});
}
