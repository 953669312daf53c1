/** `lmc train --dry-run`: what would happen, with everything done but the training. */
import { printBytes } from '../../runtime/plan-numbers.ts';
import type { Batch, Dataset } from '../../runtime/data/dataset.ts';
import type { TensorData } from '../../runtime/session.ts';
import { countSteps, type TrainSettings, type TrainState } from '../../runtime/train.ts';
import type { OpenModel } from './open-model.ts';

export interface DryRun {
  readonly model: OpenModel;
  readonly dataset: Dataset;
  readonly settings: TrainSettings;
  readonly start: TrainState;
  /** The first batch. */
  readonly batch: Batch;
  /** Whether a part is held out for the test; of `--data`, every row is trained on. */
  readonly heldOut: boolean;
  /** What would be written, in words. */
  readonly writes: readonly string[];
}

export function printDryRun({ model, dataset, settings, start, batch, heldOut, writes }: DryRun): string {
  const { plan, session, parameterCount, summarize } = model;
  const { rows } = dataset;
  const order = { seed: settings.seed, epoch: 0, shuffle: settings.shuffle };
  const steps = countSteps(dataset, settings, start);
  const epoch = dataset.batchesPerEpoch('train', order);
  const validation =
    rows.validation === 0
      ? 'no validation part'
      : `validation on ${rows.validation} rows every ${settings.validationSteps === undefined ? 'epoch' : `${settings.validationSteps} steps`}`;
  return [
    summarize().trimEnd(),
    '',
    `${plan.signature.model}: ${parameterCount.toLocaleString('en')} parameters, on ${session.description}`,
    `${printBytes(session.allocatedBytes)} are allocated there, and that is all that training takes`,
    ...dataset.notes,
    '',
    `first batch: ${batch.rows} rows, ${batch.tokens} tokens`,
    ...printShapes(batch),
    '',
    `it would train ${Number.isFinite(steps) ? steps - start.step : 'without end, so many'} steps${start.step > 0 ? `, after step ${start.step}` : ''} (${epoch} an epoch), ${validation}${rows.test === 0 || !heldOut ? '' : `, the test part of ${rows.test} rows once at the end`}`,
    writes.length === 0
      ? 'it would write nothing: neither --out nor --save'
      : `it would write ${writes.join(', ')}`,
    'dry run: nothing was trained, and nothing was written',
    '',
  ].join('\n');
}

/** The same for programs. */
export function dryRunFields({ model, dataset, settings, start, batch, heldOut, writes }: DryRun) {
  const { rows } = dataset;
  const steps = countSteps(dataset, settings, start);
  return {
    model: model.plan.signature.model,
    device: model.session.description,
    parameters: model.parameterCount,
    bytes: model.session.allocatedBytes,
    train_rows: rows.train,
    validation_rows: rows.validation,
    test_rows: heldOut ? rows.test : 0,
    first_batch: [...batch.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    // JSON has no infinity: null.
    steps: steps - start.step,
    writes: writes.join(', '),
  };
}

function printShapes({ tensors }: Batch): readonly string[] {
  const width = Math.max(0, ...[...tensors.keys()].map((name) => name.length));
  return [...tensors].map(([name, tensor]) => `  ${name.padEnd(width)}  ${printTensor(tensor)}`);
}

/** `i32[64, 25]  0 … 664` */
function printTensor({ dtype, shape, data }: TensorData): string {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const show = (value: number): string => (dtype === 'i32' ? String(value) : value.toPrecision(4));
  const range = data.length === 0 ? '' : `  ${show(least)} … ${show(most)}`;
  return `${dtype}[${shape.join(', ')}]${range}`;
}
