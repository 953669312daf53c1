/** How many launches a graph becomes, and that they compute what the oracle does. */
import { expect, test } from 'vitest';
import type { KernelProgram, LoopKernel, Step } from '../../../src/ir/kernel.ts';
import { compareFused } from './compare.ts';
import { batch, crossEntropy, dense, graphOf, joined, lstm, n, seq, sizes, value } from './graphs.ts';

/** Names of launches in order, loops in brackets. */
function shapeOf(steps: readonly Step[]): readonly unknown[] {
  return steps.map((step) => (step.kind === 'loop' ? shapeOf(step.steps) : step.kernel.kind));
}

function loopKernels(program: KernelProgram): readonly LoopKernel[] {
  const collect = (steps: readonly Step[]): LoopKernel[] =>
    steps.flatMap((step) => {
      if (step.kind === 'loop') return collect(step.steps);
      return step.kernel.kind === 'loops' ? [step.kernel] : [];
    });
  return collect(program.steps);
}

test('a dense layer is one kernel with an epilogue', () => {
  const program = compareFused(dense(), { sizes });
  expect(shapeOf(program.steps)).toEqual(['loops']);
  const [kernel] = loopKernels(program);
  expect(kernel?.stages.map((stage) => stage.kind)).toEqual(['reduce', 'map']);
  expect(program.slots.some((slot) => slot.role === 'temporary')).toBe(false);
});

test('cross-entropy and its gradient are one kernel over rows and a sum', () => {
  const program = compareFused(crossEntropy(), { sizes });
  expect(shapeOf(program.steps)).toEqual(['loops', 'loops']);
  const [rows] = loopKernels(program);
  expect(rows?.stages.map((stage) => stage.kind)).toEqual(['reduce', 'reduce', 'map', 'map']);
});

test.each([false, true])('a step of an LSTM is one launch (reversed: %s)', (reverse) => {
  const program = compareFused(lstm(reverse), { sizes });
  expect(shapeOf(program.steps)).toEqual(['loops', ['loops'], 'loops', 'loops']);
  const step = loopKernels(program)[1];
  const [reduce] = step?.stages ?? [];
  expect(reduce?.kind === 'reduce' && reduce.accumulators.length).toBe(4);
  // The histories that are stacked are the carries' own buffers.
  const named = program.slots.filter((slot) => slot.role === 'temporary').map((slot) => slot.name);
  expect(named.toSorted()).toEqual(['c_history', 'h_history']);
});

test('a concatenation is stores to its parts', () => {
  const program = compareFused(joined(), { sizes });
  const [first] = loopKernels(program);
  expect(shapeOf(program.steps)).toEqual(['loops', 'loops']);
  expect(first?.stages.flatMap((stage) => (stage.kind === 'map' ? stage.stores : []))).toHaveLength(4);
});

test('what a product reads is computed once', () => {
  const graph = graphOf((b) => {
    const [ids, table, w] = [
      value('ids', 'i32', batch),
      value('table', 'f32', 4, 5),
      value('w', 'f32', 5, 6),
    ];
    const dropped = b.emit(
      'mul',
      [b.emit('gather', [table, ids], {}), b.emit('random', [], { shape: [batch, n(5)], stream: 's' })],
      {},
    );
    return {
      inputs: [ids],
      states: [table, w],
      outputs: { y: b.emit('dot', [dropped, w], { batch: [], contract: [[1, 0]] }) },
    };
  });
  expect(shapeOf(compareFused(graph, { sizes }).steps)).toEqual(['loops', 'loops']);
});

test('a state is updated in place, after everything that reads it', () => {
  const graph = graphOf((b) => {
    const [w, x] = [value('w', 'f32', 3, 3), value('x', 'f32', 3, 3)];
    const next = b.emit('add', [w, x], {});
    const turned = b.emit('add', [b.transpose(w, [1, 0]), x], {});
    return { inputs: [x], states: [w], outputs: { turned, next }, updates: { w: next } };
  });
  const program = compareFused(graph, { sizes });
  expect(program.slots.filter((slot) => slot.role === 'temporary')).toEqual([]);
});

