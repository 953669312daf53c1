/** Losses with PyTorch's names, options and numbers. Classes run along the last axis. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { help, note } from '../../diagnostics/define.ts';
import { constantOf, equalDims } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { align } from '../align.ts';
import { dimNotes, typeText } from '../describe.ts';
import { constrainRange } from '../gather.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { oneHotMask } from './creation.ts';
import { plus, times } from './elementwise.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { choiceOf, numberOf, spanOf, tensorOf, valueOf } from './read.ts';
import { logSumExp, meanOf, reduced, shifted } from './reductions.ts';

const REDUCTIONS = ['mean', 'sum', 'none'] as const;
type Reduction = (typeof REDUCTIONS)[number];

function allAxes(x: Value): readonly number[] {
  return x.type.shape.map((_, axis) => axis);
}

function reduceAll(call: Call, x: Value, reduction: Reduction): Value {
  if (reduction === 'none') return x;
  return reduction === 'sum' ? reduced(call, x, 'sum', allAxes(x)) : meanOf(call, x, allAxes(x));
}

/** Scores `[…, classes]` and class numbers `i32[…]` that fit each other. */
export function scoresAndLabels(call: Call, scoresName: string, labelsName: string) {
  const [first, second] = [valueOf(call, scoresName), valueOf(call, labelsName)];
  if (first?.kind === 'tensor' && second?.kind === 'tensor')
    if (first.value.type.dtype === 'i32' && second.value.type.dtype === 'f32') {
      call.ctx.report(
        types.dtypeMismatch(spanOf(call, scoresName), { expected: 'f32', found: 'i32' }, [
          help(`\`${call.name}\` takes the scores first, then the labels`),
        ]),
      );
      return undefined;
    }
  const scores = tensorOf(call, scoresName, ['f32']);
  const given = valueOf(call, labelsName);
  const labels = scores && given?.kind === 'tensor' ? given.value : tensorOf(call, labelsName, ['i32']);
  if (scores === undefined || labels === undefined) return undefined;
  const span = spanOf(call, labelsName);
  const notes = [
    note(`the scores are \`${typeText(scores.type)}\``, spanOf(call, scoresName)),
    note(`the labels are \`${typeText(labels.type)}\``, span),
  ];
  if (labels.type.dtype !== 'i32') {
    call.ctx.report(
      types.dtypeMismatch(span, { expected: 'i32', found: labels.type.dtype }, [
        ...notes,
        help(`\`${call.name}\` takes class numbers: declare the target as \`i32[…]\``),
      ]),
    );
    return undefined;
  }
  const classes = scores.type.shape.at(-1);
  const rows = scores.type.shape.slice(0, -1);
  if (classes === undefined || !equalShapes(rows, labels.type.shape)) {
    call.ctx.report(
      types.labelMismatch(
        span,
        { fn: call.name, scores: typeText(scores.type), labels: typeText(labels.type) },
        [
          ...notes,
          ...dimNotes(
            [...rows, ...labels.type.shape].filter((dim) => !rows.some((row) => equalDims(row, dim))),
          ),
          help('the labels have the axes of the scores without the last one, which runs over the classes'),
        ],
      ),
    );
    return undefined;
  }
  return { scores, labels, classes };
}

/** −log softmax(x)[label], smoothed: (1 − ε) of that, and ε times its mean over all classes. */
export function crossEntropy(call: Call): LmValue {
  const found = scoresAndLabels(call, 'output', 'labels');
  const smoothing = numberOf(call, 'label_smoothing', 0);
  const reduction = choiceOf(call, 'reduction', REDUCTIONS, 'mean');
  const ignored = valueOf(call, 'ignore_index');
  if (found === undefined || smoothing === undefined || reduction === undefined) return poison;
  const { ctx } = call;
  const { scores, labels, classes } = found;
  const last = [scores.type.shape.length - 1];
  const { rest } = shifted(call, scores, last);
  const total = logSumExp(call, rest, last);
  const hit = oneHotMask(call, labels, classes);
  const picked = reduced(
    call,
    ctx.emit('select', [hit, rest, ctx.constant(0, 'f32', rest.type.shape)], {}),
    'sum',
    last,
  );
  let loss = ctx.emit('sub', [total, picked], {});
  if (smoothing !== 0) {
    // mean over classes of −log softmax = log Σ e^x − mean x
    const smooth = ctx.emit('sub', [total, meanOf(call, rest, last)], {});
    loss = ctx.emit('add', [times(call, loss, 1 - smoothing), times(call, smooth, smoothing)], {});
  }
  const count = constantOf(classes);
  return finish(call, loss, labels, count, ignored, reduction);
}

