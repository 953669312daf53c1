/** Segments that are computed again: the same step, in less memory, for a share of the work more. */
import { describe, expect, it } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { chooseRecompute, withRecompute } from '../../../src/codegen/choose-recompute.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import { evaluateGraph, type Float64Tensor } from '../../../src/ops/evaluate.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';
import { orderForMemory } from '../../../src/passes/fuse/order-for-memory.ts';

function lower(file: string, settings: Readonly<Record<string, number>>): Graph {
  const options = {
    set: new Map(Object.entries(settings).map(([name, value]) => [name, String(value)])),
    task: new Map(),
  };
  const reporter = new Reporter();
  const train = lowerProgram(file, createDiskHost(), options, reporter)?.graphs.train;
  if (train === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  return train;
}

const small = { n_layer: 3, n_embd: 8, n_head: 2, vocab_size: 11, block_size: 6 };

/** One step in float64, from parameters and data that are the same for the same graph. */
function runStep(graph: Graph) {
  const sizes = new Map(graph.dims.map(({ name }) => [name, name === 'batch' ? 2 : 6]));
  const filled = (name: string, type: Graph['states'][number]['value']['type']): Float64Tensor => {
    const shape = type.shape.map(
      ({ terms }) => sizes.get(terms[0]?.symbols[0] ?? '') ?? terms[0]?.coefficient ?? 0,
    );
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float64Array.from({ length: count }, (_, at) =>
      type.dtype === 'i32' ? (at * 5 + name.length) % 11 : Math.sin(0.7 * at + name.length) / 2,
    );
    return { dtype: type.dtype, shape, data };
  };
  const named = (
    list: readonly { readonly name: string; readonly value: Graph['states'][number]['value'] }[],
  ) => new Map(list.map(({ name, value }) => [name, filled(name, value.type)]));
  const states = named(
    graph.states.map((state) => (state.role === 'parameter' ? state : { ...state, name: '' })),
  );
  for (const { name, role, value } of graph.states)
    if (role !== 'parameter') {
      const { shape, dtype, data } = filled('', value.type);
      states.set(name, { dtype, shape, data: data.map(() => 0) });
    }
  return evaluateGraph(graph, {
    sizes,
    states,
    inputs: named(graph.inputs.filter(({ role }) => role === 'data')),
    host: hostNumbers(graph, { step: 3, lr: 0.01 }),
    seed: 5,
    step: 3,
  });
}

describe('a step that computes activations again', () => {
  it.each([
    ['models/gpt2.lm', { ...small, dropout: 0.2 }, 6],
    ['models/gpt2.lm', { ...small, dropout: 0.2 }, 100],
  ] as const)('of %s is the step that keeps them', (file, settings, recompute) => {
    const train = lower(file, settings);
    const kept = runStep(runPasses(train));
    const again = runPasses(withRecompute(train, recompute), { compare: true });
    expect(again.nodes.some(({ op }) => op === 'again')).toBe(true);
    const { outputs, updates } = runStep(again);
    for (const [name, { data }] of kept.outputs)
      expect(outputs.get(name)?.data[0]).toBeCloseTo(data[0] ?? 0, 12);
    expect([...updates.keys()].toSorted()).toEqual([...kept.updates.keys()].toSorted());
    for (const [name, { data }] of kept.updates)
      data.forEach((value, at) => expect(updates.get(name)?.data[at], name).toBeCloseTo(value, 10));
  });

  it('of 12 layers keeps less than half of the activations, for at most 40 % more work', () => {
    const choice = chooseRecompute(lower('models/gpt.lm', { n_layer: 12 }), undefined);
    expect(choice.recompute).toBe(choice.segments);
    expect(choice.with.activationBytes).toBeLessThan(0.5 * choice.without.activationBytes);
    expect(choice.with.flops).toBeLessThan(1.4 * choice.without.flops);
  }, 300_000);

  it('computes no more again than a limit needs', () => {
    const train = lower('models/gpt.lm', { n_layer: 4 });
    const all = chooseRecompute(train, undefined);
    const limit = Math.round((all.with.bytes + all.without.bytes) / 2);
    const some = chooseRecompute(train, limit);
    expect(some.with.bytes).toBeLessThanOrEqual(limit);
    expect(some.recompute).toBeGreaterThan(0);
    expect(some.with.flops).toBeLessThan(all.with.flops);
    const none = chooseRecompute(train, all.without.bytes);
    expect(none.recompute).toBe(0);
  }, 300_000);
});

it('an order of launches keeps reads and writes of a slot apart', () => {
  const graph = runPasses(withRecompute(lower('models/gpt.lm', small), 100));
  const program = fuseGraph(graph, { storageBuffers: 8, packBytes: 128 * 2 ** 20 });
  const ordered = orderForMemory(program);
  expect(ordered.steps).not.toEqual(program.steps);
  expect(new Set(ordered.steps)).toEqual(new Set(program.steps));
  // Of each slot, the accesses in order, with reads between two writes in any.
  const accesses = ({ steps }: typeof program): ReadonlyMap<number, readonly string[]> => {
    const found = new Map<number, string[]>();
    for (const step of steps) {
      if (step.kind === 'loop') throw new Error('this program has no loop');
      step.slots.forEach((slot, at) => {
        const list = found.get(slot) ?? [''];
        found.set(slot, list);
        const number = program.steps.indexOf(step);
        if (step.kernel.operands[at]?.access === 'read')
          list[list.length - 1] = [...new Set(`${list.at(-1) ?? ''} r${number}`.split(' '))].toSorted().join(' '); // prettier-ignore
        else list.push(`w${number}`);
      });
    }
    return found;
  };
  expect(accesses(ordered)).toEqual(accesses(program));
});
