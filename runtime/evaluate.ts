/** Loss and metrics of a part of the data, without dropout and without an update. */
import type { Batch, Dataset, Split } from './data/dataset.ts';
import type { Plan, PlanTask } from './plan.ts';
import { scoreCounts, scoreMean } from './metrics.ts';
import { requestFor } from './request.ts';
import { RuntimeError, type Run, type Session, type TensorData } from './session.ts';

export interface Evaluation {
  readonly split: Split;
  /** Examples. */
  readonly rows: number;
  /** Mean over the examples; over the tokens where the data are windows of a text. */
  readonly loss: number;
  /** Metrics that are one number per batch, as a mean over the examples. */
  readonly means: ReadonlyMap<string, number>;
  /** Metrics that count per class: true positives, predicted, actual; `[classes, 3]` row by row. */
  readonly counts: ReadonlyMap<string, Float64Array>;
}

export interface EvaluateRequest {
  readonly session: Session;
  readonly plan: Plan;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly seed: number;
}

/** Metrics by name, in the order of the task. `labels`: names of the classes, empty where there are none. */
export function scoresOf(
  { means, counts }: Pick<Evaluation, 'means' | 'counts'>,
  task: PlanTask,
  labels: readonly string[],
): ReadonlyMap<string, number> {
  return new Map(
    task.metrics.map((metric) => [
      metric.name,
      metric.kind === 'mean'
        ? scoreMean(metric, means.get(metric.name) ?? Number.NaN)
        : scoreCounts(metric, counts.get(metric.name) ?? [], labels),
    ]),
  );
}

/** Batches that are under way at a time. */
const ahead = 4;

/** Throws a RuntimeError where the part has no rows or the plan no task. */
export async function evaluate({
  session,
  plan,
  dataset,
  split,
  seed,
}: EvaluateRequest): Promise<Evaluation> {
  const { task } = plan;
  if (task === undefined) throw new RuntimeError(2, `${plan.signature.model} has no task to evaluate`);
  const sums = new MetricSums(task);
  const pending: { readonly run: Run; readonly batch: Batch }[] = [];
  const readOldest = async (): Promise<void> => {
    const oldest = pending.shift();
    if (oldest !== undefined) sums.add(await oldest.run.outputs(), oldest.batch);
  };
  session.resetCarries('eval');
  for (const batch of dataset.batches(split, { seed, epoch: 0, shuffle: false })) {
    const request = requestFor(plan, 'eval', batch, { step: 1, seed, lr: 0 });
    pending.push({ run: session.submit('eval', request), batch });
    if (pending.length > ahead) await readOldest();
  }
  while (pending.length > 0) await readOldest();
  if (sums.rows === 0) throw new RuntimeError(5, `the data has no ${split} part`);
  return { split, ...sums.result() };
}

class MetricSums {
  readonly #task: PlanTask;
  readonly #means = new Map<string, number>();
  readonly #counts = new Map<string, Float64Array>();
  rows = 0;
  #weight = 0;

  constructor(task: PlanTask) {
    this.#task = task;
  }

  add(outputs: ReadonlyMap<string, TensorData>, { rows, weight = rows }: Batch): void {
    this.rows += rows;
    this.#weight += weight;
    this.#addMean('loss', outputs, weight);
    for (const { name, kind } of this.#task.metrics) {
      if (kind === 'mean') this.#addMean(name, outputs, weight);
      else this.#addCounts(name, outputs);
    }
  }

  #addMean(name: string, outputs: ReadonlyMap<string, TensorData>, weight: number): void {
    const value = outputs.get(name)?.data[0] ?? Number.NaN;
    this.#means.set(name, (this.#means.get(name) ?? 0) + value * weight);
  }

  #addCounts(name: string, outputs: ReadonlyMap<string, TensorData>): void {
    const data = outputs.get(name)?.data ?? [];
    const sums = this.#counts.get(name) ?? new Float64Array(data.length);
    data.forEach((count, at) => {
      sums[at] = (sums[at] ?? 0) + count;
    });
    this.#counts.set(name, sums);
  }

  result(): Omit<Evaluation, 'split'> {
    const means = new Map([...this.#means].map(([name, sum]) => [name, sum / this.#weight]));
    const loss = means.get('loss') ?? Number.NaN;
    means.delete('loss');
    return { rows: this.rows, loss, means, counts: this.#counts };
  }
}
