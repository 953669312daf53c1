/** Functions that combine elements along axes; `axis` is a number, a dimension, or several of them in parentheses. */
import { multiplyDims, constantDim, constantOf, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { arithmetic } from '../arithmetic.ts';
import { poison, tensor } from '../values.ts';
import { plus, times } from './elementwise.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { axesOf, axisOf, booleanOf, numberOf, spanOf, tensorOf, valueOf } from './read.ts';

/** The reduced axes again, of size 1. */
function keep(call: Call, value: Value, shape: readonly Dim[], axes: readonly number[]): Value {
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? constantDim(1) : dim));
  return call.ctx.emit('reshape', [value], { shape: kept });
}

/** Repeats what a reduction left over along the axes that it took. */
export function spread(call: Call, value: Value, shape: readonly Dim[], axes: readonly number[]): Value {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return kept.length === shape.length ? value : call.ctx.emit('broadcast', [value], { shape, axes: kept });
}

export function reduced(
  call: Call,
  x: Value,
  combine: 'sum' | 'max' | 'min',
  axes: readonly number[],
): Value {
  return axes.length === 0 ? x : call.ctx.emit('reduce', [x], { combine, axes });
}

/** How many elements the axes have, as a number or a scalar of the graph. */
export function scaleByCount(call: Call, sum: Value, dims: readonly Dim[], correction = 0): Value {
  const { ctx } = call;
  const count = dims.reduce(multiplyDims, constantDim(1));
  const constant = constantOf(count);
  if (constant !== undefined) return times(call, sum, 1 / (constant - correction));
  const size = ctx.emit('cast', [ctx.emit('dim-size', [], { dim: count })], { dtype: 'f32' });
  const divisor = correction === 0 ? size : plus(call, size, -correction);
  const { shape } = sum.type;
  const everywhere = shape.length === 0 ? divisor : ctx.emit('broadcast', [divisor], { shape, axes: [] });
  return ctx.emit('div', [sum, everywhere], {});
}

export function meanOf(call: Call, x: Value, axes: readonly number[]): Value {
  return scaleByCount(
    call,
    reduced(call, x, 'sum', axes),
    axes.flatMap((axis) => x.type.shape[axis] ?? []),
  );
}

type Reduce = (call: Call, x: Value, axes: readonly number[]) => Value;

function reduction(
  documentation: string,
  reduce: Reduce,
  dtypes: 'numbers' | 'floats' = 'floats',
): LmFunction {
  return {
    parameters: ['x', 'axis?', 'keepdims?'],
    documentation,
    apply(call) {
      const x = tensorOf(call, 'x', dtypes === 'numbers' ? ['f32', 'i32'] : ['f32']);
      const axes = x && axesOf(call, 'axis', x);
      const keepdims = booleanOf(call, 'keepdims', false);
      if (x === undefined || axes === undefined || keepdims === undefined) return poison;
      const result = reduce(call, x, axes);
      return tensor(keepdims ? keep(call, result, x.type.shape, axes) : result);
    },
  };
}

/** `max(x)`, `max(x, axis=1)`, and Python's `max(a, b)` of two values. */
function extremum(combine: 'max' | 'min', word: string): LmFunction {
  const along = reduction('', (call, x, axes) => reduced(call, x, combine, axes), 'numbers');
  return {
    parameters: ['x', 'other?', 'axis?', 'keepdims?'],
    documentation: `The ${word} element along \`axis\`, or of all; \`${combine}(a, b)\` is the ${word} of two.`,
    acceptsHole: true,
    apply(call) {
      const [x, other] = [valueOf(call, 'x'), valueOf(call, 'other')];
      if (x === undefined) return poison;
      if (other === undefined) return x.kind === 'hole' ? x : along.apply(call);
      return arithmetic(call.ctx, combine, {
        span: call.span,
        lhs: x,
        rhs: other,
        lhsSpan: spanOf(call, 'x'),
        rhsSpan: spanOf(call, 'other'),
      });
    },
  };
}

