/** Losses with PyTorch's names, options and numbers. Classes run along the last axis. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { help, note } from '../../diagnostics/define.ts';
import { constantOf, equalDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { dimNotes, typeText } from '../describe.ts';
import { constrainRange } from '../gather.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { classNumbers } from './class-numbers.ts';
import { oneHotMask } from './creation.ts';
import { times } from './elementwise.ts';
import type { Call, FunctionTable } from './function.ts';
import { allAxes, pairLosses, reduceAll, reductionOf, type Reduction } from './pair-losses.ts';
import { numberOf, spanOf, tensorOf, valueOf } from './read.ts';
import { logSumExp, meanOf, reduced, shifted, spread } from './reductions.ts';
import { regularizers } from './regularizers.ts';

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

/** What each class counts, and what the label of each row does. `undefined`: all the same. `failed` was reported. */
function weightsOf(call: Call, hit: Value, classes: Dim) {
  const given = valueOf(call, 'weight');
  if (given === undefined || given.kind === 'none') return undefined;
  const numbers = classNumbers(call, 'weight', classes);
  if (numbers === undefined) return 'failed';
  const { shape } = hit.type;
  const ofClasses = call.ctx.emit('broadcast', [numbers], { shape, axes: [shape.length - 1] });
  return { ofClasses, ofRows: pick(call, hit, ofClasses) };
}

/** Along the last axis, the element that is hit; 0 where none is. */
function pick(call: Call, hit: Value, x: Value): Value {
  const { ctx } = call;
  const kept = ctx.emit('select', [hit, x, ctx.constant(0, 'f32', x.type.shape)], {});
  return reduced(call, kept, 'sum', [x.type.shape.length - 1]);
}

/** −log softmax(x)[label], smoothed: (1 − ε) of that, and ε times its mean over all classes; each class times its weight. */
export function crossEntropy(call: Call): LmValue {
  const found = scoresAndLabels(call, 'output', 'labels');
  const smoothing = numberOf(call, 'label_smoothing', 0);
  const reduction = reductionOf(call);
  if (found === undefined || smoothing === undefined || reduction === undefined) return poison;
  const { ctx } = call;
  const { scores, labels, classes } = found;
  const last = [scores.type.shape.length - 1];
  const { rest } = shifted(call, scores, last);
  const total = logSumExp(call, rest, last);
  const hit = oneHotMask(call, labels, classes);
  const weights = weightsOf(call, hit, classes);
  if (weights === 'failed') return poison;
  let loss = ctx.emit('sub', [total, pick(call, hit, rest)], {});
  if (weights !== undefined) loss = ctx.emit('mul', [loss, weights.ofRows], {});
  if (smoothing !== 0) {
    // mean over classes of −log softmax = log Σ e^x − mean x
    let smooth = ctx.emit('sub', [total, meanOf(call, rest, last)], {});
    if (weights !== undefined) {
      const each = ctx.emit('sub', [spread(call, total, rest.type.shape, last), rest], {});
      smooth = meanOf(call, ctx.emit('mul', [each, weights.ofClasses], {}), last);
    }
    loss = ctx.emit('add', [times(call, loss, 1 - smoothing), times(call, smooth, smoothing)], {});
  }
  return finish(call, { loss, labels, weights: weights?.ofRows, classes: constantOf(classes) }, reduction);
}

interface Rows {
  readonly loss: Value;
  readonly labels: Value;
  readonly weights: Value | undefined;
  readonly classes: number | undefined;
}

/** Leaves out the rows whose label is ignored; the mean is over the others, by their weights. */
function finish(call: Call, { loss, labels, weights, classes }: Rows, reduction: Reduction): LmValue {
  const { ctx } = call;
  const ignored = valueOf(call, 'ignore_index');
  if (ignored === undefined || ignored.kind === 'none') {
    if (classes !== undefined) constrainRange(ctx, labels, [0, classes]);
    if (weights === undefined || reduction !== 'mean') return tensor(reduceAll(call, loss, reduction));
    return weightedMean(call, loss, weights);
  }
  if (ignored.kind !== 'number' || !Number.isInteger(ignored.value))
    return ctx.fail(
      types.wrongKind(spanOf(call, 'ignore_index'), { expected: 'a class number', found: 'something else' }),
    );
  if (classes !== undefined)
    constrainRange(ctx, labels, [Math.min(0, ignored.value), Math.max(classes, ignored.value + 1)]);
  const { shape } = loss.type;
  const counts = ctx.emit('ne', [labels, ctx.constant(ignored.value, 'i32', shape)], {});
  const zero = ctx.constant(0, 'f32', shape);
  const kept = ctx.emit('select', [counts, loss, zero], {});
  if (reduction !== 'mean') return tensor(reduceAll(call, kept, reduction));
  if (weights !== undefined) return weightedMean(call, kept, ctx.emit('select', [counts, weights, zero], {}));
  const rows = reduced(call, ctx.emit('cast', [counts], { dtype: 'f32' }), 'sum', allAxes(loss));
  // A batch of ignored rows alone has the loss 0.
  const divisor = ctx.emit('max', [rows, ctx.constant(1, 'f32')], {});
  return ctx.tensor('div', [reduced(call, kept, 'sum', allAxes(kept)), divisor], {});
}

/** Over the sum of the weights, or 0 where that is 0. */
function weightedMean(call: Call, loss: Value, weights: Value): LmValue {
  const { ctx } = call;
  const sum = reduced(call, weights, 'sum', allAxes(weights));
  const isSome = ctx.emit('lt', [ctx.constant(0), sum], {});
  const divisor = ctx.emit('select', [isSome, sum, ctx.constant(1)], {});
  return ctx.tensor('div', [reduced(call, loss, 'sum', allAxes(loss)), divisor], {});
}

/** −log p[label], from log-probabilities. */
function negativeLogLikelihood(call: Call): LmValue {
  const found = scoresAndLabels(call, 'log_probabilities', 'labels');
  const reduction = reductionOf(call);
  if (found === undefined || reduction === undefined) return poison;
  const { ctx } = call;
  const { scores, labels, classes } = found;
  const hit = oneHotMask(call, labels, classes);
  const weights = weightsOf(call, hit, classes);
  if (weights === 'failed') return poison;
  const plain = ctx.emit('neg', [pick(call, hit, scores)], {});
  const loss = weights === undefined ? plain : ctx.emit('mul', [plain, weights.ofRows], {});
  return finish(call, { loss, labels, weights: weights?.ofRows, classes: constantOf(classes) }, reduction);
}

export const losses: FunctionTable = {
  cross_entropy: {
    parameters: ['output', 'labels', 'ignore_index?', 'label_smoothing?', 'reduction?', 'weight?'],
    documentation:
      '−log softmax(output) at the label; the mean is over the rows whose label is not `ignore_index`. `weight` is what each class counts, a list or `f32[classes]`; the mean is then divided by the sum of the labels’ weights. `reduction` is "mean", "sum" or "none".',
    apply: crossEntropy,
  },
  nll: {
    parameters: ['log_probabilities', 'labels', 'ignore_index?', 'reduction?', 'weight?'],
    documentation: 'The same from log-probabilities.',
    apply: negativeLogLikelihood,
  },
  ...pairLosses,
  ...regularizers,
};
