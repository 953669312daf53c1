/** Losses of two tensors of one shape, element by element, with PyTorch's options and numbers. */
import * as types from '../../diagnostics/catalogue/types.ts';
import type { Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { align } from '../align.ts';
import { dimNotes, typeText } from '../describe.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { classNumbers } from './class-numbers.ts';
import { plus, positivePart, times } from './elementwise.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { booleanOf, choiceOf, numberOf, spanOf, tensorOf, valueOf } from './read.ts';
import { meanOf, reduced, scaleByCount } from './reductions.ts';

const REDUCTIONS = ['mean', 'sum', 'none'] as const;
export type Reduction = (typeof REDUCTIONS)[number];

export function reductionOf(call: Call): Reduction | undefined {
  return choiceOf(call, 'reduction', REDUCTIONS, 'mean');
}

export function allAxes(x: Value): readonly number[] {
  return x.type.shape.map((_, axis) => axis);
}

export function reduceAll(call: Call, x: Value, reduction: Reduction): Value {
  if (reduction === 'none') return x;
  return reduction === 'sum' ? reduced(call, x, 'sum', allAxes(x)) : meanOf(call, x, allAxes(x));
}

/** Undefined after an error. */
function pairOf(call: Call): readonly [Value, Value] | undefined {
  const { ctx } = call;
  const [x, y] = [tensorOf(call, 'output', ['f32']), tensorOf(call, 'target', ['f32'])];
  if (x === undefined || y === undefined) return undefined;
  // A missing axis here is nearly always a mistake that broadcasting would hide.
  if (!equalShapes(x.type.shape, y.type.shape)) {
    ctx.report(
      types.unequalParts(
        call.span,
        {
          what: `\`${call.name}\` takes two tensors of one shape`,
          left: typeText(x.type),
          right: typeText(y.type),
        },
        dimNotes([...x.type.shape, ...y.type.shape]).slice(0, 4),
      ),
    );
    return undefined;
  }
  return align(ctx, call.name, {
    span: call.span,
    lhs: tensor(x),
    rhs: tensor(y),
    lhsSpan: spanOf(call, 'output'),
    rhsSpan: spanOf(call, 'target'),
  });
}

/** `element`: undefined after an error. */
function pairLoss(
  documentation: string,
  element: (call: Call, x: Value, y: Value) => Value | undefined,
  options: readonly string[] = [],
): LmFunction {
  return {
    parameters: ['output', 'target', ...options, 'reduction?'],
    documentation,
    apply(call) {
      const pair = pairOf(call);
      const reduction = reductionOf(call);
      const loss = pair && reduction && element(call, ...pair);
      return loss === undefined || reduction === undefined
        ? poison
        : tensor(reduceAll(call, loss, reduction));
    },
  };
}

function difference({ ctx }: Call, x: Value, y: Value): Value {
  return ctx.emit('sub', [x, y], {});
}

/** ½ d² · scale where |d| is below the bend, else the straight line that goes on there: slope · |d| − shift. */
function bent(
  call: Call,
  d: Value,
  bend: number,
  parts: { readonly scale: number; readonly slope: number; readonly shift: number },
): Value {
  const { ctx } = call;
  const size = ctx.emit('abs', [d], {});
  const inner = times(call, ctx.emit('mul', [d, d], {}), 0.5 * parts.scale);
  const outer = plus(call, times(call, size, parts.slope), -parts.shift);
  const limit = ctx.constant(bend, 'f32', d.type.shape);
  return ctx.emit('select', [ctx.emit('lt', [size, limit], {}), inner, outer], {});
}

/** A number that must be above 0, or from 0. */
function positive(call: Call, name: string, fallback: number, least: 'above' | 'from'): number | undefined {
  const value = numberOf(call, name, fallback);
  if (value === undefined || (least === 'above' ? value > 0 : value >= 0)) return value;
  call.ctx.report(
    types.wrongKind(spanOf(call, name), {
      expected: `a number ${least} 0 for \`${name}\``,
      found: String(value),
    }),
  );
  return undefined;
}

function huber(call: Call, x: Value, y: Value): Value | undefined {
  const delta = positive(call, 'delta', 1, 'above');
  return delta === undefined
    ? undefined
    : bent(call, difference(call, x, y), delta, { scale: 1, slope: delta, shift: 0.5 * delta * delta });
}

function smoothL1(call: Call, x: Value, y: Value): Value | undefined {
  const beta = positive(call, 'beta', 1, 'from');
  if (beta === undefined) return undefined;
  const d = difference(call, x, y);
  if (beta === 0) return call.ctx.emit('abs', [d], {});
  return bent(call, d, beta, { scale: 1 / beta, slope: 1, shift: 0.5 * beta });
}

/** (1 − y) x + (1 + (w − 1) y) (max(−x, 0) + log(1 + e^−|x|)), w the weight of a yes. */
function binaryCrossEntropy(call: Call, x: Value, y: Value): Value | undefined {
  const { ctx } = call;
  const small = ctx.emit('exp', [ctx.emit('neg', [ctx.emit('abs', [x], {})], {})], {});
  const rest = ctx.emit('log', [plus(call, small, 1)], {});
  if (valueOf(call, 'pos_weight') === undefined) {
    // max(x, 0) − x y + log(1 + e^−|x|)
    const linear = ctx.emit('sub', [positivePart(call, x), ctx.emit('mul', [x, y], {})], {});
    return ctx.emit('add', [linear, rest], {});
  }
  const { shape } = x.type;
  const last = shape.at(-1);
  const weight = last && classNumbers(call, 'pos_weight', last);
  if (weight === undefined) return undefined;
  const spread = ctx.emit('broadcast', [weight], { shape, axes: [shape.length - 1] });
  const no = ctx.emit('mul', [plus(call, ctx.emit('neg', [y], {}), 1), x], {});
  const share = plus(call, ctx.emit('mul', [plus(call, spread, -1), y], {}), 1);
  const soft = ctx.emit('add', [positivePart(call, ctx.emit('neg', [x], {})), rest], {});
  return ctx.emit('add', [no, ctx.emit('mul', [share, soft], {})], {});
}

/** y (log y − x), 0 where y is; `x` and, with `log_target`, `y` are logarithms. */
function divergence(call: Call, x: Value, y: Value, isLog: boolean): Value {
  const { ctx } = call;
  if (isLog) return ctx.emit('mul', [ctx.emit('exp', [y], {}), difference(call, y, x)], {});
  const zero = ctx.constant(0, 'f32', y.type.shape);
  const isSome = ctx.emit('lt', [zero, y], {});
  const safe = ctx.emit('select', [isSome, y, ctx.constant(1, 'f32', y.type.shape)], {});
  const term = ctx.emit('mul', [y, difference(call, ctx.emit('log', [safe], {}), x)], {});
  return ctx.emit('select', [isSome, term, zero], {});
}

function applyDivergence(call: Call): LmValue {
  const pair = pairOf(call);
  const isLog = booleanOf(call, 'log_target', false);
  const reduction = choiceOf(call, 'reduction', [...REDUCTIONS, 'batchmean'], 'mean');
  if (pair === undefined || isLog === undefined || reduction === undefined) return poison;
  const loss = divergence(call, ...pair, isLog);
  if (reduction !== 'batchmean') return tensor(reduceAll(call, loss, reduction));
  return tensor(scaleByCount(call, reduced(call, loss, 'sum', allAxes(loss)), loss.type.shape.slice(0, 1)));
}

export const pairLosses: FunctionTable = {
  mse: pairLoss('The squared difference.', (call, x, y) => {
    const d = difference(call, x, y);
    return call.ctx.emit('mul', [d, d], {});
  }),
  mae: pairLoss('The absolute difference: the L1 loss.', (call, x, y) =>
    call.ctx.emit('abs', [difference(call, x, y)], {}),
  ),
  huber: pairLoss(
    'Half the squared difference up to `delta` (1), a straight line of the slope `delta` beyond it.',
    huber,
    ['delta?'],
  ),
  smooth_l1: pairLoss(
    'Half the squared difference over `beta` (1) up to `beta`, a straight line of the slope 1 beyond it.',
    smoothL1,
    ['beta?'],
  ),
  binary_cross_entropy_with_logits: pairLoss(
    'The cross-entropy of a yes or no, from its logit. `pos_weight` is what a yes counts: a number, one for each along the last axis, or a tensor of those.',
    binaryCrossEntropy,
    ['pos_weight?'],
  ),
  kl_div: {
    parameters: ['output', 'target', 'log_target?', 'reduction?'],
    documentation:
      'target · (log target − output) of log-probabilities `output`; with `log_target`, the target is logarithms too. `reduction="batchmean"` divides the sum by the rows: the divergence as it is defined.',
    apply: applyDivergence,
  },
};
