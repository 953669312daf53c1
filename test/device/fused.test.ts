/** Kernels that fusion makes of whole layers, on the device against the oracle. */
import { describe, test } from 'vitest';
import { randomTensor } from '../unit/ops/support.ts';
import { crossEntropy, dense, graphOf, joined, lstm, n, seq, batch, value } from '../unit/fuse/graphs.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { compareOnDevice, gpuTarget, sampled, targets } from './run-graph.ts';

/** Products over every kind of layout: [rows, k] or [k, rows], [columns, k] or [k, columns]. */
function product(rowsFirst: boolean, columnsFirst: boolean, rows: number, columns: number, k: number): Graph {
  return graphOf((b) => {
    const x = value('x', 'f32', ...(rowsFirst ? [rows, k] : [k, rows]));
    const w = value('w', 'f32', ...(columnsFirst ? [columns, k] : [k, columns]));
    const y = b.emit('dot', [x, w], { batch: [], contract: [[rowsFirst ? 1 : 0, columnsFirst ? 1 : 0]] });
    return { inputs: [x, w], outputs: { y } };
  });
}

/** Sums, maxima and argmax of few long rows and of many; one sum of everything; a softmax. */
function reductions(): Graph {
  return graphOf((b) => {
    const x = value('x', 'f32', batch, seq, 300);
    const rows = b.emit('reduce', [x], { combine: 'max', axes: [2] });
    const columns = b.sum(x, [0, 1]);
    const total = b.sum(b.emit('mul', [x, x], {}), [0, 1, 2]);
    const best = b.emit('argmax', [x], { axis: 2 });
    const shifted = b.emit(
      'exp',
      [b.emit('sub', [x, b.broadcast(rows, [batch, seq, n(300)], [0, 1])], {})],
      {},
    );
    const scale = b.broadcast(b.sum(shifted, [2]), [batch, seq, n(300)], [0, 1]);
    const softmax = b.emit('div', [shifted, scale], {});
    return { inputs: [x], outputs: { rows, columns, norm: b.emit('sqrt', [total], {}), best, softmax } };
  });
}

/** One head's scores for each of a batch, and the gradient of a weight: sums over two runtime axes. */
function batched(): Graph {
  return graphOf((b) => {
    const [q, k] = [value('q', 'f32', batch, 3, seq, 5), value('k', 'f32', batch, 3, seq, 5)];
    const scores = b.emit('dot', [q, k], {
      batch: [
        [0, 0],
        [1, 1],
      ],
      contract: [[3, 3]],
    });
    const weight = b.emit('dot', [q, k], {
      batch: [],
      contract: [
        [0, 0],
        [2, 2],
      ],
    });
    return { inputs: [q, k], outputs: { scores, weight, half: b.emit('mul', [scores, scores], {}) } };
  });
}

const graphs: readonly (readonly [string, Graph])[] = [
  ['dense', dense()],
  ['cross-entropy', crossEntropy()],
  ['lstm', lstm(false)],
  ['lstm, reversed', lstm(true, 7)],
  ['lstm, wide', lstm(false, 33)],
  ['joined', joined()],
  ['batched', batched()],
  ['reductions', reductions()],
];

describe.each([...targets, gpuTarget])('%s', (_target, findTarget) => {
  describe.each(graphs)('%s', (_, graph) => {
    test.each(
      sampled([[1, 1] as const, [7, 13] as const, [3, 4] as const, [16, 2] as const, [64, 17] as const]),
    )('batch %i, seq %i', async (rows, length) => {
      const sizes = new Map([
        ['batch', rows],
        ['seq', length],
      ]);
      const inputs = graph.inputs.map(
        ({ name, value: input }, at) => [name, randomTensor(input.type, sizes, at)] as const,
      );
      const states = graph.states.map(
        ({ name, value: state }, at) =>
          [name, randomTensor(state.type, sizes, 50 + at, [-0.3, 0.3])] as const,
      );
      const data = { sizes, inputs: new Map(inputs), states: new Map(states) };
      await compareOnDevice(graph, data, await findTarget(), { terms: 600, absolute: 1e-4 });
    });
  });

  describe.each(
    sampled([
      [1, 1, 1] as const,
      [15, 63, 31] as const,
      [16, 64, 32] as const,
      [17, 65, 33] as const,
      [20, 24, 1100] as const,
      [127, 131, 37] as const,
      [130, 7, 300] as const,
    ]),
  )('product of %i × %i, %i terms', (rows, columns, terms) => {
    test.each([
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ])('rows first %s, columns first %s', async (rowsFirst, columnsFirst) => {
      const graph = product(rowsFirst, columnsFirst, rows, columns, terms);
      const sizes = new Map<string, number>();
      const inputs = graph.inputs.map(
        ({ name, value: input }, at) => [name, randomTensor(input.type, sizes, at, [-1, 1])] as const,
      );
      await compareOnDevice(
        graph,
        {
          sizes: new Map([
            ['batch', 1],
            ['seq', 1],
          ]),
          inputs: new Map(inputs),
        },
        await findTarget(),
        { terms },
      );
    });
  });
});