/** Σ (x − mean)² / (n − correction) */
const variance: LmFunction = {
  parameters: ['x', 'axis?', 'keepdims?', 'correction?'],
  documentation: 'The variance; the divisor is n − `correction`, 1 as in PyTorch.',
  apply(call) {
    const x = tensorOf(call, 'x', ['f32']);
    const axes = x && axesOf(call, 'axis', x);
    const keepdims = booleanOf(call, 'keepdims', false);
    const correction = numberOf(call, 'correction', 1);
    if (x === undefined || axes === undefined || keepdims === undefined || correction === undefined)
      return poison;
    const { ctx } = call;
    const { shape } = x.type;
    const centred = ctx.emit('sub', [x, spread(call, meanOf(call, x, axes), shape, axes)], {});
    const squares = reduced(call, ctx.emit('mul', [centred, centred], {}), 'sum', axes);
    const dims = axes.flatMap((axis) => shape[axis] ?? []);
    const result = scaleByCount(call, squares, dims, correction);
    return tensor(keepdims ? keep(call, result, shape, axes) : result);
  },
};

/** max x, and x − max x, whose exponentials do not overflow; the shift changes no result, so no gradient passes. */
export function shifted(call: Call, x: Value, axes: readonly number[]) {
  const { ctx } = call;
  const top = ctx.emit('stop-gradient', [reduced(call, x, 'max', axes)], {});
  const rest = ctx.emit('sub', [x, spread(call, top, x.type.shape, axes)], {});
  return { top, rest };
}

/** log Σ e^x of values that are shifted already. */
export function logSumExp(call: Call, rest: Value, axes: readonly number[]): Value {
  const { ctx } = call;
  return ctx.emit('log', [reduced(call, ctx.emit('exp', [rest], {}), 'sum', axes)], {});
}

function alongAxis(documentation: string, apply: (call: Call, x: Value, axis: number) => Value): LmFunction {
  return {
    parameters: ['x', 'axis?'],
    documentation,
    apply(call) {
      const x = tensorOf(call, 'x', ['f32']);
      const axis = x && axisOf(call, 'axis', x, -1);
      return x === undefined || axis === undefined ? poison : tensor(apply(call, x, axis));
    },
  };
}

export function logSoftmaxOf(call: Call, x: Value, axis: number): Value {
  const { rest } = shifted(call, x, [axis]);
  return call.ctx.emit('sub', [rest, spread(call, logSumExp(call, rest, [axis]), x.type.shape, [axis])], {});
}

export const reductions: FunctionTable = {
  sum: reduction(
    'The sum along `axis`, or of all elements.',
    (call, x, axes) => reduced(call, x, 'sum', axes),
    'numbers',
  ),
  mean: reduction('The mean along `axis`, or of all elements.', meanOf),
  max: extremum('max', 'largest'),
  min: extremum('min', 'smallest'),
  var: variance,
  logsumexp: reduction('log Σ e^x, without overflow.', (call, x, axes) => {
    const { top, rest } = shifted(call, x, axes);
    return call.ctx.emit('add', [logSumExp(call, rest, axes), top], {});
  }),
  argmax: {
    parameters: ['x', 'axis?'],
    documentation: 'The position of the largest element along `axis` (the last), `i32`.',
    apply(call) {
      const x = tensorOf(call, 'x', ['f32', 'i32']);
      const axis = x && axisOf(call, 'axis', x, -1);
      return x === undefined || axis === undefined ? poison : call.ctx.tensor('argmax', [x], { axis });
    },
  },
  softmax: alongAxis('e^x / Σ e^x along `axis` (the last).', (call, x, axis) => {
    const { ctx } = call;
    const exp = ctx.emit('exp', [shifted(call, x, [axis]).rest], {});
    return ctx.emit('div', [exp, spread(call, reduced(call, exp, 'sum', [axis]), x.type.shape, [axis])], {});
  }),
  log_softmax: alongAxis('The logarithm of `softmax`, without loss of digits.', logSoftmaxOf),
};
