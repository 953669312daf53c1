/** Runs graphs of the pass tests in float64, and compares what they give. */
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import { evaluateGraph, type GraphBindings, type GraphResults } from '../../../src/ops/evaluate.ts';
import { randomTensor, type Sizes } from '../ops/support.ts';

/** Data for every input and state; optimizer states start at 0 as they are initialised. */
export function bindingsOf(
  graph: Graph,
  sizes: Sizes,
  options: { readonly step?: number; readonly lr?: number } = {},
): GraphBindings {
  const { step = 2, lr = 0.1 } = options;
  const draw = ({ value }: { readonly value: Graph['inputs'][number]['value'] }, at: number): Float64Tensor =>
    randomTensor(value.type, sizes, at + 1, value.type.dtype === 'i32' ? [0, 2] : [-1, 1]);
  return {
    sizes,
    inputs: new Map(
      graph.inputs.flatMap((input, at) =>
        input.role === 'data' ? [[input.name, draw(input, at)] as const] : [],
      ),
    ),
    states: new Map(
      graph.states.map((state, at) => {
        const tensor = draw(state, at + 50);
        return [
          state.name,
          state.role === 'parameter' ? tensor : { ...tensor, data: tensor.data.map(Math.abs) },
        ];
      }),
    ),
    host: hostNumbers(graph, { step, lr }),
    seed: 5,
    step,
  };
}

export function runGraph(graph: Graph, bindings: GraphBindings): GraphResults {
  return evaluateGraph(graph, { ...bindings, host: hostNumbers(graph, { step: bindings.step, lr: 0.1 }) });
}

/** The first difference, or undefined. */
export function difference(
  actual: GraphResults,
  expected: GraphResults,
  tolerance = 1e-8,
): string | undefined {
  for (const part of ['outputs', 'updates', 'gradients'] as const)
    for (const [name, tensor] of expected[part]) {
      const other = actual[part].get(name);
      if (other === undefined) return `${part} lack ${name}`;
      if (other.data.length !== tensor.data.length) return `${name} has another size`;
      for (const [at, value] of tensor.data.entries()) {
        const found = other.data[at] ?? Number.NaN;
        const same = Object.is(found, value) || Math.abs(found - value) <= tolerance * (1 + Math.abs(value));
        if (!same) return `${part} ${name}[${at}]: ${found} instead of ${value}`;
      }
    }
  return undefined;
}
