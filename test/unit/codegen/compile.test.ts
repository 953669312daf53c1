/** Every module that the samples of ops and whole layers give compiles with Dawn's null backend, without a warning. */
import { create, globals } from 'webgpu';
import { expect, test } from 'vitest';
import { generate, portableTarget, type Target } from '../../../src/codegen/index.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { opTable } from '../../../src/ops/index.ts';
import type { OpRecord } from '../../../src/ops/op.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';
import { crossEntropy, dense, joined, lstm } from '../fuse/graphs.ts';
import { buildSample, graphOf } from '../ops/support.ts';

Object.assign(globalThis, globals);
const gpu = create(['backend=null']);

const lanes = (kind: Target['kind'], subgroupSize: number): Target => ({
  ...portableTarget,
  kind,
  subgroupSize,
  features: subgroupSize > 0 ? ['subgroups'] : [],
});
const targets: readonly (readonly [string, Target])[] = [
  ['portable', portableTarget],
  ['cpu, 4 lanes', lanes('cpu', 4)],
  ['cpu, 8 lanes', lanes('cpu', 8)],
  ['gpu, 32 lanes', lanes('gpu', 32)],
];

function samples(): readonly Graph[] {
  const records = Object.values(opTable) as unknown as readonly OpRecord[];
  return records.flatMap((record) =>
    record.samples.map((sample) => {
      const { operands, results, builder, sizes } = buildSample(record.name, sample);
      return graphOf(builder, operands, results, sizes);
    }),
  );
}

test.each(targets)('%s', async (_, target) => {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error('the null backend has no adapter');
  const subgroups = adapter.features.has('subgroups');
  const device = await adapter.requestDevice({ requiredFeatures: subgroups ? ['subgroups'] : [] });
  const usable = subgroups ? target : { ...target, features: [], subgroupSize: 0 };
  const texts = new Set<string>();
  for (const graph of [...samples(), dense(), crossEntropy(), lstm(false), lstm(true, 64), joined()]) {
    const kernels = fuseGraph(graph, { storageBuffers: usable.storageBuffers });
    const signature = { model: 'x', inputs: [], outputs: [] };
    const input = {
      name: 'x',
      programs: [{ name: 'train' as const, kernels, graph }],
      signature,
      target: usable,
    };
    const { modules, plan } = generate(input);
    expect(generate(input)).toEqual({ modules, plan });
    for (const text of modules.values()) texts.add(text);
  }
  expect(texts.size).toBeGreaterThan(50);
  for (const code of texts) {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    const error = await device.popErrorScope();
    expect(messages.map(({ message }) => message).join('\n') + (error?.message ?? ''), code).toBe('');
  }
});