test('a state that is replaced by its own transpose goes through a buffer', () => {
  const graph = graphOf((b) => {
    const w = value('w', 'f32', 3, 3);
    const turned = b.emit('tanh', [b.transpose(w, [1, 0])], {});
    return { states: [w], outputs: { y: turned }, updates: { w: turned } };
  });
  compareFused(graph, { sizes });
});

test('two directions run in one loop', () => {
  const graph = graphOf((b) => {
    const x = value('x', 'f32', seq, batch);
    const zero = b.constant(0, 'f32', [batch]);
    const run = (reverse: boolean) => {
      const inner = b.nested();
      const [t, xt, h] = [value('t', 'i32'), value('xt', 'f32', batch), value('h', 'f32', batch)];
      const next = inner.emit('tanh', [inner.emit('add', [xt, h], {})], {});
      const region = { parameters: [t, xt, h], nodes: inner.nodes, results: [next, next, next] };
      return b.emitAll(
        'scan',
        [x, zero],
        { trip: seq, reverse, sequences: 1, carries: 1, stacks: 1 },
        { region },
      );
    };
    const [[h1, y1, s1], [h2, y2, s2]] = [run(false), run(true)];
    if (!h1 || !y1 || !s1 || !h2 || !y2 || !s2) throw new Error('a scan lost results');
    return { inputs: [x], outputs: { h1, y1, s1, h2, y2, s2 } };
  });
  const program = compareFused(graph, { sizes });
  expect(program.steps.filter((step) => step.kind === 'loop')).toHaveLength(1);
});

test('a limit on bindings splits kernels', () => {
  const graph = graphOf((b) => {
    const inputs = [0, 1, 2, 3, 4, 5].map((at) => value(`x${at}`, 'f32', batch, 3));
    const y = inputs.reduce((sum, each) => b.emit('add', [sum, each], {}));
    return { inputs, outputs: { y } };
  });
  expect(loopKernels(compareFused(graph, { sizes, storageBuffers: 8 }))).toHaveLength(1);
  const split = loopKernels(compareFused(graph, { sizes, storageBuffers: 4 }));
  expect(split.length).toBeGreaterThan(1);
  for (const kernel of split) expect(kernel.operands.length).toBeLessThanOrEqual(4);
});

test('a concatenation that a scan stacks is stored in place, and read from there', () => {
  const graph = graphOf((b) => {
    const [x, w] = [value('x', 'f32', seq, batch, 3), value('w', 'f32', 6, 3)];
    const inner = b.nested();
    const [t, xt, h] = [value('t', 'i32'), value('xt', 'f32', batch, 3), value('h', 'f32', batch, 3)];
    const wt = value('wt', 'f32', 6, 3);
    const sum = inner.emit('add', [xt, h], {});
    const parts = [inner.emit('tanh', [sum], {}), inner.emit('sigmoid', [sum], {})];
    const gates = inner.emit('concat', parts, { axis: 1 });
    const next = inner.emit('dot', [gates, wt], { batch: [], contract: [[1, 0]] });
    const region = { parameters: [t, xt, h, wt], nodes: inner.nodes, results: [next, gates] };
    const [last, stacked] = b.emitAll(
      'scan',
      [x, b.constant(0, 'f32', [batch, n(3)]), w],
      { trip: seq, reverse: false, sequences: 1, carries: 1, stacks: 1 },
      { region },
    );
    if (!last || !stacked) throw new Error('a scan lost results');
    return { inputs: [x], states: [w], outputs: { last, stacked } };
  });
  const program = compareFused(graph, { sizes });
  const loop = program.steps.find((step) => step.kind === 'loop');
  expect(loop?.kind === 'loop' && loop.steps.length).toBe(2);
});

test('a product that is shifted reads nothing outside of its operands', () => {
  const graph = graphOf((b) => {
    const [x, w, y] = [value('x', 'f32', batch, 5), value('w', 'f32', 7, 5), value('y', 'f32', batch, 7)];
    const product = b.emit('dot', [x, w], { batch: [], contract: [[1, 1]] });
    const part = b.emit('slice', [product], { axis: 1, start: n(0), length: n(6) });
    const padded = b.emit('pad', [part], { axis: 1, before: n(1), after: n(0) });
    return { inputs: [x, y], states: [w], outputs: { z: b.emit('add', [padded, y], {}) } };
  });
  compareFused(graph, { sizes });
});
