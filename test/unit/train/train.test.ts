import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../runtime/evaluate.ts';
import { predict } from '../../../runtime/predict.ts';
import { readStates } from '../../../runtime/state-dict.ts';
import type { StepEvent } from '../../../runtime/step-reader.ts';
import {
  countSteps,
  train,
  type Training,
  type TrainSettings,
  type TrainState,
} from '../../../runtime/train.ts';
import { fakeDataset, fakePlan, fakeSession, type FakeSession } from './fake-training.ts';

const settings: TrainSettings = { seed: 5, epochs: 3, steps: Infinity, shuffle: true };

function start(options: Partial<Training> & { readonly session?: FakeSession } = {}) {
  const session = options.session ?? fakeSession();
  const steps: StepEvent[] = [];
  const log: string[] = [];
  const saved: { readonly state: TrainState; readonly weights: number | undefined }[] = [];
  const training: Training = {
    session,
    plan: fakePlan,
    dataset: fakeDataset({ train: 7 }),
    settings,
    ...options,
    observer: {
      step: (event) => steps.push(event),
      evaluation: ({ loss }, step, best) => log.push(`validation at ${step}: ${loss}${best ? ' best' : ''}`),
      checkpoint: async (state, reason) => {
        const weights = (await session.readState('w')).data[0];
        saved.push({ state, weights });
        log.push(`${reason} at ${state.step} = ${state.epoch}.${state.batch}`);
      },
      ...options.observer,
    },
  };
  return { session, steps, log, saved, result: train(training) };
}

