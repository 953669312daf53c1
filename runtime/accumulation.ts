/** Steps of several batches, `accumulate=4`: how many make one, and what keys their random numbers. */
import type { PlanTask } from './plan.ts';
import type { RunRequest } from './session.ts';

export function accumulatedBatches(task: PlanTask): number {
  const { accumulate } = task.fields;
  return typeof accumulate === 'number' ? accumulate : 1;
}

/** Of the batch with this position (from 0) in the step with this number (from 1): no two batches have the same. */
export function batchNumber(count: number, step: number, position: number): number {
  return (step - 1) * count + position + 1;
}

/** The program `update` reads no data. */
export function updateRequest(step: number, seed: number, lr: number): RunRequest {
  return { sizes: new Map(), inputs: new Map(), step, seed, lr };
}
