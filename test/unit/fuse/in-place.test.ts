/** States of which only a part is stored: how much is stored, and in which order with those who read. */
import { expect, test } from 'vitest';
import type { GraphBuilder } from '../../../src/ir/builder.ts';
import { addDims, printDim, type Dim } from '../../../src/ir/dim.ts';
import type { Graph, Value } from '../../../src/ir/graph.ts';
import type { KernelProgram } from '../../../src/ir/kernel.ts';
import { compareFused } from './compare.ts';
import { batch, graphOf, n, seq, sizes, value } from './graphs.ts';

/** The spaces of the launches that write to a state. */
function spacesOf(program: KernelProgram, state: string): readonly string[] {
  return program.steps.flatMap((step) => {
    if (step.kind !== 'launch' || step.kernel.kind !== 'loops') return [];
    const { operands, space, axes } = step.kernel;
    const writes = operands.some(({ name, access }) => name === state && access !== 'read');
    return writes ? [space.map((axis) => printDim(axes[axis]?.extent ?? n(0))).join(' ')] : [];
  });
}

const past: Dim = addDims(seq, n(-1));

interface Appended {
  readonly cache: Value;
  readonly x: Value;
  /** The state with a row of x for each of the batch behind those before. */
  readonly whole: Value;
}

/** cache f32[4, 2, 9] and x f32[batch, 2, 1]; `outputs` may read any of them. */
function appended(outputs: (b: GraphBuilder, values: Appended) => Readonly<Record<string, Value>>): Graph {
  return graphOf((b) => {
    const [cache, x] = [value('cache', 'f32', 4, 2, 9), value('x', 'f32', batch, 2, 1)];
    const added = b.emit('tanh', [x], {});
    const whole = b.emit('update-slice', [cache, added], { starts: [n(0), n(0), past] });
    return {
      inputs: [x],
      states: [cache],
      outputs: outputs(b, { cache, x, whole }),
      updates: { cache: whole },
    };
  });
}

test('only the new part is stored, before it is read', () => {
  const graph = appended((b, { whole }) => {
    const rows = b.emit('slice', [whole], { axis: 0, start: n(0), length: batch });
    const front = b.emit('slice', [rows], { axis: 2, start: n(0), length: seq });
    return { y: b.sum(front, [2]) };
  });
  expect(spacesOf(compareFused(graph, { sizes }), 'cache')).toEqual(['batch 2']);
});

test('who reads the old state does so before', () => {
  const graph = appended((b, { cache, whole }) => ({ before: b.sum(cache, [2]), after: b.sum(whole, [2]) }));
  expect(spacesOf(compareFused(graph, { sizes }), 'cache')).toEqual(['batch 2']);
});

test('what reads both is no reason to lose the old state', () => {
  const graph = appended((b, { cache, whole }) => ({
    change: b.sum(b.emit('sub', [whole, cache], {}), [2]),
  }));
  // All of it is stored, row by row, after the row's difference was taken.
  expect(spacesOf(compareFused(graph, { sizes }), 'cache')).toEqual(['4 2']);
});

test('rows move within a state by way of other memory', () => {
  const graph = graphOf((b) => {
    const [cache, parents] = [value('cache', 'f32', 5, 3), value('parents', 'i32', batch)];
    const moved = b.emit('gather', [cache, parents], {});
    const whole = b.emit('update-slice', [cache, moved], { starts: [n(0), n(0)] });
    return { inputs: [parents], states: [cache], outputs: {}, updates: { cache: whole } };
  });
  for (const seed of [1, 2, 3]) {
    const program = compareFused(graph, { sizes, seed });
    expect(spacesOf(program, 'cache')).toEqual(['batch 3']);
    expect(program.steps).toHaveLength(2);
  }
});

test('an update that is no state is a tensor of its own', () => {
  const graph = graphOf((b) => {
    const [x, part] = [value('x', 'f32', 4, 6), value('part', 'f32', batch, 2)];
    const whole = b.emit('update-slice', [x, part], { starts: [n(1), past] });
    return { inputs: [x, part], outputs: { y: whole, twice: b.sum(whole, [0]) } };
  });
  compareFused(graph, { sizes });
});

test('a state that another state becomes is not stored in its place', () => {
  const graph = graphOf((b) => {
    const [first, second, part] = [
      value('first', 'f32', 4, 2),
      value('second', 'f32', 4, 2),
      value('part', 'f32', batch, 2),
    ];
    const whole = b.emit('update-slice', [first, part], { starts: [n(0), n(0)] });
    return { inputs: [part], states: [first, second], outputs: {}, updates: { second: whole } };
  });
  expect(spacesOf(compareFused(graph, { sizes }), 'first')).toEqual([]);
});

test('rows of several large states are stored by one launch', () => {
  const graph = graphOf((b) => {
    const parents = value('parents', 'i32', batch);
    const states = ['keys', 'values'].map((name) => value(name, 'f32', 64, 2000));
    const updates = states.map((state) => {
      const moved = b.emit('gather', [state, parents], {});
      return [state.name ?? '', b.emit('update-slice', [state, moved], { starts: [n(0), n(0)] })] as const;
    });
    return { inputs: [parents], states, outputs: {}, updates: Object.fromEntries(updates) };
  });
  expect(compareFused(graph, { sizes }).steps).toHaveLength(2);
});
