/**
 * The formula of attention in the spellings that people write: one op where it is the formula, the formula where
 * somebody looks at its parts; the same losses and gradients either way, and the same kernels.
 */
import { describe, expect, test } from 'vitest';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { randomTensor } from '../ops/support.ts';
import { compareFused } from '../fuse/compare.ts';

interface Case {
  readonly title: string;
  /** Statements that make `y: [batch, seq, heads, d]` of x: [batch, seq, heads·d]. */
  readonly body: string;
  readonly fused: boolean;
  readonly heads?: number;
}

const split = (name: string, to: string): string =>
  `${name} = rearrange(x @ w_${name}, "b s (h d) -> ${to}", h=heads)`;
const byHead = ['q', 'k', 'v'].map((name) => split(name, 'b h s d')).join('\n  ');
const bySeq = ['q', 'k', 'v'].map((name) => split(name, 'b s h d')).join('\n  ');
const back = 'y = rearrange(o, "b h s d -> b s h d")';

const cases: readonly Case[] = [
  {
    title: 'einsum, scale behind it, a causal mask',
    body: `${byHead}
  s = einsum("b h i d, b h j d -> b h i j", q, k) / sqrt(d)
  p = softmax(where(causal(seq), s, -1e9))
  o = einsum("b h i j, b h j d -> b h i d", p, v)
  ${back}`,
    fused: true,
  },
  {
    title: 'matmul with a transpose, scale before it, a mask that is added',
    body: `${byHead}
  s = (q * 0.5) @ rearrange(k, "b h s d -> b h d s") + where(causal(seq), 0.0, -1e9)
  o = softmax(s) @ v
  ${back}`,
    fused: true,
  },
  {
    title: 'other letters, heads behind the sequence, keys first',
    body: `${bySeq}
  s = einsum("n t a c, n u a c -> n a u t", k, q) * 0.3
  p = softmax(s)
  y = einsum("n a u t, n t a c -> n u a c", p, v)`,
    fused: true,
  },
  {
    title: 'padding, and two masks in turn',
    body: `${byHead}
  s = einsum("b h i d, b h j d -> b h i j", q, k) / sqrt(d)
  s = where(rearrange(mask(lengths, seq), "b s -> b 1 1 s"), s, -1e30)
  p = softmax(where(causal(seq), s, -1e30))
  o = einsum("b h i j, b h j d -> b h i d", p, v)
  ${back}`,
    fused: true,
  },
  {
    title: 'a softmax by hand, a distance that is subtracted, dropout',
    body: `${byHead}
  s = einsum("b h i d, b h j d -> b h i j", q, k) / sqrt(d)
  far = abs(rearrange(arange(seq), "s -> s 1") - rearrange(arange(seq), "s -> 1 s"))
  s = s - 0.25 * f32(far)
  e = exp(s - max(s, axis=-1, keepdims=true))
  p = e / sum(e, axis=-1, keepdims=true)
  o = einsum("b h i j, b h j d -> b h i d", dropout{0.4}(p), v)
  ${back}`,
    fused: true,
  },
  {
    title: 'keys that heads share',
    body: `q = rearrange(x @ w_q, "b s (h d) -> b h s d", h=heads)
  k = rearrange((x @ w_k)[:, :, :d], "b s (g d) -> b g s d", g=1)
  v = rearrange((x @ w_v)[:, :, :d], "b s (g d) -> b g s d", g=1)
  s = einsum("b (g e) t d, b g s d -> b (g e) t s", q, k) / sqrt(d)
  p = softmax(where(causal(seq), s, -1e30))
  o = einsum("b (g e) t s, b g s d -> b (g e) t d", p, v)
  ${back}`,
    fused: true,
  },
  {
    title: 'weights that somebody else looks at',
    body: `${byHead}
  p = softmax(einsum("b h i d, b h j d -> b h i j", q, k) / sqrt(d))
  o = einsum("b h i j, b h j d -> b h i d", p, v) + sum(p * p)
  ${back}`,
    fused: false,
  },
  {
    title: 'a bias that is learnt',
    body: `${byHead}
  param far: f32[heads, 1, 1] = 0.1
  p = softmax(einsum("b h i d, b h j d -> b h i j", q, k) + far * f32(causal(seq)))
  o = einsum("b h i j, b h j d -> b h i d", p, v)
  ${back}`,
    fused: false,
  },
];

function lowered({ body }: Case): Graph {
  const text = `config {
  heads = 2
  d     = 3
}
dim batch
dim seq <= 8
model M(x: f32[batch, seq, heads * d], lengths: i32[batch]) -> f32[batch, seq, heads, d] {
  param w_q: f32[heads * d, heads * d] = normal{0.3}
  param w_k: f32[heads * d, heads * d] = normal{0.3}
  param w_v: f32[heads * d, heads * d] = normal{0.3}
  ${body}
  return y
}
task t for M {
  target goal: f32[batch, seq, heads, d]
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`;
  const reporter = new Reporter();
  const disk = createDiskHost();
  const host = { ...disk, readFile: (name: string) => (name.endsWith('m.lm') ? text : disk.readFile(name)) };
  const options = { set: new Map(), task: new Map(), batchSize: 4 };
  const made = lowerProgram('m.lm', host, options, reporter);
  expect(reporter.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (made?.graphs.train === undefined) throw new Error('no training step');
  return made.graphs.train;
}

const countOf = (graph: Graph, op: string): number => graph.nodes.filter((node) => node.op === op).length;

describe.each(cases.map((each) => [each.title, each] as const))('%s', (_, each) => {
  const graph = lowered(each);
  const [fused, plain] = [runPasses(graph), runPasses(graph, { disable: new Set(['fuse-attention']) })];

  test(each.fused ? 'is one op and two in its gradient' : 'stays the formula', () => {
    const counts = ['attention', 'attention-queries', 'attention-keys'].map((op) => countOf(fused, op));
    expect(counts).toEqual(each.fused ? [1, 1, 1] : [0, 0, 0]);
  });

  test.each([
    [2, 5],
    [3, 1],
    [1, 7],
  ])('computes the same at batch %i, seq %i', (batch, seq) => {
    const sizes = new Map([
      ['batch', batch],
      ['seq', seq],
    ]);
    const bindings = {
      sizes,
      inputs: new Map(
        graph.inputs.map(({ name, value }, at) => [
          name,
          // One sample has no key that is there.
          randomTensor(value.type, sizes, at + 1, value.type.dtype === 'i32' ? [0, seq] : undefined),
        ]),
      ),
      states: new Map(
        graph.states.map(({ name, value }, at) => [name, randomTensor(value.type, sizes, at + 9)]),
      ),
      host: new Map([['lr', 0.1]]),
      seed: 5,
      step: 2,
    };
    const [actual, expected] = [fused, plain].map((program) => evaluateGraph(program, bindings));
    for (const part of ['outputs', 'updates'] as const)
      for (const [name, { data }] of expected?.[part] ?? [])
        data.forEach((number, at) => expect(actual?.[part].get(name)?.data[at], name).toBeCloseTo(number, 9));
    compareFused(fused, { sizes });
  });
});
