/** Products of looked-up rows, looked up or not: the same numbers and gradients, and fewer products. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Graph } from '../../../src/ir/graph.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { compareFused } from '../fuse/compare.ts';
import { lowerClean } from '../lower/support.ts';
import { bindingsOf, difference, runGraph } from './run-graph.ts';

const without = { disable: new Set(['look-up-products']) };
const sizes = new Map([
  ['batch', 2],
  ['seq', 5],
]);

interface Drawn {
  readonly rows: number;
  readonly width: number;
  /** What is made of x: f32[batch, seq, width] and the parameters w, v and b. */
  readonly body: string;
}

function graphsOf({ rows, width, body }: Drawn): readonly [predict: Graph, train: Graph] {
  const all = [
    `  param w: f32[3, ${width}] = uniform{1}`,
    `  param v: f32[${width}, 3] = uniform{1}`,
    '  param b: f32[3] = uniform{1}',
  ];
  const declared = all.filter((line) => new RegExp(`\\b${line.charAt(8)}\\b`).test(body));
  const { predict, train } = lowerClean(`import nn
dim batch
dim seq <= 8
model M(tokens: i32[batch, seq]) -> f32[batch, seq, 3] {
  embedding = Embedding{${rows}, ${width}}
${declared.join('\n')}
  x = embedding(tokens)
  ${body}
}
task t for M {
  target goal: f32[batch, seq, 3]
  data  = tensors{"x.safetensors"} | batches{4}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`).graphs;
  if (train === undefined) throw new Error('no task');
  return [predict, train];
}

const BODIES: Readonly<Record<string, string>> = {
  'a product': 'return x @ v',
  'a product with a bias': 'return x @ w.T + b',
  'the bias in front': 'return b + x @ v',
  'rows from the right':
    'return rearrange(einsum("o width, batch seq width -> o batch seq", w, x), "o batch seq -> batch seq o")',
  'a loop': `y, _ = scan x_t over seq of x carry (h: f32[batch, 3] = 0) {
    z = sigmoid(w @ x_t + b)
    next (h = z * h + (1 - z) * (x_t @ v)) emit h
  }
  return y`,
  'a loop that is stepped': `y, _ = scan x_t over seq of x reversed carry (h: f32[batch, 3] = 0) {
    h = tanh(w @ x_t + b + h)
    next (h = h) emit h
  }
  return y`,
  'a function of a product': 'return tanh(x @ v) + sigmoid(x @ w.T + b)',
  'rows that are used for more': 'return x @ v + reduce(x, "batch seq width -> batch seq 1", "sum")',
};

const products = (graph: Graph): number => graph.nodes.filter(({ op }) => op === 'dot').length;

describe('the same with the pass and without', () => {
  test.each(Object.entries(BODIES))('%s', (_, body) => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 16 }), fc.integer({ min: 1, max: 5 }), (rows, width) => {
        for (const graph of graphsOf({ rows, width, body })) {
          const [looked, plain] = [runPasses(graph, { compare: true }), runPasses(graph, without)];
          const bindings = bindingsOf(looked, sizes);
          expect(difference(runGraph(looked, bindings), runGraph(plain, bindings))).toBeUndefined();
          compareFused(looked, { sizes, seed: rows });
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('what is multiplied', () => {
  const of = (rows: number, body: string) => runPasses(graphsOf({ rows, width: 4, body })[0]);

  test.each(Object.entries(BODIES))('the table alone: %s', (_, body) => {
    const text = printGraph(of(7, body));
    expect(text).toMatch(/f32\[(7, 3|3, 7)\] = dot/);
    expect(text).not.toMatch(/f32\[(batch|seq|3), (batch|seq)(, seq|, 3)\] = dot/);
  });

  it('what is added to each row is added to the table', () => {
    const text = printGraph(of(7, 'return x @ w.T + b'));
    expect(text).toMatch(/f32\[7, 3\] = add/);
    expect(text).not.toMatch(/f32\[batch, seq, 3\] = add/);
  });

  it('costly functions are taken of the table', () => {
    const text = printGraph(of(7, 'return sigmoid(x @ w.T + b)'));
    expect(text).toMatch(/f32\[7, 3\] = sigmoid/);
    expect(text).not.toMatch(/f32\[batch, seq, 3\] = sigmoid/);
  });

  it('a table with more rows than half of the indices stays', () => {
    const text = printGraph(of(17, 'return x @ v'));
    expect(text).toMatch(/f32\[batch, seq, 3\] = dot/);
  });

  it('gradients are sums of rows of the table, and no product is of all positions', () => {
    const [, train] = graphsOf({ rows: 7, width: 4, body: 'return x @ v' });
    const graph = runPasses(train);
    expect(products(graph)).toBe(3);
    expect(printGraph(graph)).not.toMatch(/batch.* = dot/);
  });
});
