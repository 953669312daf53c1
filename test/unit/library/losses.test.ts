/** Losses and regularisers against PyTorch's values and gradients (test/training/losses.py). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Float64Tensor } from '../../../src/ops/evaluate.ts';
import { lowerText } from '../lower/support.ts';
import { training } from './support.ts';

const file = path.join(import.meta.dirname, '..', '..', 'training', 'losses.json');
const cases = z
  .array(z.object({ loss: z.string(), values: z.array(z.number()), gradient: z.array(z.number()) }))
  .parse(JSON.parse(readFileSync(file, 'utf8')));

const table = (element: (at: number) => number): Float64Tensor => ({
  dtype: 'f32',
  shape: [6, 5],
  data: Float64Array.from({ length: 30 }, (_, at) => element(at)),
});
const rows = (data: readonly number[]): Float64Tensor => ({
  dtype: 'i32',
  shape: [6],
  data: Float64Array.from(data),
});

const scores = table((at) => 2 * Math.sin(1.3 * at) + 0.01 * at);
const other = table((at) => Math.cos(0.7 * at));
const sums = Array.from({ length: 6 }, (_, row) =>
  other.data.slice(5 * row, 5 * row + 5).reduce((sum, x) => sum + Math.exp(x), 0),
);
const share = table((at) => Math.exp(other.data[at] ?? 0) / (sums[Math.floor(at / 5)] ?? 1));
const yes = table((at) => ((other.data[at] ?? 0) > 0 ? 1 : 0));
const inputs = { other, share, yes, labels: rows([0, 3, 4, -100, 1, 3]), used: rows([0, 3, 4, 2, 1, 3]) };

const program = (loss: string): string => `
model Scores(zero: f32[6, 5]) -> f32[6, 5] {
  param scores: f32[6, 5] = 0
  return scores + zero
}

task fit for Scores {
${Object.entries(inputs)
  .filter(([name]) => new RegExp(`\\b${name}\\b`).test(loss))
  .map(([name, { dtype, shape }]) => `  target ${name}: ${dtype}[${shape.join(', ')}]`)
  .join('\n')}
  loss  = ${loss}
  optim = sgd{}
}
`;
const given = { ...inputs, zero: table(() => 0) };

describe.each(cases)('$loss', ({ loss, values, gradient }) => {
  const called = loss.replaceAll(/\bscores\b(?!")/g, 'output');

  it('has the value and the gradient of PyTorch', () => {
    const scalar = training(program(values.length === 1 ? called : `sum(${called})`));
    const total = values.reduce((sum, value) => sum + value, 0);
    expect(scalar.lossOf(given, { scores })).toBeCloseTo(total, 9);
    const found = scalar.gradients(given, { scores }).get('scores')?.data ?? [];
    gradient.forEach((value, at) => expect(found[at], `gradient ${at}`).toBeCloseTo(value, 9));
  });

  it.runIf(values.length > 1)('has the elements of PyTorch', () => {
    values.forEach((value, at) => {
      const where = values.length === 6 ? `[${at}]` : `[${Math.floor(at / 5)}, ${at % 5}]`;
      const one = training(program(`sum((${called})${where})`));
      expect(one.lossOf(given, { scores })).toBeCloseTo(value, 9);
    });
  });
});

it.each([
  ['cross_entropy(output, used, weight=[1, 2])', 'LM0302'],
  ['huber(output, other, delta=0)', 'LM0302'],
  ['mse(output, other) + l2("score")', 'LM0201'],
  ['mse(output, other) + l2(3)', 'LM0302'],
])('%s is refused', (loss, code) => {
  const { diagnostics } = lowerText(program(loss));
  expect([...new Set(diagnostics.map((each) => each.code))]).toEqual([code]);
});

it('has the gradient of softplus where x is 0', () => {
  const found = training(program('sum(softplus(output))')).gradients(given, { scores }).get('scores');
  expect(found?.data[0]).toBeCloseTo(0.5, 12);
});
