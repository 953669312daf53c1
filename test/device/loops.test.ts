/**
 * Training steps of cells that users write, on the device against the oracle: with all the buffers that it has, and
 * with eight, where most temporaries lie in packs.
 */
import path from 'node:path';
import { describe, test } from 'vitest';
import { createDiskHost } from '../../src/cli/source-host.ts';
import { lowerAndOptimize, type OptimizedModel } from '../../src/compile.ts';
import type { Target } from '../../src/codegen/index.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import { randomTensor } from '../unit/ops/support.ts';
import { compareOnDevice, gpuTarget, sampled, targets, testDevice } from './run-graph.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const cells: readonly (readonly [file: string, settings: Readonly<Record<string, string>>])[] = [
  ['test/device/cells/peephole_lstm.lm', {}],
  ['test/device/cells/multiplicative_lstm.lm', {}],
  ['test/device/cells/crf_tagger.lm', {}],
  ['models/layer_norm_lstm.lm', { vocab_size: '11', embedding_dim: '5', hidden_dim: '9', dropout: '0' }],
  ['models/layer_norm_lstm.lm', { vocab_size: '11', embedding_dim: '5', hidden_dim: '8', dropout: '0' }],
];

const fewBuffers = (storageBuffers: number): readonly [string, () => Promise<Target>] => [
  `the device's kernels with ${storageBuffers} buffers`,
  async () => ({ ...(await testDevice()).facts, storageBuffers }),
];

function optimize(file: string, settings: Readonly<Record<string, string>>): OptimizedModel {
  const reporter = new Reporter();
  const task = new Map([['optim', 'sgd{lr=0.1}']]);
  const optimized = lowerAndOptimize(
    path.join(root, file),
    createDiskHost(),
    { set: new Map(Object.entries(settings)), task, batchSize: 40 },
    reporter,
  );
  if (optimized === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  return optimized;
}

describe.each([...targets, fewBuffers(8), gpuTarget])('%s', (target, findTarget) => {
  // Software adapters compile a GPU's kernels for minutes.
  describe.each(target === gpuTarget[0] ? cells.slice(0, 1) : cells)('%s', (file, settings) => {
    test.each(sampled([[1, 1] as const, [3, 7] as const, [17, 4] as const, [40, 5] as const]))(
      'batch %i, seq %i',
      async (batch, seq) => {
        const graph = optimize(file, settings).graphs.train;
        if (graph === undefined) throw new Error('there is no training program');
        const sizes = new Map([
          ['batch', batch],
          ['seq', seq],
        ]);
        const inputs = graph.inputs.flatMap(({ name, role, value }, at) => {
          if (role === 'host') return [];
          const { dtype, shape, data } = randomTensor(value.type, sizes, at, [-1, 1]);
          // Rows of every length, and tags and labels that BIO allows everywhere.
          const filled =
            name === 'lengths'
              ? data.map((__, row) => 1 + (row % seq))
              : dtype === 'i32'
                ? data.map((__, place) => (place % 3 === 0 ? 1 : 0))
                : data;
          return [[name, { dtype, shape, data: filled }] as const];
        });
        const states = graph.states.map(
          ({ name, value }, at) => [name, randomTensor(value.type, sizes, 50 + at, [-0.4, 0.4])] as const,
        );
        const data = { sizes, inputs: new Map(inputs), states: new Map(states) };
        await compareOnDevice(graph, data, await findTarget(), { terms: 600, absolute: 1e-4 });
      },
      300_000,
    );
  });
});
