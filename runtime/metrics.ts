/** Precision, recall and F1 from counts per class, as scikit-learn defines them; a division by 0 gives 0. */
import { findNearest, listNames } from './data/problem.ts';
import { compareCodePoints } from './data/vocabulary.ts';
import { scoreSpans, type SpanCounts } from './metrics/spans.ts';
import type { PlanMetric } from './plan.ts';
import { RuntimeError } from './session.ts';

export interface ClassScores {
  /** The label's name, or the class number where there are no names. */
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Examples of this class, and predictions of it. */
  readonly actual: number;
  readonly predicted: number;
}

/** Spans by label, in the order of their names, and all of them together as `all`. */
export function scoreSpanClasses(counts: SpanCounts): readonly ClassScores[] {
  const labels = [...counts.keys()].toSorted(compareCodePoints);
  return [
    ...labels.map((label) => ({ label, ...scoreSpans(counts, label) })),
    { label: 'all', ...scoreSpans(counts) },
  ];
}

export type Score = 'precision' | 'recall' | 'f1';

/** `counts`: f32[classes, 3] of true positives, predicted, actual, summed over all batches. */
export function scoreClasses(counts: ArrayLike<number>, labels: readonly string[]): readonly ClassScores[] {
  return Array.from({ length: Math.floor(counts.length / 3) }, (_, k) => {
    const [truePositives, predicted, actual] = [
      counts[3 * k] ?? 0,
      counts[3 * k + 1] ?? 0,
      counts[3 * k + 2] ?? 0,
    ];
    return {
      label: labels[k] ?? String(k),
      precision: divide(truePositives, predicted),
      recall: divide(truePositives, actual),
      f1: divide(2 * truePositives, predicted + actual),
      actual,
      predicted,
    };
  });
}

/**
 * A metric's one number: of its class, or the mean over the classes that occur, in the data or in the predictions
 * (macro average). Throws a RuntimeError where no class has the name.
 */
export function scoreCounts(
  metric: Pick<PlanMetric, 'name' | 'score' | 'class'>,
  counts: ArrayLike<number>,
  labels: readonly string[],
): number {
  const score = metric.score === 'precision' || metric.score === 'recall' ? metric.score : 'f1';
  const classes = scoreClasses(counts, labels);
  if (metric.class !== undefined) {
    const number = findClass(metric.name, metric.class, classes.length, labels);
    return classes[number]?.[score] ?? 0;
  }
  const occurring = classes.filter(({ actual, predicted }) => actual + predicted > 0);
  return divide(
    occurring.reduce((sum, scores) => sum + scores[score], 0),
    occurring.length,
  );
}

/** A metric that follows from a mean, from the mean over the whole part: the mean of e^x is not e^mean. */
export function scoreMean({ of }: Pick<PlanMetric, 'of'>, mean: number): number {
  return of === undefined ? mean : of === 'exp' ? Math.exp(mean) : mean * Math.LOG2E;
}

/** The share of right predictions: each example is counted once as actual. */
export function accuracyOfCounts(counts: ArrayLike<number>): number {
  let [right, all] = [0, 0];
  for (let k = 0; k + 2 < counts.length; k += 3) {
    right += counts[k] ?? 0;
    all += counts[k + 2] ?? 0;
  }
  return divide(right, all);
}

function findClass(
  metric: string,
  wanted: number | string,
  classes: number,
  labels: readonly string[],
): number {
  if (typeof wanted === 'number') {
    if (Number.isInteger(wanted) && wanted >= 0 && wanted < classes) return wanted;
    throw new RuntimeError(5, `metric \`${metric}\`: there is no class ${wanted}; the model has ${classes}`);
  }
  const number = labels.indexOf(wanted);
  if (number !== -1) return number;
  const nearest = findNearest(wanted, labels);
  throw new RuntimeError(
    5,
    labels.length === 0
      ? `metric \`${metric}\`: class \`${wanted}\` is a name, and these data have class numbers only`
      : `metric \`${metric}\`: no class is called \`${wanted}\`; there are ${listNames(labels)}` +
          (nearest === undefined ? '' : `\n  help: did you mean \`${nearest}\`?`),
  );
}

function divide(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}
