/** From a batch to a request: what a program reads of it, and the numbers of the step. */
import type { Batch } from './data/dataset.ts';
import type { Plan } from './plan.ts';
import type { RunRequest } from './session.ts';

/** A batch may hold more than a program reads: the targets, or an input that the model does not use. */
export function requestFor(
  plan: Plan,
  program: 'train' | 'eval' | 'predict',
  batch: Batch,
  numbers: Pick<RunRequest, 'step' | 'seed' | 'lr'>,
): RunRequest {
  const inputs = plan.programs.find(({ name }) => name === program)?.inputs ?? [];
  const read = new Set(inputs.map(({ name }) => name));
  const dims = new Set(plan.dims.map(({ name }) => name));
  return {
    sizes: new Map([...batch.sizes].filter(([name]) => dims.has(name))),
    inputs: new Map([...batch.tensors].filter(([name]) => read.has(name))),
    ...numbers,
  };
}
