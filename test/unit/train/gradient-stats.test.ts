/** What is said of gradients: by hand, and of a real model against the norm that the step itself reports. */
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeGradient } from '../../../runtime/gradient-stats.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from '../cli/fake-io.ts';

describe('the description of a gradient', () => {
  it('has norm, range, zeros and what is not finite', () => {
    expect(describeGradient('w', Float32Array.of(3, -4, 0, 0))).toMatchObject({
      elements: 4,
      norm: 5,
      min: -4,
      max: 3,
      zeros: 2,
      notFinite: 0,
    });
    const broken = describeGradient('w', Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY));
    expect(broken).toMatchObject({ norm: Number.NaN, min: 1, max: 1, notFinite: 2, sum: 1 });
    expect(describeGradient('w', [])).toMatchObject({ norm: 0, min: 0, max: 0, histogram: { limits: [] } });
  });

  it('counts every finite element in the bin of its size', () => {
    const value = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, 1e-10, -1e-10, 1, -1, 1e30));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), (values) => {
        const finite = values.filter(Number.isFinite);
        const { histogram } = describeGradient('w', values);
        const { limits, counts } = histogram;
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(finite.length);
        counts.forEach((count, bin) => {
          const [low, high] = [limits[bin - 1] ?? -Infinity, limits[bin] ?? Infinity];
          expect(finite.filter((each) => each > low && each <= high)).toHaveLength(count);
        });
      }),
    );
  });
});

describe('lmc train --watch-grads', () => {
  it.each([1, 3])(
    'tells of every parameter of steps of %i batches, and the norms are those of the whole gradient',
    async (batches) => {
      const root = path.resolve(import.meta.dirname, '../../..');
      const data =
        'data=csv{"demo/reviews.csv", text="review", label="sentiment"} | split{validation=0, test=0.9} | words{50, max_length=6} | batches{8}';
      const sizes = ['vocab_size=50', 'embedding_dim=4', 'hidden_dim=3'].flatMap((size) => ['--set', size]);
      const io = fakeIo();
      const model = path.join(root, 'models/text_classifier.lm');
      const options = '--device reference --steps 5 --watch-grads 2 --log-format json'.split(' ');
      const tasks = ['--task', data, '--task', 'clip_norm=0.01', '--task', `accumulate=${batches}`];
      const code = await runCli(['train', model, ...options, ...tasks, ...sizes], io);
      expect([code, code === 0 ? '' : io.stderr()]).toEqual([0, '']);
      const events = io
        .stdout()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const watched = events.filter(({ event }) => event === 'gradients');
      expect(watched.map(({ step }) => step)).toEqual([1, 2, 4]);
      for (const { step, parameters } of watched) {
        const total = Math.hypot(...parameters.map(({ norm }: { norm: number }) => norm));
        const whole = events.find(({ event, step: at }) => event === 'step' && at === step);
        expect(total / whole.grad_norm).toBeCloseTo(1, 5);
        expect(parameters.map(({ name }: { name: string }) => name)).toContain('rnn.weight_hh_l1_reverse');
      }
      expect(io.stderr()).toMatch(/gradients at step 4: most \S+ \d\.\d\de-\d, least/);
    },
  );
});
