/** NaN put into the result of every op of whole training programs: the trace names that op, wherever the NaN reaches. */
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { initialValues } from '../../../runtime/initialize.ts';
import { madeUpBatch } from '../../../runtime/made-up-batch.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { portableTarget } from '../../../src/codegen/target.ts';
import { generateModel, lowerAndOptimize } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { Graph, Node } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import type { GraphBindings } from '../../../src/ops/evaluate.ts';
import { traceNonFinite } from '../../../src/ops/trace-non-finite.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** The training program of a model, at sizes of three rows and five positions. */
function prepare(file: string, set: Readonly<Record<string, string>>) {
  const reporter = new Reporter();
  const options = { set: new Map(Object.entries(set)), task: new Map([['clip_norm', '1.0']]), batchSize: 4 };
  const optimized = lowerAndOptimize(path.join(root, file), createDiskHost(), options, reporter, {
    purpose: 'training',
  });
  const graph = optimized?.graphs.train;
  if (optimized === undefined || graph === undefined) throw new Error(JSON.stringify(reporter.diagnostics));
  const { plan } = generateModel(optimized, portableTarget).generated;
  const sizes = new Map(
    graph.dims.map(({ name, bound }) => [name, Math.min(bound, name === 'batch' ? 3 : 5)]),
  );
  const batch = madeUpBatch(plan, Object.fromEntries(sizes));
  const bind = (
    tensor: { shape: readonly number[]; data: ArrayLike<number> },
    dtype: Float64Tensor['dtype'],
  ) => ({
    dtype,
    shape: tensor.shape,
    data: Float64Array.from(tensor.data),
  });
  const bindings: GraphBindings = {
    sizes,
    inputs: new Map(
      graph.inputs.flatMap(({ name, role, value }) => {
        const tensor = batch[name];
        return role === 'data' && tensor !== undefined ? [[name, bind(tensor, value.type.dtype)]] : [];
      }),
    ),
    states: new Map(
      graph.states.map(({ name, value, initializer }) => {
        const shape = value.type.shape.map((dim) => evaluateDim(dim, new Map()));
        return [name, bind({ shape, data: initialValues(initializer, shape, 1, name) }, value.type.dtype)];
      }),
    ),
    host: hostNumbers(graph, { step: 1, lr: 0.01 }),
    seed: 1,
    step: 1,
  };
  return { graph, bindings };
}

function nodesOf(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap((node) => [node, ...nodesOf(node.region?.nodes ?? [])]);
}

/** Ops whose results hold f32 numbers that somebody computes. */
function targets(graph: Graph): readonly Node[] {
  return nodesOf(graph.nodes).filter(
    (node) => node.op !== 'constant' && node.op !== 'scan' && node.results[0]?.type.dtype === 'f32',
  );
}

function inject(target: Node, value: number) {
  return (node: Node, [result]: readonly Float64Tensor[]): void => {
    if (node === target && result !== undefined && result.data.length > 0) result.data[0] = value;
  };
}

const models: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['models/text_classifier.lm', { vocab_size: '20', embedding_dim: '4', hidden_dim: '3', dropout: '0.2' }],
  ['models/gpt.lm', { n_layer: '2', n_head: '2', n_embd: '8', block_size: '8' }],
  ['models/min_gru.lm', { vocab_size: '20', embedding_dim: '4', hidden_dim: '3' }],
];
/** Every how many ops: all of them in a long run. */
const stride = process.env['LMC_QUICK'] === '1' ? 9 : 1;

describe.each(models)('in %s', (file, set) => {
  const { graph, bindings } = prepare(file, set);

  it('nothing is found where all is finite', () => {
    expect(traceNonFinite(graph, bindings)).toBeUndefined();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%f is traced to the op that it was put into', (value) => {
    const all = targets(graph).filter((_, at) => at % stride === 0);
    let reached = 0;
    for (const target of all) {
      const found = traceNonFinite(graph, bindings, inject(target, value));
      // What a mask or a comparison hides reaches nobody, and is nobody's fault.
      if (found === undefined) continue;
      reached++;
      expect(found).toMatchObject({ kind: 'node', at: { value } });
      if (found.kind === 'node' && found.node !== target)
        throw new Error(`put into ${describeNode(target)}, and ${describeNode(found.node)} was named`);
    }
    // The text of the failure says how many ops were tried.
    expect(reached / all.length, `${reached} of ${all.length}`).toBeGreaterThan(0.5);
    process.stdout.write(
      `${file}: ${value} put into ${all.length} ops, ${reached} reach the step's results\n`,
    );
  });
});

function describeNode({ op, origin }: Node): string {
  return `${op} of ${origin.span.file}:${origin.span.start.line} (${origin.derivation.join(', ')})`;
}

describe('what goes in', () => {
  const { graph, bindings } = prepare('models/text_classifier.lm', {
    vocab_size: '20',
    embedding_dim: '4',
    hidden_dim: '3',
  });

  it('is named where it is not finite itself', () => {
    const weight = bindings.states.get('fc.weight');
    if (weight === undefined) throw new Error('no such state');
    const data = Float64Array.from(weight.data);
    data[4] = Number.POSITIVE_INFINITY;
    const states = new Map([...bindings.states, ['fc.weight', { ...weight, data }]]);
    expect(traceNonFinite(graph, { ...bindings, states })).toEqual({
      kind: 'given',
      what: 'state',
      name: 'fc.weight',
      at: { value: Number.POSITIVE_INFINITY, index: [0, 4] },
    });
  });
});
