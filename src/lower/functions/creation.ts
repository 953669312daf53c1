/** Tensors from sizes and numbers: positions, constants, masks, one-hot rows. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { constantOf, equalDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { asTensor } from '../align.ts';
import { broadcastLeading } from '../broadcast.ts';
import { describeValue } from '../describe.ts';
import { positionsAlong, wholeLength } from '../growing.ts';
import { constrainLengths, constrainRange } from '../gather.ts';
import { poison, tensor, toDim, type LmValue } from '../values.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { dimOf, tensorOf, valueOf } from './read.ts';

/** Sizes given one by one, or together in brackets. */
function shapeOf(call: Call): readonly Dim[] | undefined {
  const values = call.rest.flatMap(({ value }): readonly LmValue[] =>
    value.kind === 'list' || value.kind === 'tuple' ? value.elements : [value],
  );
  const dims = values.map((value) => toDim(value));
  const known = dims.flatMap((dim) => dim ?? []);
  if (known.length === dims.length) return known;
  const wrong = values[dims.findIndex((dim) => dim === undefined)];
  call.ctx.report(types.invalidSize(call.span, { found: describeValue(wrong ?? poison) }));
  return undefined;
}

function filled(number: number, documentation: string): LmFunction {
  return {
    parameters: [],
    variadic: true,
    documentation,
    apply(call) {
      const shape = shapeOf(call);
      return shape === undefined ? poison : tensor(call.ctx.constant(number, 'f32', shape));
    },
  };
}

function positions(call: Call, name: string): Value | undefined {
  const length = dimOf(call, name);
  return length && positionsAlong(call.ctx, length);
}

const arange: LmFunction = {
  parameters: ['size'],
  documentation: '`i32[size]`: 0, 1, 2, …',
  apply(call) {
    const value = positions(call, 'size');
    return value === undefined ? poison : tensor(value);
  },
};

/** `[…, size]`: whether an element's index equals the last axis' position. */
export function oneHotMask(call: Call, ids: Value, size: Dim): Value {
  const { ctx } = call;
  const shape = [...ids.type.shape, size];
  const classes = ctx.emit('broadcast', [ctx.emit('iota', [], { length: size })], {
    shape,
    axes: [shape.length - 1],
  });
  return ctx.emit('eq', [classes, broadcastLeading(ctx, ids, shape)], {});
}

export const creation: FunctionTable = {
  arange,
  iota: arange,
  zeros: filled(0, 'Zeros: `zeros(batch, 8)`.'),
  ones: filled(1, 'Ones: `ones(batch, 8)`.'),
  full: {
    parameters: ['value'],
    variadic: true,
    documentation: 'One number everywhere: `full(0.5, batch, 8)`.',
    apply(call) {
      const shape = shapeOf(call);
      const value = valueOf(call, 'value');
      const scalar = value && asTensor(call.ctx, value, value.kind === 'boolean' ? 'bool' : 'f32');
      if (shape === undefined) return poison;
      if (scalar === undefined || scalar.type.shape.length > 0)
        return call.ctx.fail(
          types.wrongKind(call.span, {
            expected: 'a number for `full`',
            found: describeValue(value ?? poison),
          }),
        );
      return tensor(broadcastLeading(call.ctx, scalar, shape));
    },
  },
  mask: {
    parameters: ['lengths', 'size'],
    documentation: '`mask(lengths, seq)`: bool, true where a position is before the row’s length.',
    apply(call) {
      const lengths = tensorOf(call, 'lengths', ['i32']);
      const size = dimOf(call, 'size');
      if (lengths === undefined || size === undefined) return poison;
      const { ctx } = call;
      constrainLengths(ctx, lengths, size);
      const shape = [...lengths.type.shape, size];
      const here = ctx.emit('broadcast', [positionsAlong(ctx, size)], {
        shape,
        axes: [shape.length - 1],
      });
      return ctx.tensor('lt', [here, broadcastLeading(ctx, lengths, shape)], {});
    },
  },
  causal: {
    parameters: ['size'],
    documentation: '`causal(seq)`: bool `[seq, seq]`, true where the column is not after the row.',
    apply(call) {
      const size = dimOf(call, 'size');
      if (size === undefined) return poison;
      const { ctx } = call;
      const columns = wholeLength(ctx, size);
      const shape = [size, columns];
      const rows = positionsAlong(ctx, size);
      const at = equalDims(columns, size) ? rows : ctx.emit('iota', [], { length: columns });
      const column = ctx.emit('broadcast', [at], { shape, axes: [1] });
      return ctx.tensor('le', [column, ctx.emit('broadcast', [rows], { shape, axes: [0] })], {});
    },
  },
  one_hot: {
    parameters: ['ids', 'size'],
    documentation: '`f32[…, size]`: 1 at the index, 0 elsewhere.',
    apply(call) {
      const ids = tensorOf(call, 'ids', ['i32']);
      const size = dimOf(call, 'size');
      if (ids === undefined || size === undefined) return poison;
      const count = constantOf(size);
      if (count !== undefined) constrainRange(call.ctx, ids, [0, count]);
      return call.ctx.tensor('cast', [oneHotMask(call, ids, size)], { dtype: 'f32' });
    },
  },
};
