/** Kernels that fusion makes of whole layers, on the device against the oracle. */
import { describe, test } from 'vitest';
import { randomTensor } from '../unit/ops/support.ts';
import { crossEntropy, dense, joined, lstm } from '../unit/fuse/graphs.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { compareOnDevice } from './run-graph.ts';

const graphs: readonly (readonly [string, Graph])[] = [
  ['dense', dense()],
  ['cross-entropy', crossEntropy()],
  ['lstm', lstm(false)],
  ['lstm, reversed', lstm(true, 7)],
  ['lstm, wide', lstm(false, 33)],
  ['joined', joined()],
];

describe.each(graphs)('%s', (_, graph) => {
  test.each([
    [1, 1],
    [3, 4],
    [7, 13],
    [16, 2],
    [64, 17],
  ])('batch %i, seq %i', async (batch, seq) => {
    const sizes = new Map([
      ['batch', batch],
      ['seq', seq],
    ]);
    const inputs = graph.inputs.map(
      ({ name, value }, at) => [name, randomTensor(value.type, sizes, at)] as const,
    );
    const states = graph.states.map(
      ({ name, value }, at) => [name, randomTensor(value.type, sizes, 50 + at, [-0.3, 0.3])] as const,
    );
    await compareOnDevice(graph, { sizes, inputs: new Map(inputs), states: new Map(states) }, { terms: 600 });
  });
});
