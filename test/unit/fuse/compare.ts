/** Runs a graph by the oracle and by its kernels, and compares every output and every updated state. */
import { expect } from 'vitest';
import { evaluateProgram } from '../../../src/ir/evaluate-kernel.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import { elementCount } from '../../../src/ir/strides.ts';
import type { TensorType } from '../../../src/ir/types.ts';
import type { KernelProgram } from '../../../src/ir/kernel.ts';
import { evaluateGraph, type GraphBindings } from '../../../src/ops/evaluate.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';

/** Numbers in [−2, 2), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 30 - 2;
  };
}

function tensor(type: TensorType, sizes: ReadonlyMap<string, number>, random: () => number): Float64Tensor {
  const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
  const draw = (): number => {
    if (type.dtype === 'f32') return random();
    return type.dtype === 'i32' ? Math.abs(Math.trunc(random() * 2)) % 4 : Number(random() > 0);
  };
  return { dtype: type.dtype, shape, data: Float64Array.from({ length: elementCount(shape) }, draw) };
}

export interface CompareOptions {
  readonly sizes: ReadonlyMap<string, number>;
  readonly seed?: number;
  readonly storageBuffers?: number;
}

/** Made-up inputs, states and numbers of a step, the same for the same seed. */
export function bindingsOf(graph: Graph, { sizes, seed = 1 }: CompareOptions): GraphBindings {
  const random = generator(seed);
  return {
    sizes,
    inputs: new Map(
      graph.inputs.flatMap((input) =>
        input.role === 'data' ? [[input.name, tensor(input.value.type, sizes, random)] as const] : [],
      ),
    ),
    states: new Map(graph.states.map((state) => [state.name, tensor(state.value.type, sizes, random)])),
    host: hostNumbers(graph, { step: 3, lr: 0.1 }),
    seed,
    step: 3,
  };
}

/** Gives the fused program, for further questions. */
export function compareFused(graph: Graph, options: CompareOptions): KernelProgram {
  const { storageBuffers = 8 } = options;
  const bindings = bindingsOf(graph, options);
  const expected = evaluateGraph(graph, bindings);
  const program = fuseGraph(graph, { storageBuffers });
  const actual = evaluateProgram(program, bindings);
  for (const [name, value] of expected.outputs) expectClose(name, actual.outputs.get(name), value);
  for (const [name, state] of bindings.states) {
    expectClose(name, actual.states.get(name), expected.updates.get(name) ?? state);
  }
  return program;
}

function expectClose(name: string, actual: Float64Tensor | undefined, expected: Float64Tensor): void {
  if (actual === undefined) throw new Error(`the program has no ${name}`);
  expect(actual.shape, name).toEqual(expected.shape);
  for (const [at, value] of expected.data.entries()) {
    const other = actual.data[at] ?? Number.NaN;
    const close =
      Object.is(other, value) || other === value || Math.abs(other - value) <= 1e-9 * (1 + Math.abs(value));
    if (!close) throw new Error(`${name}[${at}]: ${other} where the oracle has ${value}`);
  }
}
