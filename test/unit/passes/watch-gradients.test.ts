/** Programs that keep their gradients read back from their text, and change nothing else. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { lowerAndOptimize } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { equalGraphs } from '../../../src/ir/equal.ts';
import { parseGraph } from '../../../src/ir/parse.ts';
import { printGraph } from '../../../src/ir/print.ts';

const model = path.resolve(import.meta.dirname, '../../training/small.lm');

function compile(watchGradients: boolean, accumulate: number) {
  const options = { set: new Map<string, string>(), task: new Map([['accumulate', String(accumulate)]]) };
  const optimized = lowerAndOptimize(model, createDiskHost(), { ...options, batchSize: 4 }, new Reporter(), {
    purpose: 'training',
    watchGradients,
  });
  if (optimized === undefined) throw new Error('it does not compile');
  return optimized.graphs;
}

it.each([
  [1, 'train'],
  [3, 'update'],
] as const)('steps of %i batches keep them in the program `%s`', (accumulate, where) => {
  const watched = compile(true, accumulate);
  for (const [name, graph] of Object.entries(watched)) {
    const states = graph.states.filter(({ role }) => role === 'watch').map((state) => state.name);
    const parameters = [
      'hidden.weight',
      'hidden.bias',
      'norm.weight',
      'norm.bias',
      'head.weight',
      'head.bias',
    ];
    expect(states).toEqual(name === where ? parameters.map((parameter) => `gradient/${parameter}`) : []);
    expect(graph.updates.filter(({ state }) => state.startsWith('gradient/'))).toHaveLength(states.length);
    expect(equalGraphs(parseGraph(printGraph(graph)), graph)).toBe(true);
  }
  const plain = compile(false, accumulate);
  for (const graph of Object.values(plain))
    expect(graph.states.some(({ role }) => role === 'watch')).toBe(false);
});
