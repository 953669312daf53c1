/** The LSTM classifier's training step as kernels: how many launches, and the same numbers as the graph. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Step } from '../../../src/ir/kernel.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { classifier, small } from '../passes/classifier.ts';
import { randomGraph, sizes as randomSizes } from '../passes/random-graph.ts';
import { compareFused } from './compare.ts';

const sizes = new Map([
  ['batch', 3],
  ['seq', 4],
]);

function launchesIn(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === 'loop' ? launchesIn(step.steps) : 1), 0);
}

describe('the classifier', () => {
  test('has one launch a step and direction, both ways', () => {
    const program = compareFused(runPasses(classifier()), { sizes });
    const loops = program.steps.flatMap((step) => (step.kind === 'loop' ? [launchesIn(step.steps)] : []));
    expect(loops).toEqual([2, 2, 2, 2]);
    expect(program.steps.length - loops.length).toBeLessThanOrEqual(46);
  });

  test('keeps the history of a carry once', () => {
    const program = compareFused(runPasses(classifier()), { sizes });
    const histories = program.slots.filter((slot) => slot.name.includes('history'));
    // h and c of four directions, and the gradient of the gates of each, which is the gradient of what they start from.
    expect(histories).toHaveLength(12);
  });

  test.each([
    { ...small, layers: 1, directions: 1 as const },
    { ...small, layers: 3, dropout: false },
    {
      ...small,
      optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 0.1, dampening: 0, nesterov: true } as const,
    },
  ])('computes the same: %o', (model) => {
    compareFused(runPasses({ ...classifier(model) }), { sizes });
  });

  test('computes the same with clipping', () => {
    const graph = classifier();
    const { training } = graph;
    if (training === undefined) throw new Error('no training');
    compareFused(runPasses({ ...graph, training: { ...training, clipNorm: 0.1 } }), { sizes });
  });
});

test('generated graphs, optimised or not', { timeout: 600_000 }, () => {
  const count = Number(process.env['LMC_GRAPHS'] ?? (process.env['LMC_QUICK'] === '1' ? 30 : 150));
  const tapes = fc.array(fc.nat(10_000), { minLength: 30, maxLength: 260, size: 'max' });
  fc.assert(
    fc.property(tapes, fc.boolean(), (tape, optimised) => {
      const disable = new Set(optimised ? [] : ['simplify', 'cse', 'dead-code', 'hoist', 'sink', 'rotate']);
      compareFused(runPasses(randomGraph(tape, { smooth: true }), { disable }), { sizes: randomSizes });
    }),
    { numRuns: count, endOnFailure: process.env['LMC_SHRINK'] !== '1' },
  );
});
