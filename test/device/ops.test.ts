/** Every op's samples, and the gradients of them, on the device against the oracle. */
import { describe, test } from 'vitest';
import type { Value } from '../../src/ir/graph.ts';
import { opTable, vjpOf } from '../../src/ops/index.ts';
import type { OpRecord } from '../../src/ops/op.ts';
import { buildSample, graphOf, randomTensor, sampleData } from '../unit/ops/support.ts';
import { compareOnDevice, sampled, targets } from './run-graph.ts';

// Each record is used with its own samples only, which the common type cannot say.
const records = Object.values(opTable) as unknown as readonly OpRecord[];

describe.each(targets)('%s', (_target, findTarget) => {
  describe.each(records.map((record) => [record.name, record] as const))('%s', (name, record) => {
    test.each(sampled(record.samples).map((sample) => [sample.title, sample] as const))(
      '%s',
      async (_, sample) => {
        const target = await findTarget();
        const { node, operands, results, builder, sizes } = buildSample(name, sample);
        const data = sampleData(name, sample, sizes);
        const named = (tensors: typeof data) => new Map(tensors.map((tensor, at) => [`x${at}`, tensor]));
        await compareOnDevice(
          graphOf(builder, operands, results, sizes),
          { sizes, inputs: named(data) },
          target,
        );
        if (record.vjp === undefined || results.some(({ type }) => type.dtype !== 'f32')) return;
        const cotangents = results.map((result): Value => ({ type: result.type }));
        const gradients = vjpOf(node, builder, cotangents) ?? [];
        const asked = gradients.flatMap((gradient) => (gradient === undefined ? [] : [gradient]));
        if (asked.length === 0) return;
        const backward = graphOf(builder, [...operands, ...cotangents], asked, sizes);
        const weights = cotangents.map(({ type }, at) => randomTensor(type, sizes, 100 + at));
        await compareOnDevice(backward, { sizes, inputs: named([...data, ...weights]) }, target);
      },
    );
  });
});
