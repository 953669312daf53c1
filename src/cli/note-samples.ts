/** What the report of a run shows beside its curves: how rows were classified, and texts beside their references. */
import { classifyRows } from '../../runtime/classify.ts';
import type { Dataset } from '../../runtime/data/dataset.ts';
import type { Evaluation } from '../../runtime/evaluate.ts';
import type { OpenModel } from './open-model.ts';
import type { RunRecorder } from './run-recorder.ts';

export type SampledPart = Pick<Evaluation, 'split' | 'texts'>;

const reportedTexts = 18;

/** Goes through the part once more where its rows are classified. */
export async function noteSamples(
  log: RunRecorder,
  { session, plan }: Pick<OpenModel, 'session' | 'plan'>,
  dataset: Dataset,
  { split, texts }: SampledPart,
): Promise<void> {
  const classified = await classifyRows(session, plan, dataset, split);
  if (classified !== undefined) log.note('classified', { ...classified });
  const wrongFirst = (texts?.rows ?? []).toSorted(
    (a, b) => Number(a.reference === a.hypothesis) - Number(b.reference === b.hypothesis),
  );
  if (wrongFirst.length > 0) log.note('texts', { split, texts: wrongFirst.slice(0, reportedTexts) });
}
