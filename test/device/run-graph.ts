/** A graph through fusion and code generation onto the device, and its comparison with the oracle. */
import { expect } from 'vitest';
import { generate, portableTarget, type Generated, type Target } from '../../src/codegen/index.ts';
import type { Float64Tensor } from '../../src/ir/evaluate-scalar.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { hostNumbers } from '../../src/ir/host-formula.ts';
import { evaluateGraph } from '../../src/ops/evaluate.ts';
import { fuseGraph } from '../../src/passes/fuse/index.ts';
import { openTestDevice, PlanRunner } from './executor.ts';

let opened: Promise<GPUDevice> | undefined;

export const testDevice = (): Promise<GPUDevice> => (opened ??= openTestDevice());

export interface GraphData {
  readonly sizes: ReadonlyMap<string, number>;
  readonly inputs: ReadonlyMap<string, Float64Tensor>;
  readonly states?: ReadonlyMap<string, Float64Tensor>;
}

export interface Tolerance {
  /** Number of terms of the longest sum: rtol is 1.3e-6·√terms. */
  readonly terms?: number;
  readonly absolute?: number;
}

export function generateGraph(graph: Graph, target: Target = portableTarget): Generated {
  const kernels = fuseGraph(graph, { storageBuffers: target.storageBuffers });
  const signature = { model: graph.name, inputs: [], outputs: [] };
  return generate({ name: graph.name, programs: [{ name: 'train', kernels, graph }], signature, target });
}

/** Runs on the device and by the oracle, and compares every output and state. */
export async function compareOnDevice(
  graph: Graph,
  data: GraphData,
  { target, ...tolerance }: Tolerance & { readonly target?: Target } = {},
): Promise<Generated> {
  const { sizes, inputs, states = new Map<string, Float64Tensor>() } = data;
  const generated = generateGraph(graph, target);
  const rounded = new Map([...inputs].map(([name, tensor]) => [name, round(tensor)]));
  const roundedStates = new Map([...states].map(([name, tensor]) => [name, round(tensor)]));
  const [seed, step, lr] = [7, 3, 0.1];
  const expected = evaluateGraph(graph, {
    sizes,
    inputs: rounded,
    states: roundedStates,
    host: hostNumbers(graph, { step, lr }),
    seed,
    step,
  });
  const runner = new PlanRunner(await testDevice(), generated.plan, generated.modules);
  const actual = await runner.run('train', { sizes, inputs: rounded, states: roundedStates, seed, step, lr });
  for (const [name, tensor] of expected.outputs)
    expectClose(name, actual.outputs.get(name), tensor, tolerance);
  for (const [name, tensor] of expected.updates)
    expectClose(name, actual.states.get(name), tensor, tolerance);
  return generated;
}

/** As the device stores it. */
function round(tensor: Float64Tensor): Float64Tensor {
  return tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map(Math.fround) } : tensor;
}

function expectClose(
  name: string,
  actual: Float64Tensor | undefined,
  expected: Float64Tensor,
  { terms = 1, absolute = 1e-5 }: Tolerance,
): void {
  if (actual === undefined) throw new Error(`the device has no ${name}`);
  expect(actual.shape, name).toEqual(expected.shape);
  const relative = Math.max(1.3e-6 * Math.sqrt(terms), 4e-6);
  for (const [at, value] of expected.data.entries()) {
    const other = actual.data[at] ?? Number.NaN;
    const close =
      Object.is(other, value) ||
      other === value ||
      Math.abs(other - value) <= absolute + relative * Math.abs(value);
    if (!close) throw new Error(`${name}[${at}]: ${other} where the oracle has ${value}`);
  }
}
