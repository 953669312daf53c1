/** Gradients of normalisations: no sum waits for another, and the numbers stay what they were. */
import { expect, test } from 'vitest';
import type { Graph, Node, Value } from '../../../src/ir/graph.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { lowerClean } from '../lower/support.ts';
import { bindingsOf, difference, runGraph } from './run-graph.ts';

const sizes = new Map([['batch', 3]]);

const normalised = `dim batch
model M(x: f32[batch, 6]) -> f32[batch, 6] {
  param w: f32[6, 6] = uniform{1}
  param g: f32[6]    = uniform{1}
  z       = x @ w
  centred = z - mean(z, axis=-1, keepdims=true)
  return centred * rsqrt(mean(centred * centred, axis=-1, keepdims=true) + 1e-5) * g
}
task t for M {
  target goal: f32[batch, 6]
  data  = tensors{"x.safetensors"} | batches{3}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`;

function trained(disable: readonly string[]): Graph {
  const { train } = lowerClean(normalised).graphs;
  if (train === undefined) throw new Error('no task');
  return runPasses(train, { disable: new Set(disable) });
}

const isRowSum = (node: Node): boolean =>
  node.op === 'reduce' && node.attributes.combine === 'sum' && node.attributes.axes.join() === '1';

/** The longest chain of sums over rows in which each needs the one before. */
function longestChain({ nodes }: Graph): number {
  const depths = new Map<Value, number>();
  for (const node of nodes) {
    const before = Math.max(0, ...node.operands.map((value) => depths.get(value) ?? 0));
    for (const result of node.results) depths.set(result, before + (isRowSum(node) ? 1 : 0));
  }
  return Math.max(...depths.values());
}

test('the sums of a gradient take one walk', () => {
  const [apart, together] = [trained([]), trained(['linear-sums'])];
  // Mean and variance one after the other, then those of the gradient.
  expect(longestChain(together)).toBe(4);
  expect(longestChain(apart)).toBe(3);
  const bindings = bindingsOf(together, sizes);
  expect(difference(runGraph(apart, bindings), runGraph(together, bindings))).toBeUndefined();
});
