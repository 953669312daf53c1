/** Runs a program on the evaluator with the parameters and inputs with which the scripts here ran PyTorch. */
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { GraphInput } from '../../../src/ir/graph.ts';
import { evaluateGraph, type Float64Tensor } from '../../../src/ops/evaluate.ts';
import { lowerClean } from '../lower/support.ts';

/** scale · sin(pace · k + phase) for k from 0. */
function waves(count: number, pace: number, phase: number, scale: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => Math.sin(pace * at + phase) * scale);
}

/** Outputs of `predict` by name; `fill`: the phase of an input's wave, or the input's numbers. */
export function runWaves(
  text: string,
  sizes: ReadonlyMap<string, number>,
  fill: (input: GraphInput, at: number) => number | Float64Array,
): ReadonlyMap<string, Float64Tensor> {
  const graph = lowerClean(text).graphs.predict;
  const shapeOf = ({ type }: GraphInput['value']): readonly number[] =>
    type.shape.map((dim) => evaluateDim(dim, sizes));
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  const inputs = graph.inputs.map((input, at): [string, Float64Tensor] => {
    const { name, value } = input;
    const shape = shapeOf(value);
    const filled = fill(input, at);
    const data = typeof filled === 'number' ? waves(count(shape), 0.61, filled, 1) : filled;
    return [name, { dtype: value.type.dtype, shape, data }];
  });
  const states = graph.states.map(({ name, value }): [string, Float64Tensor] => {
    const shape = shapeOf(value);
    const own = name.replace(/^layer\./, '');
    return [name, { dtype: 'f32', shape, data: waves(count(shape), 0.37, own.length, 0.5) }];
  });
  return evaluateGraph(graph, {
    sizes,
    inputs: new Map(inputs),
    states: new Map(states),
    host: new Map(),
    seed: 1,
    step: 1,
  }).outputs;
}
