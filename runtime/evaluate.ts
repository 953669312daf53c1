/** Loss and metrics of a part of the data, without dropout and without an update. */
import type { Batch, Dataset, Split, Transcripts } from './data/dataset.ts';
import { createTranscribe, type Transcribe } from './decode/transcribe.ts';
import { ErrorCounts, type ErrorRates } from './metrics/edit-distance.ts';
import type { Plan, PlanMetric, PlanTask } from './plan.ts';
import { scoreCounts, scoreMean } from './metrics.ts';
import { chunksOf, countSpans, labelledWords, scoreSpans, type SpanCounts } from './metrics/spans.ts';
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
  /** Metrics of labelled spans: counts by label. */
  readonly spans: ReadonlyMap<string, SpanCounts>;
  /** Texts that were read out of the output: error rates, and the texts themselves beside the data's. */
  readonly texts?: { readonly rates: ErrorRates; readonly rows: readonly TextPair[] };
}

export interface TextPair {
  readonly reference: string;
  readonly hypothesis: string;
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
  { means, counts, spans, texts }: Pick<Evaluation, 'means' | 'counts' | 'spans' | 'texts'>,
  task: PlanTask,
  labels: readonly string[],
): ReadonlyMap<string, number> {
  return new Map(
    task.metrics.map((metric) => [
      metric.name,
      metric.kind === 'texts'
        ? scoreTexts(metric, texts?.rates)
        : metric.kind === 'mean'
          ? scoreMean(metric, means.get(metric.name) ?? Number.NaN)
          : metric.kind === 'spans'
            ? scoreSpanMetric(metric, spans.get(metric.name))
            : scoreCounts(metric, counts.get(metric.name) ?? [], labels),
    ]),
  );
}

function scoreSpanMetric({ score, class: label }: PlanMetric, counts: SpanCounts = new Map()): number {
  const scores = scoreSpans(counts, label === undefined ? undefined : String(label));
  return score === 'precision' || score === 'recall' ? scores[score] : scores.f1;
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
  const sums = new MetricSums(task, dataset, split);
  const { transcripts } = dataset;
  const texts =
    task.metrics.some(({ kind }) => kind === 'texts') && transcripts !== undefined
      ? new TextScores(task, dataset, transcripts, split)
      : undefined;
  const pending: { readonly run: Run; readonly predicted: Run | undefined; readonly batch: Batch }[] = [];
  const readOldest = async (): Promise<void> => {
    const oldest = pending.shift();
    if (oldest === undefined) return;
    sums.add(await oldest.run.outputs(), oldest.batch);
    if (oldest.predicted !== undefined) texts?.add(await oldest.predicted.outputs(), oldest.batch);
  };
  session.resetCarries('eval');
  for (const batch of dataset.batches(split, { seed, epoch: 0, shuffle: false })) {
    const numbers = { step: 1, seed, lr: 0 };
    pending.push({
      run: session.submit('eval', requestFor(plan, 'eval', batch, numbers)),
      predicted: texts && session.submit('predict', requestFor(plan, 'predict', batch, numbers)),
      batch,
    });
    if (pending.length > ahead) await readOldest();
  }
  while (pending.length > 0) await readOldest();
  if (sums.rows === 0) throw new RuntimeError(5, `the data has no ${split} part`);
  return { split, ...sums.result(), ...(texts === undefined ? {} : { texts: texts.result() }) };
}

function scoreTexts({ score }: PlanMetric, rates: ErrorRates | undefined): number {
  return score === 'cer' || score === 'wer' || score === 'exact_match'
    ? (rates?.[score] ?? Number.NaN)
    : Number.NaN;
}

/** Texts of a part, in the order in which its batches come. */
class TextScores {
  readonly #transcribe: Transcribe;
  readonly #dataset: Dataset;
  readonly #transcripts: Transcripts;
  readonly #split: Split;
  readonly #counts = new ErrorCounts();
  readonly #rows: TextPair[] = [];

  constructor(task: PlanTask, dataset: Dataset, transcripts: Transcripts, split: Split) {
    this.#transcribe = createTranscribe(task, transcripts);
    this.#dataset = dataset;
    this.#transcripts = transcripts;
    this.#split = split;
  }

  add(outputs: ReadonlyMap<string, TensorData>, { indices }: Batch): void {
    const output = outputs.get('output');
    if (output === undefined) throw new RuntimeError(2, 'the model returns no `output` to read texts from');
    indices.forEach((index, row) => {
      const reference = this.#dataset.text?.(this.#split, index) ?? '';
      const hypothesis = this.#transcribe(output, row, this.#transcripts.frames(this.#split, index));
      this.#counts.add(reference, hypothesis);
      this.#rows.push({ reference, hypothesis });
    });
  }

  result(): NonNullable<Evaluation['texts']> {
    return { rates: this.#counts.rates(), rows: this.#rows };
  }
}

class MetricSums {
  readonly #task: PlanTask;
  readonly #dataset: Dataset;
  readonly #split: Split;
  readonly #spans = new Map<string, SpanCounts>();
  readonly #means = new Map<string, number>();
  readonly #counts = new Map<string, Float64Array>();
  rows = 0;
  #weight = 0;

  constructor(task: PlanTask, dataset: Dataset, split: Split) {
    this.#task = task;
    this.#dataset = dataset;
    this.#split = split;
  }

  add(outputs: ReadonlyMap<string, TensorData>, batch: Batch): void {
    const { rows, weight = rows } = batch;
    this.rows += rows;
    this.#weight += weight;
    this.#addMean('loss', outputs, weight);
    for (const metric of this.#task.metrics) {
      const { name, kind } = metric;
      if (kind === 'spans') this.#addSpans(metric, outputs, batch);
      else if (kind === 'mean') this.#addMean(name, outputs, weight);
      else if (kind === 'counts') this.#addCounts(name, outputs);
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

  /** Against the file's own tags where the data have them, so that what the model never saw is missed as well. */
  #addSpans(metric: PlanMetric, outputs: ReadonlyMap<string, TensorData>, batch: Batch): void {
    const predicted = outputs.get(metric.name);
    const target = batch.tensors.get(metric.target ?? '');
    const width = target?.shape[1] ?? 0;
    const counts = this.#spans.get(metric.name) ?? new Map();
    this.#spans.set(metric.name, counts);
    const { labels, tags } = this.#dataset;
    const nameOf = (number: number): string => labels[number] ?? (number === 0 ? 'O' : String(number));
    const split = metric.unit === 'word' ? labelledWords : chunksOf;
    for (const [row, index] of batch.indices.entries()) {
      const own = tags?.(this.#split, index);
      const length = Math.min(
        width,
        own?.length ?? batch.tensors.get(metric.lengths ?? '')?.data[row] ?? width,
      );
      const namesOf = (tensor: TensorData | undefined): string[] =>
        Array.from(tensor?.data.subarray(row * width, row * width + length) ?? [], nameOf);
      countSpans(counts, split(namesOf(predicted)), split(own ?? namesOf(target)));
    }
  }

  result(): Omit<Evaluation, 'split'> {
    const means = new Map([...this.#means].map(([name, sum]) => [name, sum / this.#weight]));
    const loss = means.get('loss') ?? Number.NaN;
    means.delete('loss');
    return { rows: this.rows, loss, means, counts: this.#counts, spans: this.#spans };
  }
}
