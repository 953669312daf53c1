/** What the backward computes again is what the forward made: kernels give the same numbers either way, with less kept. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { generate, portableTarget } from '../../../src/codegen/index.ts';
import { lowerAndOptimize } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';
import { recomputeForward } from '../../../src/passes/fuse/recompute.ts';
import { bindingsOf, compareFused } from './compare.ts';

const models = path.resolve(import.meta.dirname, '../../../models');

function trainGraph(model: string, settings: Readonly<Record<string, string | number>>): Graph {
  const set = new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  const lowered = lowerAndOptimize(
    path.join(models, model),
    createDiskHost(),
    { set, task: new Map() },
    new Reporter(),
    { purpose: 'training' },
  );
  const graph = lowered?.graphs.train;
  if (graph === undefined) throw new Error('no training step');
  return graph;
}

function temporaryBytes(graph: Graph, recompute: boolean): number {
  const kernels = fuseGraph(graph, { storageBuffers: 8, recompute });
  const signature = { model: 'x', inputs: [], outputs: [] };
  const programs = [{ name: 'train' as const, kernels, graph }];
  const { plan } = generate({ name: 'x', programs, signature, target: portableTarget });
  return plan.buffers.reduce((sum, { role, bytes }) => sum + (role === 'arena' ? bytes : 0), 0);
}

const small = { n_layer: 3, n_embd: 64, n_head: 4, block_size: 32 };

test.each([
  ['gpt.lm', 'a product without a bias: the product is kept', 0.85],
  ['gpt2.lm', 'a sum with a bias: the sum is kept', 0.85],
] as const)('%s: %s', (model, _, most) => {
  const graph = trainGraph(model, { ...small, vocab_size: 67 });
  expect(temporaryBytes(graph, true)).toBeLessThan(most * temporaryBytes(graph, false));
});

test.each(['gpt.lm', 'gpt2.lm'])(
  '%s: kernels of the graph that recomputes all it can give the numbers of the graph that does not',
  (model) => {
    const graph = trainGraph(model, { n_layer: 2, n_embd: 8, n_head: 2, block_size: 5, vocab_size: 11 });
    const again = recomputeForward(graph, 2);
    expect(again).not.toBe(graph);
    const added = again.nodes.filter(({ origin }) => origin.derivation.includes('recomputed'));
    expect(added.length).toBeGreaterThan(0);
    expect(again.nodes.length).toBe(graph.nodes.length + added.length);
    const sizes = new Map([
      ['batch', 2],
      ['seq', 4],
    ]);
    const bindings = bindingsOf(graph, { sizes });
    const [plain, remade] = [evaluateGraph(graph, bindings), evaluateGraph(again, bindings)];
    expect(plain.updates.size).toBeGreaterThan(0);
    for (const [name, value] of plain.updates) expect(remade.updates.get(name)).toEqual(value);
    compareFused(again, { sizes });
  },
);

test('a graph without a backward stays as it is', () => {
  const graph = trainGraph('gpt.lm', { ...small, vocab_size: 67 });
  const forward: Graph = { ...graph, nodes: graph.nodes.slice(0, 3), updates: [], outputs: [] };
  expect(recomputeForward(forward)).toBe(forward);
});

test('every use is after its definition, and draws are made once', () => {
  const graph = recomputeForward(trainGraph('gpt2.lm', { ...small, vocab_size: 67 }));
  const defined = new Set([...graph.inputs, ...graph.states].map(({ value }) => value));
  for (const { operands, results } of graph.nodes) {
    for (const operand of operands) expect(defined.has(operand)).toBe(true);
    for (const result of results) defined.add(result);
  }
  const streams = graph.nodes.flatMap((node) => (node.op === 'random' ? [node.attributes.stream] : []));
  expect(new Set(streams).size).toBe(streams.length);
});