describe('train', () => {
  it('reports every step in order, once, and reads them late', async () => {
    // A clock that stands still: steps cost nothing, so many may be under way.
    const { session, steps, result } = start({
      dataset: fakeDataset({ train: 240 }),
      settings: { ...settings, epochs: 1 },
      now: () => 0,
    });
    expect((await result).reason).toBe('done');
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 120 }, (_, at) => at + 1));
    expect(session.mostAhead()).toBeGreaterThan(8);
    expect(session.mostAhead()).toBeLessThanOrEqual(33);
  });

  it('waits for slow steps soon', async () => {
    let clock = 0;
    const { session, result } = start({ now: () => (clock += 1000) });
    await result;
    expect(session.mostAhead()).toBeLessThanOrEqual(2);
  });

  it.each([
    [{ epochs: 2, steps: Infinity }, 8],
    [{ epochs: 2, steps: 5 }, 5],
    [{ epochs: 1, steps: 5 }, 4],
    [{ epochs: Infinity, steps: 9 }, 9],
    [{ epochs: 0, steps: 9 }, 0],
  ])('ends after %o: %i steps', async (limits, count) => {
    const { steps, result } = start({ settings: { ...settings, ...limits } });
    expect((await result).state.step).toBe(count);
    expect(steps).toHaveLength(count);
    expect(countSteps(fakeDataset({ train: 7 }), { ...settings, ...limits })).toBe(count);
  });

  it('gives step, seed and learning rate to the session', async () => {
    const { session, result } = start({ settings: { ...settings, steps: 3 } });
    await result;
    expect(session.requests.map(({ step, seed, lr }) => [step, seed, lr])).toEqual([
      [1, 5, 0.01],
      [2, 5, 0.01],
      [3, 5, 0.01],
    ]);
  });

  it('validates and saves after every epoch, and keeps the best', async () => {
    const losses = [3, 3, 1, 1, 2, 2];
    const { session, log, result } = start({
      session: fakeSession({ evalLoss: (count) => losses[count] ?? 9 }),
      dataset: fakeDataset({ train: 4, validation: 3 }),
    });
    const { best, state } = await result;
    expect(log).toEqual([
      'validation at 2: 3 best',
      'epoch at 2 = 1.0',
      'validation at 4: 1 best',
      'epoch at 4 = 2.0',
      'validation at 6: 2',
      'epoch at 6 = 3.0',
    ]);
    expect(best?.step).toBe(4);
    expect(state.validationsSinceBest).toBe(1);
    expect(best?.parameters.get('w')?.data[0]).not.toBe((await session.readState('w')).data[0]);
    expect([...(best?.parameters.keys() ?? [])]).toEqual(['w']);
  });

  it('ends when validation gets no better', async () => {
    const { result } = start({
      session: fakeSession({ evalLoss: (count) => count }),
      dataset: fakeDataset({ train: 4, validation: 2 }),
      settings: { ...settings, epochs: 50, patience: 2 },
    });
    const { reason, state } = await result;
    expect([reason, state.epoch]).toEqual(['patience', 3]);
  });

  it('validates every so many steps instead, and goes on from between them', async () => {
    const options = {
      dataset: fakeDataset({ train: 10, validation: 2 }),
      settings: { ...settings, epochs: 2, validationSteps: 3 },
    };
    const whole = start(options);
    const expected = await whole.result;
    expect(whole.log.filter((line) => line.startsWith('validation'))).toHaveLength(4);
    expect(whole.log.map((line) => /^validation at (\d+)/.exec(line)?.[1] ?? '')).toEqual([
      '3',
      '',
      '6',
      '9',
      '',
      '10',
    ]);
    const first = start({ ...options, settings: { ...options.settings, steps: 4 } });
    await first.result;
    const saved = first.saved.at(-1)?.state;
    if (saved === undefined) throw new Error('nothing saved');
    const second = await start({ ...options, session: first.session, start: saved }).result;
    expect(second.state).toEqual(expected.state);
  });

  it('chooses the best by a metric', async () => {
    const bestBy = async (bestMetric: string) => {
      const session = fakeSession({ evalLoss: (count) => [3, 1, 2][count] ?? 9 });
      const dataset = fakeDataset({ train: 4, validation: 2 });
      const { best } = await start({ session, dataset, settings: { ...settings, bestMetric } }).result;
      return [best?.step, best?.score];
    };
    expect(await bestBy('loss')).toEqual([4, 1]);
    // The metrics stay the same, and the first of equals is the best.
    expect((await bestBy('accuracy'))[0]).toBe(2);
    expect((await bestBy('f1'))[0]).toBe(2);
    await expect(bestBy('bleu')).rejects.toMatchObject({ exitCode: 2 });
  });

  it('saves within an epoch', async () => {
    const { log, result } = start({ settings: { ...settings, epochs: 1, checkpointSteps: 3 } });
    await result;
    expect(log).toEqual(['interval at 3 = 0.3', 'epoch at 4 = 1.0']);
  });

  it.each([1, 2, 3, 4, 5, 8, 11])('continues after step %i as if it had not stopped', async (stop) => {
    const data = { train: 7, validation: 3 };
    const whole = start({ dataset: fakeDataset(data) });
    const expected = await whole.result;

    const first = start({ dataset: fakeDataset(data), settings: { ...settings, steps: stop } });
    await first.result;
    const saved = first.saved.at(-1)?.state;
    const second = start({
      session: first.session,
      dataset: fakeDataset(data),
      ...(saved === undefined ? {} : { start: saved }),
    });
    const actual = await second.result;
    expect(actual.state).toEqual(expected.state);
    expect(actual.best).toEqual(expected.best);
    expect(first.session.requests).toEqual(whole.session.requests);
    for (const role of ['parameter', 'optimizer'] as const)
      expect(await readStates(first.session, fakePlan, role)).toEqual(
        await readStates(whole.session, fakePlan, role),
      );
  });

  it('ends between two steps when interrupted, and saves', async () => {
    const controller = new AbortController();
    let clock = 0;
    const { log, session, result } = start({
      signal: controller.signal,
      dataset: fakeDataset({ train: 100 }),
      now: () => (clock += 100),
      observer: { step: ({ step }) => step === 2 && controller.abort() },
    });
    expect((await result).reason).toBe('interrupted');
    expect(log).toEqual([`interrupted at ${session.requests.length} = 0.${session.requests.length}`]);
    expect(session.requests.length).toBeLessThan(5);
  });

  it.each([
    ['loss', { loss: (step: number) => (step === 4 ? Number.NaN : 1) }, 'step 4: the loss is NaN'],
    [
      'gradient',
      { gradNorm: (step: number) => (step === 6 ? Infinity : 1) },
      "step 6: the gradient's norm is Infinity",
    ],
  ])('stops at a %s that is not finite, and saves nothing after it', async (_, behaviour, message) => {
    const { steps, saved, result } = start({
      session: fakeSession(behaviour),
      settings: { ...settings, checkpointSteps: 1 },
    });
    await expect(result).rejects.toMatchObject({ exitCode: 4, message: expect.stringContaining(message) });
    const bad = Number(/\d+/.exec(message)?.[0]);
    expect(steps.at(-1)?.step).toBe(bad);
    expect(saved.at(-1)?.state.step).toBe(bad - 1);
  });

  it('refuses data without a training part', async () => {
    await expect(start({ dataset: fakeDataset({ test: 3 }) }).result).rejects.toMatchObject({ exitCode: 5 });
  });
});

