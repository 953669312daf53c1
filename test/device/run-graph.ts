/** A graph through fusion and code generation onto the device, and its comparison with the oracle. */
import { afterAll, expect } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { openDevice, type OpenedDevice } from '../../runtime/node/device.ts';
import type { TensorData } from '../../runtime/session.ts';
import { generate, portableTarget, type Generated, type Target } from '../../src/codegen/index.ts';
import type { Float64Tensor } from '../../src/ir/evaluate-scalar.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { hostNumbers } from '../../src/ir/host-formula.ts';
import { evaluateGraph } from '../../src/ops/evaluate.ts';
import { fuseGraph } from '../../src/passes/fuse/index.ts';

let opened: Promise<OpenedDevice> | undefined;

/** The adapter whose name `LMC_TEST_DEVICE` holds a part of, or the best. One for a test file. */
export function testDevice(): Promise<OpenedDevice> {
  const name = process.env['LMC_TEST_DEVICE'];
  return (opened ??= openDevice({ validate: true, ...(name === undefined ? {} : { name }) }));
}

afterAll(async () => {
  (await opened)?.close();
});

/** Fewer cases, for the check before a change is merged. */
const quick = process.env['LMC_QUICK'] === '1';

/** All of a list, or every third of it where time is short. */
export function sampled<T>(list: readonly T[]): readonly T[] {
  return quick ? list.filter((_, at) => at % 3 === 1 || list.length < 3) : list;
}

/** Kernels that run anywhere, and those that the adapter at hand is given. */
export const targets: readonly (readonly [string, () => Promise<Target>])[] = [
  ['portable kernels', () => Promise.resolve(portableTarget)],
  ["the device's kernels", async () => (await testDevice()).facts],
];

/** Kernels of a GPU that is known, with workgroup memory and barriers; any adapter can run them. */
export const gpuTarget: readonly [string, () => Promise<Target>] = [
  "a GPU's kernels",
  () => Promise.resolve({ ...portableTarget, portable: false }),
];

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
  const { storageBuffers, bindingBytes } = target;
  const kernels = fuseGraph(graph, { storageBuffers, packBytes: bindingBytes });
  const signature = { model: graph.name, inputs: [], outputs: [] };
  return generate({ name: graph.name, programs: [{ name: 'train', kernels, graph }], signature, target });
}

/** Runs on the device and by the oracle, and compares every output and state. */
export async function compareOnDevice(
  graph: Graph,
  data: GraphData,
  target: Target,
  tolerance: Tolerance = {},
): Promise<Generated> {
  const { sizes, states = new Map<string, Float64Tensor>() } = data;
  const inputs = new Map([...data.inputs].map(([name, tensor]) => [name, round(tensor)]));
  const before = new Map([...states].map(([name, tensor]) => [name, round(tensor)]));
  const [seed, step, lr] = [7, 3, 0.1];
  const host = hostNumbers(graph, { step, lr });
  const expected = evaluateGraph(graph, { sizes, inputs, states: before, host, seed, step });

  const generated = generateGraph(graph, target);
  const { device, description } = await testDevice();
  const session = await openGpuSession(device, generated.plan, generated.modules, { seed, description });
  try {
    for (const [name, tensor] of before) session.writeState(name, toDevice(tensor));
    const sent = new Map([...inputs].map(([name, tensor]) => [name, toDevice(tensor)]));
    const outputs = await session.submit('train', { sizes, inputs: sent, step, seed, lr }).outputs();
    for (const [name, tensor] of expected.outputs) expectClose(name, outputs.get(name), tensor, tolerance);
    for (const [name, tensor] of expected.updates)
      expectClose(name, await session.readState(name), tensor, tolerance);
    await session.finish();
  } finally {
    session.close();
  }
  return generated;
}

/** As the device stores it. */
function round(tensor: Float64Tensor): Float64Tensor {
  return tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map(Math.fround) } : tensor;
}

function toDevice({ dtype, shape, data }: Float64Tensor): TensorData {
  return dtype === 'f32'
    ? { dtype, shape, data: Float32Array.from(data) }
    : { dtype: 'i32', shape, data: Int32Array.from(data) };
}

function expectClose(
  name: string,
  actual: TensorData | undefined,
  expected: Float64Tensor,
  { terms = 1, absolute = 1e-5 }: Tolerance,
): void {
  if (actual === undefined) throw new Error(`the device has no ${name}`);
  expect(actual.shape, name).toEqual(expected.shape);
  const relative = Math.max(1.3e-6 * Math.sqrt(terms), 4e-6);
  for (const [at, value] of expected.data.entries()) {
    const other = actual.data[at] ?? Number.NaN;
    const near = Math.abs(other - value) <= absolute + relative * Math.abs(value);
    if (!near && !Object.is(other, value) && other !== value)
      throw new Error(`${name}[${at}]: ${other} where the oracle has ${value}`);
  }
}
