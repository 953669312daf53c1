/** Losses of the library over a free parameter: values in float64, and gradients against finite differences. */
import { expect } from 'vitest';
import type { Graph } from '../../../src/ir/graph.ts';
import { evaluateGraph, type Float64Tensor, type GraphResults } from '../../../src/ops/evaluate.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { lowerClean } from '../lower/support.ts';

export type Tensors = Readonly<Record<string, Float64Tensor>>;

export function evaluate(graph: Graph, inputs: Tensors, states: Tensors = {}): GraphResults {
  const sizes = new Map<string, number>();
  for (const { name, value } of graph.inputs)
    value.type.shape.forEach(({ terms }, axis) => {
      const symbol = terms[0]?.symbols[0];
      const size = inputs[name]?.shape[axis];
      if (symbol !== undefined && size !== undefined) sizes.set(symbol, size);
    });
  return evaluateGraph(graph, {
    sizes,
    inputs: new Map(Object.entries(inputs)),
    states: new Map(Object.entries(states)),
    host: new Map(),
    seed: 1,
    step: 1,
  });
}

/** Loss and gradients of a program's task, and the loss alone as a function of the states. */
export function training(text: string) {
  const { train } = lowerClean(text).graphs;
  if (train === undefined) throw new Error('the program has no task');
  const differentiated = runPasses(train, { after: 'differentiate' });
  return {
    lossOf: (inputs: Tensors, states: Tensors): number =>
      evaluate(train, inputs, states).outputs.get('loss')?.data[0] ?? Number.NaN,
    gradients: (inputs: Tensors, states: Tensors): ReadonlyMap<string, Float64Tensor> =>
      evaluate(differentiated, inputs, states).gradients,
  };
}

/** Every element of every state, by central differences. */
export function checkGradients(program: ReturnType<typeof training>, inputs: Tensors, states: Tensors): void {
  const gradients = program.gradients(inputs, states);
  const h = 1e-5;
  for (const [name, state] of Object.entries(states))
    state.data.forEach((_, at) => {
      const lossAt = (offset: number): number => {
        const data = Float64Array.from(state.data);
        data[at] = (data[at] ?? 0) + offset;
        return program.lossOf(inputs, { ...states, [name]: { ...state, data } });
      };
      const numeric = (lossAt(h) - lossAt(-h)) / (2 * h);
      expect(gradients.get(name)?.data[at], `${name}[${at}]`).toBeCloseTo(numeric, 6);
    });
}

/** Numbers in [−2, 2) that are the same in every run. */
export function numbers(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state / 2_147_483_648) * 4 - 2;
  });
}

/** All sequences of `length` numbers below `count`. */
export function sequences(length: number, count: number): number[][] {
  if (length === 0) return [[]];
  return sequences(length - 1, count).flatMap((head) =>
    Array.from({ length: count }, (_, next) => [...head, next]),
  );
}

export function logSumExp(values: readonly number[]): number {
  const top = Math.max(...values);
  return top === -Infinity
    ? top
    : top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0));
}