describe('evaluate', () => {
  it('weighs batches by their rows and sums counts', async () => {
    const evaluation = await evaluate({
      session: fakeSession({ evalLoss: (count) => [1, 2, 6][count] ?? Number.NaN }),
      plan: fakePlan,
      dataset: fakeDataset({ test: 5 }),
      split: 'test',
      seed: 0,
    });
    expect(evaluation.rows).toBe(5);
    expect(evaluation.loss).toBeCloseTo((2 * 1 + 2 * 2 + 6) / 5);
    expect(evaluation.means.get('accuracy')).toBeCloseTo((2 * 2 + 4) / 500);
    expect([...(evaluation.counts.get('f1') ?? [])]).toEqual([3, 6, 9, 6, 6, 6]);
  });

  it('refuses a part without rows', async () => {
    const request = {
      session: fakeSession(),
      plan: fakePlan,
      dataset: fakeDataset({}),
      split: 'test',
      seed: 0,
    } as const;
    await expect(evaluate(request)).rejects.toMatchObject({ exitCode: 5 });
  });
});

describe('predict', () => {
  const dataset = fakeDataset({ test: 5 });
  const batches = () => dataset.batches('test', { seed: 0, epoch: 0, shuffle: false });

  it('puts batches together in order', async () => {
    const outputs = await predict({ session: fakeSession(), plan: fakePlan, batches: batches() });
    expect(outputs.get('output')).toMatchObject({ shape: [5], data: Float32Array.of(0, 2, 4, 6, 8) });
  });

  it('stops at the limit', async () => {
    const outputs = await predict({ session: fakeSession(), plan: fakePlan, batches: batches(), limit: 3 });
    expect(outputs.get('output')).toMatchObject({ shape: [3], data: Float32Array.of(0, 2, 4) });
  });

  it('fills shorter sequences up', async () => {
    const session = fakeSession();
    let call = 0;
    const shapes = [
      [2, 2, 2],
      [1, 3, 2],
    ];
    const outputs = await predict({
      session: {
        ...session,
        submit: () => {
          const shape = shapes[call++] ?? [];
          const data = Float32Array.from(
            { length: shape.reduce((a, b) => a * b, 1) },
            (_, at) => call * 10 + at,
          );
          return { outputs: async () => new Map([['output', { dtype: 'f32' as const, shape, data }]]) };
        },
      },
      plan: fakePlan,
      batches: fakeDataset({ test: 3 }).batches('test', { seed: 0, epoch: 0, shuffle: false }),
    });
    expect(outputs.get('output')?.shape).toEqual([3, 3, 2]);
    expect([...(outputs.get('output')?.data ?? [])]).toEqual([
      10, 11, 12, 13, 0, 0, 14, 15, 16, 17, 0, 0, 20, 21, 22, 23, 24, 25,
    ]);
  });
});
