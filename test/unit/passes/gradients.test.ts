/** Gradients of whole graphs against finite differences in float64. */
import fc from 'fast-check';
import { test } from 'vitest';
import type { Graph } from '../../../src/ir/graph.ts';
import type { GraphBindings } from '../../../src/ops/evaluate.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { classifier, small } from './classifier.ts';
import { randomGraph, sizes } from './random-graph.ts';
import { bindingsOf, runGraph } from './run-graph.ts';

const count = Number(process.env['LMC_GRAPHS'] ?? (process.env['LMC_QUICK'] === '1' ? 40 : 200));

/** (f(x + h) − f(x − h)) / 2h, and the same with half the step: where they differ, h is not small enough to judge by. */
function finiteDifference(
  graph: Graph,
  bindings: GraphBindings,
  state: string,
  at: number,
  h: number,
): number {
  const lossAt = (offset: number): number => {
    const tensor = bindings.states.get(state);
    if (tensor === undefined) throw new Error(`no state ${state}`);
    const data = tensor.data.slice();
    data[at] = (data[at] ?? 0) + offset;
    const states = new Map([...bindings.states, [state, { ...tensor, data }]]);
    return runGraph(graph, { ...bindings, states }).outputs.get('loss')?.data[0] ?? Number.NaN;
  };
  return (lossAt(h) - lossAt(-h)) / (2 * h);
}

export function checkGradients(graph: Graph): void {
  const differentiated = runPasses(graph, { after: 'differentiate' });
  const bindings = bindingsOf(graph, sizes);
  const results = runGraph(differentiated, bindings);
  for (const { name, value } of graph.states) {
    const gradient = results.gradients.get(name);
    const size = bindings.states.get(name)?.data.length ?? 0;
    for (let at = 0; at < size; at++) {
      const analytic = gradient?.data[at] ?? 0;
      const numeric = finiteDifference(graph, bindings, name, at, 1e-6);
      const coarse = finiteDifference(graph, bindings, name, at, 1e-5);
      const noise = 1e-5 + 10 * Math.abs(numeric - coarse) + 1e-4 * Math.abs(numeric);
      if (!(Math.abs(analytic - numeric) <= noise))
        throw new Error(
          `${name}[${at}] of ${value.type.dtype}: ${analytic}, and finite differences give ${numeric}`,
        );
    }
  }
}

test('generated graphs', { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.array(fc.nat(10_000), { minLength: 30, maxLength: 260, size: 'max' }), (tape) => {
      const graph = randomGraph(
        tape.map((choice) => choice),
        { smooth: true },
      );
      checkGradients(withoutStops(graph));
    }),
    { numRuns: count, endOnFailure: process.env['LMC_SHRINK'] !== '1' },
  );
});

/** A stopped gradient is not what finite differences see. */
function withoutStops(graph: Graph): Graph {
  const strip = (nodes: Graph['nodes']): Graph['nodes'] =>
    nodes.map((node) => ({
      ...node,
      ...(node.op === 'stop-gradient' ? { op: 'neg' as const } : {}),
      ...(node.region === undefined ? {} : { region: { ...node.region, nodes: strip(node.region.nodes) } }),
    })) as Graph['nodes'];
  return { ...graph, nodes: strip(graph.nodes) };
}

test.each([{ ...small }, { ...small, layers: 1, directions: 1 as const, dropout: false }])(
  'a masked LSTM classifier: $layers layers, $directions directions',
  (model) => {
    checkGradients(classifier(model));
  },
);
