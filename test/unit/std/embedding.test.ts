/** The gradient of an embedding's table against PyTorch's, which embedding.py wrote: lookups of padding give none. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPasses } from '../../../src/passes/driver.ts';
import { lowerClean } from '../lower/support.ts';
import { runGraph } from '../passes/run-graph.ts';

const figures = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'embedding.json'), 'utf8'),
) as Readonly<Record<string, readonly number[]>>;

const i32 = (data: readonly number[]) => ({
  dtype: 'i32' as const,
  shape: [2, 4],
  data: Float64Array.from(data),
});

function gradientOf(settings: string, result: string): readonly number[] {
  const { graphs } = lowerClean(`import nn
dim batch
dim seq <= 8
model M(ids: i32[batch, seq]) -> f32[batch, seq, 5] {
  embedding = Embedding{${settings}}
  return ${result}
}
task t for M {
  target labels: i32[batch, seq]
  loss  = cross_entropy(output, labels)
  optim = sgd{lr=1}
}`);
  if (graphs.train === undefined) throw new Error('the task has no program to train');
  const table = Float64Array.from({ length: 25 }, (_, at) => Math.sin(0.37 * at) / 2);
  const { gradients } = runGraph(runPasses(graphs.train, { after: 'differentiate' }), {
    sizes: new Map([
      ['batch', 2],
      ['seq', 4],
    ]),
    inputs: new Map([
      ['ids', i32([1, 0, 4, 1, 2, 1, 1, 4])],
      ['labels', i32([0, 1, 2, 3, 4, 3, 1, 0])],
    ]),
    states: new Map([['embedding.weight', { dtype: 'f32', shape: [5, 5], data: table }]]),
    host: new Map(),
    seed: 1,
    step: 1,
  });
  return [...(gradients.get('embedding.weight')?.data ?? [])];
}

describe('PyTorch agrees on the gradient of a table', () => {
  it.each(Object.entries(figures))('%s', (name, expected) => {
    const settings = name.startsWith('padding') ? '5, 5, padding_idx=1' : '5, 5';
    const found = gradientOf(settings, name.endsWith('tied') ? 'embedding(ids) @ embedding.weight.T' : 'embedding(ids)'); // prettier-ignore
    expect(found.length).toBe(expected.length);
    expected.forEach((value, at) => expect(Math.abs((found[at] ?? Number.NaN) - value)).toBeLessThan(1e-10));
  });

  it('the row of padding alone makes the difference', () => {
    const [all, padded] = [figures['no padding, alone'] ?? [], figures['padding, alone'] ?? []];
    const differ = all.flatMap((value, at) => (value === padded[at] ? [] : [at]));
    expect(differ).toEqual([5, 6, 7, 8, 9]);
  });
});