/** Leaves out the rows whose label is ignored; the mean is over the others. */
function finish(
  call: Call,
  loss: Value,
  labels: Value,
  classes: number | undefined,
  ignored: LmValue | undefined,
  reduction: Reduction,
): LmValue {
  const { ctx } = call;
  if (ignored === undefined || ignored.kind === 'none') {
    if (classes !== undefined) constrainRange(ctx, labels, [0, classes]);
    return tensor(reduceAll(call, loss, reduction));
  }
  if (ignored.kind !== 'number' || !Number.isInteger(ignored.value))
    return ctx.fail(
      types.wrongKind(spanOf(call, 'ignore_index'), { expected: 'a class number', found: 'something else' }),
    );
  if (classes !== undefined)
    constrainRange(ctx, labels, [Math.min(0, ignored.value), Math.max(classes, ignored.value + 1)]);
  const { shape } = loss.type;
  const counts = ctx.emit('ne', [labels, ctx.constant(ignored.value, 'i32', shape)], {});
  const kept = ctx.emit('select', [counts, loss, ctx.constant(0, 'f32', shape)], {});
  if (reduction !== 'mean') return tensor(reduceAll(call, kept, reduction));
  const rows = reduced(call, ctx.emit('cast', [counts], { dtype: 'f32' }), 'sum', allAxes(loss));
  // A batch of ignored rows alone has the loss 0.
  const divisor = ctx.emit('max', [rows, ctx.constant(1, 'f32')], {});
  return ctx.tensor('div', [reduced(call, kept, 'sum', allAxes(kept)), divisor], {});
}

/** −log p[label], from log-probabilities. */
function negativeLogLikelihood(call: Call): LmValue {
  const found = scoresAndLabels(call, 'log_probabilities', 'labels');
  const reduction = choiceOf(call, 'reduction', REDUCTIONS, 'mean');
  if (found === undefined || reduction === undefined) return poison;
  const { ctx } = call;
  const { scores, labels, classes } = found;
  const hit = oneHotMask(call, labels, classes);
  const picked = ctx.emit('select', [hit, scores, ctx.constant(0, 'f32', scores.type.shape)], {});
  const loss = ctx.emit('neg', [reduced(call, picked, 'sum', [scores.type.shape.length - 1])], {});
  return finish(call, loss, labels, constantOf(classes), valueOf(call, 'ignore_index'), reduction);
}

/** A loss of two tensors of one shape, element by element. */
function pairLoss(documentation: string, element: (call: Call, x: Value, y: Value) => Value): LmFunction {
  return {
    parameters: ['output', 'target', 'reduction?'],
    documentation,
    apply(call) {
      const { ctx } = call;
      const [x, y] = [tensorOf(call, 'output', ['f32']), tensorOf(call, 'target', ['f32'])];
      const reduction = choiceOf(call, 'reduction', REDUCTIONS, 'mean');
      if (x === undefined || y === undefined || reduction === undefined) return poison;
      // A missing axis here is nearly always a mistake that broadcasting would hide.
      if (!equalShapes(x.type.shape, y.type.shape))
        return ctx.fail(
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
      const pair = align(ctx, call.name, {
        span: call.span,
        lhs: tensor(x),
        rhs: tensor(y),
        lhsSpan: spanOf(call, 'output'),
        rhsSpan: spanOf(call, 'target'),
      });
      return pair === undefined ? poison : tensor(reduceAll(call, element(call, ...pair), reduction));
    },
  };
}

export const losses: FunctionTable = {
  cross_entropy: {
    parameters: ['output', 'labels', 'ignore_index?', 'label_smoothing?', 'reduction?'],
    documentation:
      '−log softmax(output) at the label; the mean is over the rows whose label is not `ignore_index`. `reduction` is "mean", "sum" or "none".',
    apply: crossEntropy,
  },
  nll: {
    parameters: ['log_probabilities', 'labels', 'ignore_index?', 'reduction?'],
    documentation: 'The same from log-probabilities.',
    apply: negativeLogLikelihood,
  },
  mse: pairLoss('The squared difference.', ({ ctx }, x, y) => {
    const difference = ctx.emit('sub', [x, y], {});
    return ctx.emit('mul', [difference, difference], {});
  }),
  mae: pairLoss('The absolute difference.', ({ ctx }, x, y) =>
    ctx.emit('abs', [ctx.emit('sub', [x, y], {})], {}),
  ),
  // max(x, 0) − x y + log(1 + e^−|x|)
  binary_cross_entropy_with_logits: pairLoss(
    'The cross-entropy of a yes or no, from its logit.',
    (call, x, y) => {
      const { ctx } = call;
      const small = ctx.emit('exp', [ctx.emit('neg', [ctx.emit('abs', [x], {})], {})], {});
      const linear = ctx.emit('sub', [ctx.emit('relu', [x], {}), ctx.emit('mul', [x, y], {})], {});
      return ctx.emit('add', [linear, ctx.emit('log', [plus(call, small, 1)], {})], {});
    },
  ),
};
