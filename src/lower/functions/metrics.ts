/** What a task measures beside its loss. Counts per class travel to the host, which sums them over the batches. */
import * as types from '../../diagnostics/catalogue/types.ts';
import type { Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { describeValue, typeText } from '../describe.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { oneHotMask } from './creation.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { crossEntropy, scoresAndLabels } from './losses.ts';
import { spanOf, tensorOf, valueOf } from './read.ts';
import { meanOf, reduced } from './reductions.ts';

/** 1 where the highest score is the label's, as f32. */
function hits(call: Call, scores: Value, labels: Value): Value {
  const { ctx } = call;
  const predicted = ctx.emit('argmax', [scores], { axis: scores.type.shape.length - 1 });
  return ctx.emit('cast', [ctx.emit('eq', [predicted, labels], {})], { dtype: 'f32' });
}

const accuracy: LmFunction = {
  parameters: ['output', 'labels', 'ignore_index?'],
  documentation: 'The share of rows whose highest score is the label’s.',
  apply(call) {
    const found = scoresAndLabels(call, 'output', 'labels');
    if (found === undefined) return poison;
    const { ctx } = call;
    const { scores, labels } = found;
    const right = hits(call, scores, labels);
    const axes = right.type.shape.map((_, axis) => axis);
    const ignored = valueOf(call, 'ignore_index');
    if (ignored === undefined || ignored.kind === 'none') return tensor(meanOf(call, right, axes));
    if (ignored.kind !== 'number')
      return ctx.fail(
        types.wrongKind(spanOf(call, 'ignore_index'), {
          expected: 'a class number',
          found: describeValue(ignored),
        }),
      );
    const counts = ctx.emit('ne', [labels, ctx.constant(ignored.value, 'i32', labels.type.shape)], {});
    const weight = ctx.emit('cast', [counts], { dtype: 'f32' });
    const sum = reduced(call, ctx.emit('mul', [right, weight], {}), 'sum', axes);
    const divisor = ctx.emit('max', [reduced(call, weight, 'sum', axes), ctx.constant(1, 'f32')], {});
    return ctx.tensor('div', [sum, divisor], {});
  },
};

/** f32[classes, 3]: true positives, predicted, actual. */
function countClasses(call: Call, scores: Value, labels: Value, classes: Dim): Value {
  const { ctx } = call;
  const predicted = ctx.emit('argmax', [scores], { axis: scores.type.shape.length - 1 });
  const isPredicted = oneHotMask(call, predicted, classes);
  const isActual = oneHotMask(call, labels, classes);
  const rows = labels.type.shape.map((_, axis) => axis);
  const columns = [ctx.emit('and', [isPredicted, isActual], {}), isPredicted, isActual].map((mask) => {
    const total = reduced(call, ctx.emit('cast', [mask], { dtype: 'f32' }), 'sum', rows);
    return ctx.emit('reshape', [total], { shape: [classes, ONE] });
  });
  return ctx.emit('concat', columns, { axis: 1 });
}

const ONE: Dim = { terms: [{ coefficient: 1, symbols: [] }] };

function score(kind: 'f1' | 'precision' | 'recall', documentation: string): LmFunction {
  return {
    parameters: ['output', 'labels', 'class?'],
    documentation: `${documentation} The mean over the classes, or of \`class\` alone: a number, or the name of a label.`,
    apply(call) {
      const found = scoresAndLabels(call, 'output', 'labels');
      const only = valueOf(call, 'class');
      if (found === undefined) return poison;
      const value = countClasses(call, found.scores, found.labels, found.classes);
      const chosen = classOf(call, only);
      return chosen === null ? poison : { kind: 'counts', value, score: kind, class: chosen };
    },
  };
}

/** Null after an error. */
function classOf(call: Call, only: LmValue | undefined): number | string | undefined | null {
  if (only === undefined || only.kind === 'none') return undefined;
  if (only.kind === 'string') return only.value;
  if (only.kind === 'number' && Number.isInteger(only.value) && only.value >= 0) return only.value;
  call.ctx.report(
    types.wrongKind(spanOf(call, 'class'), {
      expected: 'a class number or the name of a label',
      found: describeValue(only),
    }),
  );
  return null;
}

/** From the cross-entropy, which the loss has most often computed already. */
function ofCrossEntropy(of: 'exp' | 'log2e', documentation: string): LmFunction {
  return {
    parameters: ['output', 'labels', 'ignore_index?'],
    documentation,
    apply(call) {
      const loss = crossEntropy(call);
      return loss.kind === 'tensor' ? { kind: 'of-mean', value: loss.value, of } : loss;
    },
  };
}

/** Tags go to the host, which knows the labels' names and counts the spans that agree. */
function spans(
  unit: 'chunk' | 'word',
  kind: 'f1' | 'precision' | 'recall',
  documentation: string,
): LmFunction {
  return {
    parameters: ['predicted', 'tags', 'lengths?', 'label?'],
    documentation: `${documentation} Of all labels together, or of \`label\` alone. \`tags\` is a target; \`lengths\` says where rows of \`tensors{…}\` end.`,
    apply(call) {
      const [predicted, tags] = [tensorOf(call, 'predicted', ['i32']), tensorOf(call, 'tags', ['i32'])];
      const [lengths, label] = [valueOf(call, 'lengths'), valueOf(call, 'label')];
      if (predicted === undefined || tags === undefined) return poison;
      const { ctx } = call;
      const [target, rows] = [
        ctx.inputNames.get(tags),
        lengths?.kind === 'tensor' && ctx.inputNames.get(lengths.value),
      ];
      if (
        target === undefined ||
        predicted.type.shape.length !== 2 ||
        !equalShapes(predicted.type.shape, tags.type.shape)
      )
        return ctx.fail(
          types.wrongKind(spanOf(call, 'tags'), {
            expected: `a target of the shape of \`predicted\`, ${typeText(predicted.type)}, for \`tags\` of \`${call.name}\``,
            found: target === undefined ? 'a value that is no target' : typeText(tags.type),
          }),
        );
      return {
        kind: 'spans',
        value: predicted,
        score: kind,
        unit,
        target,
        lengths: typeof rows === 'string' ? rows : undefined,
        class: label?.kind === 'string' ? label.value : undefined,
      };
    },
  };
}

/** Of the task's texts; the host reads them, as `decode` says, and compares them with those of the data. */
function ofTexts(rate: 'cer' | 'wer' | 'exact_match', documentation: string): LmFunction {
  return {
    parameters: ['output', 'labels'],
    documentation: `${documentation} Of texts that \`decode\` reads from an output \`[batch, frame, symbol]\`.`,
    apply(call) {
      const output = tensorOf(call, 'output', ['f32']);
      const labels = tensorOf(call, 'labels', ['i32']);
      if (output === undefined || labels === undefined) return poison;
      if (output.type.shape.length === 3) return { kind: 'texts', score: rate };
      return call.ctx.fail(
        types.wrongKind(spanOf(call, 'output'), {
          expected: 'scores of symbols by frame, `f32[batch, frame, symbol]`',
          found: describeValue(tensor(output)),
        }),
      );
    },
  };
}

export const metrics: FunctionTable = {
  accuracy,
  f1: score('f1', 'The harmonic mean of precision and recall.'),
  precision: score('precision', 'Of what was predicted as a class, the share that is.'),
  recall: score('recall', 'Of what is a class, the share that was predicted.'),
  span_f1: spans('chunk', 'f1', 'F1 of the spans of BIO tags, by exact match, as conlleval.'),
  span_precision: spans('chunk', 'precision', 'Of the spans that were predicted, the share that is.'),
  span_recall: spans('chunk', 'recall', 'Of the spans that are, the share that was predicted.'),
  role_f1: spans('word', 'f1', 'F1 of the words with a tag other than `O`, such as heads of semantic roles.'),
  cer: ofTexts('cer', 'Character error rate: edits over the characters of the references.'),
  wer: ofTexts('wer', 'Word error rate: edits over the words of the references.'),
  exact_match: ofTexts('exact_match', 'The share of texts that are right in every character.'),
  perplexity: ofCrossEntropy('exp', 'e to the power of the mean cross-entropy over all tokens.'),
  bits_per_token: ofCrossEntropy(
    'log2e',
    'The mean cross-entropy in bits; of a model of characters, bits per character.',
  ),
};
