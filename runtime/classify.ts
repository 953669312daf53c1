/** Which class a trained model gives to rows whose class is known: the confusion matrix, and examples for people. */
import type { Dataset, Split } from './data/dataset.ts';
import type { Plan } from './plan.ts';
import { predict } from './predict.ts';
import type { Session } from './session.ts';

export interface Classification {
  readonly split: Split;
  /** How many rows of the part were looked at. */
  readonly rows: number;
  /** Names, or numbers where there are none. */
  readonly labels: readonly string[];
  /** `confusion[actual][predicted]`; empty where there are too many classes to look at. */
  readonly confusion: readonly (readonly number[])[];
  /** Wrong ones first, the surest of them at the top; then right ones, the least sure at the top. */
  readonly samples: readonly ClassifiedRow[];
}

export interface ClassifiedRow {
  readonly text: string;
  readonly actual: string;
  readonly predicted: string;
  /** Of the predicted class, by softmax. */
  readonly probability: number;
}

/** Beyond these, a look at a part is no look any more. */
const mostRows = 2000;
const mostClasses = 40;
const shownWrong = 12;
const shownRight = 6;

/**
 * Undefined where the model is no classifier of rows: it is one whose first output is f32[batch, classes], with one
 * target i32[batch] of as many classes.
 */
export async function classifyRows(
  session: Session,
  plan: Plan,
  dataset: Dataset,
  split: Split,
): Promise<Classification | undefined> {
  const { targets = [] } = plan.task ?? {};
  const [target] = targets;
  const [output] = plan.signature.outputs;
  const classes = target?.range?.[1];
  const isRowwise = output?.dtype === 'f32' && output.shape.length === 2 && target?.shape.length === 1;
  if (target === undefined || targets.length !== 1 || classes === undefined || !isRowwise) return undefined;
  const batches = [...dataset.batches(split, { seed: 0, epoch: 0, shuffle: false })];
  if (batches.length === 0) return undefined;
  const logits = (await predict({ session, plan, batches, limit: mostRows })).get(output.name);
  if (logits?.shape[1] !== classes) return undefined;
  const actual = batches.flatMap(({ tensors }) => [...(tensors.get(target.name)?.data ?? [])]);
  const indices = batches.flatMap((batch) => batch.indices);
  const nameOf = (number: number): string => dataset.labels[number] ?? String(number);
  const rows = Array.from({ length: logits.shape[0] ?? 0 }, (_, row) => {
    const scores = logits.data.subarray(row * classes, (row + 1) * classes);
    return { actual: actual[row] ?? 0, ...mostProbable(scores), index: indices[row] ?? row };
  });
  const confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  for (const row of rows) {
    const line = confusion[row.actual];
    if (line !== undefined) line[row.predicted] = (line[row.predicted] ?? 0) + 1;
  }
  const wrong = rows.filter((row) => row.actual !== row.predicted);
  const right = rows.filter((row) => row.actual === row.predicted);
  const shown = [
    ...wrong.toSorted((a, b) => b.probability - a.probability).slice(0, shownWrong),
    ...right.toSorted((a, b) => a.probability - b.probability).slice(0, shownRight),
  ];
  return {
    split,
    rows: rows.length,
    labels: Array.from({ length: classes }, (_, number) => nameOf(number)),
    confusion: classes > mostClasses ? [] : confusion,
    samples: shown.map((row) => ({
      text: dataset.text?.(split, row.index) ?? `row ${row.index + 1}`,
      actual: nameOf(row.actual),
      predicted: nameOf(row.predicted),
      probability: row.probability,
    })),
  };
}

function mostProbable(scores: ArrayLike<number>): {
  readonly predicted: number;
  readonly probability: number;
} {
  let predicted = 0;
  for (let k = 1; k < scores.length; k++) if ((scores[k] ?? 0) > (scores[predicted] ?? 0)) predicted = k;
  const most = scores[predicted] ?? 0;
  let sum = 0;
  for (let k = 0; k < scores.length; k++) sum += Math.exp((scores[k] ?? 0) - most);
  return { predicted, probability: 1 / sum };
}
