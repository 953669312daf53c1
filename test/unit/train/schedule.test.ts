/** Learning rates, step by step. */
import { describe, expect, it } from 'vitest';
import type { PlanCall, PlanTask } from '../../../runtime/plan.ts';
import { learningRate } from '../../../runtime/schedule.ts';

function taskWith(builder?: string, named: PlanCall['named'] = {}): PlanTask {
  const call = (name: string, options: PlanCall['named']): PlanCall => ({
    builder: name,
    positional: [],
    named: options,
    place: 'x.lm:3:4',
  });
  return {
    name: 't',
    targets: [],
    data: [],
    metrics: [],
    optimizer: call('adam', { lr: 1e-3 }),
    epochs: 1,
    seed: 0,
    batchSize: 1,
    fields: builder === undefined ? {} : { schedule: call(builder, named) },
  };
}

/** nanoGPT's `get_lr`, with steps from 0. */
function nanoGpt(at: number): number {
  const [rate, least, warmup, end] = [1e-3, 1e-4, 100, 2000];
  if (at < warmup) return (rate * (at + 1)) / (warmup + 1);
  if (at > end) return least;
  return least + 0.5 * (1 + Math.cos((Math.PI * (at - warmup)) / (end - warmup))) * (rate - least);
}

describe('learningRate', () => {
  it('is the optimiser’s without a schedule', () => {
    expect(learningRate(taskWith(), 5, Infinity)).toBe(1e-3);
  });

  it('follows PyTorch’s one cycle', () => {
    // torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=20), divided by 1e-3
    const expected = [
      0.04, 0.13167184270002, 0.37167184270002, 0.66832815729997, 0.90832815729997, 1, 0.98746400623508,
      0.95048463201347, 0.89091617757105, 0.81174565394976, 0.7169430017913, 0.61126202193628, 0.500002,
      0.38874197806371, 0.28306099820869, 0.18825834605023, 0.10908782242895, 0.04951936798652,
      0.01253999376491, 4e-6,
    ];
    const task = taskWith('one_cycle');
    expected.forEach((rate, at) => expect(learningRate(task, at + 1, 20) / 1e-3).toBeCloseTo(rate, 12));
    expect(learningRate(task, 21, 20)).toBeCloseTo(4e-9, 15);
  });

  it('follows nanoGPT’s cosine', () => {
    const given = taskWith('cosine', { warmup: 100, steps: 2000, min_lr: 1e-4 });
    const implied = taskWith('cosine', { warmup: 100, min_lr: 1e-4 });
    for (const step of [1, 2, 100, 101, 102, 1000, 2000, 2001, 3000]) {
      expect(learningRate(given, step, 9999)).toBeCloseTo(nanoGpt(step - 1), 12);
      expect(learningRate(implied, step, 2000)).toBe(learningRate(given, step, 2000));
    }
  });

  it.each([
    ['constant', { warmup: 3 }, [0.25, 0.5, 0.75, 1, 1, 1]],
    ['linear', { steps: 4 }, [1, 0.75, 0.5, 0.25, 0, 0]],
    ['linear', { warmup: 1, steps: 3, min_lr: 5e-4 }, [0.5, 1, 0.75, 0.5, 0.5]],
    ['step', { step_size: 2, gamma: 0.5 }, [1, 1, 0.5, 0.5, 0.25]],
    ['inverse_sqrt', { warmup: 0 }, [1, Math.SQRT1_2, 1 / Math.sqrt(3), 0.5]],
    ['cosine', { steps: 2 }, [1, 0.5, 0]],
  ])('%s %o', (name, options, expected) => {
    const task = taskWith(name, options);
    expected.forEach((share, at) => {
      expect(learningRate(task, at + 1, Infinity) / 1e-3).toBeCloseTo(share, 12);
    });
  });

  it('says where the length of the run is missing, and what is no schedule', () => {
    expect(() => learningRate(taskWith('cosine'), 1, Infinity)).toThrow(/x\.lm:3:4: nothing says how long/);
    expect(() => learningRate(taskWith('step'), 1, 10)).toThrow(/needs a number for `step_size`/);
    expect(() => learningRate(taskWith('cosinus'), 1, 10)).toThrow(/no schedule `cosinus`/);
  });
});
