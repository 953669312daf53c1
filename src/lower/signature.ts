/** The model and the task as the plan has them. */
import type {
  PlanCall,
  PlanConstant,
  PlanDim,
  PlanDType,
  PlanMetric,
  PlanSignature,
  PlanTask,
} from '../../runtime/plan.ts';
import type { Dim } from '../ir/dim.ts';
import type { GraphInput, Value } from '../ir/graph.ts';
import type { Context } from './context.ts';
import type { CheckedStage } from './data-pipeline.ts';
import { outputName, type WalkedModel } from './model.ts';

function planDim({ terms }: Dim): PlanDim {
  return terms.map(({ coefficient, symbols }) => ({ coefficient, symbols }));
}

interface PlanTensorSpec {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly PlanDim[];
}

function planTensor(name: string, { type }: Value): PlanTensorSpec {
  return { name, dtype: type.dtype, shape: type.shape.map(planDim) };
}

/** Inputs or targets with the ranges of those that index something. */
export function planTensors(inputs: readonly GraphInput[], ctx: Context) {
  return inputs.map(({ name, value }) => {
    const range = ctx.ranges.get(name);
    const along = ctx.lengthsAlong.get(name);
    return {
      ...planTensor(name, value),
      ...(range === undefined ? {} : { range }),
      ...(along === undefined ? {} : { along }),
    };
  });
}

export function signatureOf(model: string, { inputs, results }: WalkedModel, ctx: Context): PlanSignature {
  return {
    model,
    inputs: planTensors(inputs, ctx),
    outputs: results.map((value, at) => planTensor(outputName(at), value)),
  };
}

/** JSON has no infinity; no run has so many epochs. */
const ENDLESS = 1_000_000_000;

export function planTask(parts: {
  readonly name: string;
  readonly targets: PlanTask['targets'];
  readonly data: readonly CheckedStage[];
  readonly metrics: readonly PlanMetric[];
  readonly optimizer: PlanCall;
  readonly fields: Readonly<Record<string, PlanConstant>>;
  readonly batchSize: number;
}): PlanTask {
  const { fields, data, batchSize, ...rest } = parts;
  const { epochs, seed, ...others } = fields;
  return {
    ...rest,
    data: data.map((stage) => withBatchSize(stage, batchSize)),
    // With `steps` alone, they say when training ends.
    epochs: typeof epochs === 'number' ? epochs : 'steps' in fields ? ENDLESS : 1,
    seed: typeof seed === 'number' ? seed : 0,
    batchSize,
    fields: others,
  };
}

/** `batches{…}` with the size that holds, whoever said it. */
function withBatchSize({ stage, call }: CheckedStage, batchSize: number): PlanCall {
  if (stage.kind !== 'batches') return call;
  if ('size' in call.named) return { ...call, named: { ...call.named, size: batchSize } };
  const [, ...rest] = call.positional;
  return { ...call, positional: [batchSize, ...rest] };
}
