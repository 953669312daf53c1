/** A compiled model that is fed batch by batch: each second one makes a step, and the averages are what it evaluates. */
import { expect, it } from 'vitest';
import { CompiledModel, type BundleHost } from '../../../runtime/bundle.ts';
import { initialValues } from '../../../runtime/initialize.ts';
import { readSafetensors } from '../../../runtime/safetensors.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { portableTarget } from '../../../src/codegen/index.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { openReferenceSession } from '../../../src/reference-session.ts';

async function open(fields: Readonly<Record<string, string>>): Promise<CompiledModel> {
  const options = { set: new Map(), task: new Map(Object.entries(fields)) };
  const target = { target: portableTarget };
  const compiled = compileProgram(
    'test/training/small.lm',
    createDiskHost(),
    options,
    target,
    new Reporter(),
  );
  if (compiled === undefined) throw new Error('the program has errors');
  const { plan, modules } = compiled.generated;
  const host: BundleHost = {
    readText: async (file) => (file === 'plan.json' ? JSON.stringify(plan) : (modules.get(file) ?? '')),
    openSession: async (_plan, _modules, { seed }) =>
      openReferenceSession(compiled.graphs, {
        initialize: ({ name, initializer }, shape) => initialValues(initializer, shape, seed, name),
      }),
  };
  return CompiledModel.open(host);
}

const batch = (rows: number, from: number) => ({
  x: { shape: [rows, 4], data: Float32Array.from({ length: rows * 4 }, (_, at) => Math.sin(4 * from + at)) },
  y: { shape: [rows, 2], data: Float32Array.from({ length: rows * 2 }, (_, at) => Math.cos(2 * from + at)) },
});

const weights = async (model: CompiledModel) => readSafetensors(await model.saveState()).tensors;

it('steps with every second batch', async () => {
  const [parts, whole] = [await open({ accumulate: '2' }), await open({})];
  const before = await weights(parts);
  const first = await parts.train(batch(2, 0));
  expect(first.gradNorm).toBe(0);
  expect(await weights(parts)).toEqual(before);
  const second = await parts.train(batch(4, 2));
  const together = await whole.train(batch(6, 0));
  expect(second.loss).toBeCloseTo(together.loss, 6);
  expect(second.gradNorm).toBeCloseTo(together.gradNorm, 6);
  for (const [name, { data }] of await weights(whole))
    (await weights(parts))
      .get(name)
      ?.data.forEach((value, at) => expect(value).toBeCloseTo(data[at] ?? 0, 6));
});

it('evaluates and saves the average, and starts it where it is loaded', async () => {
  const model = await open({ ema: '0.5' });
  const plain = await open({});
  for (const from of [0, 4, 8]) {
    await model.train(batch(4, from));
    await plain.train(batch(4, from));
  }
  const evaluate = async (of: CompiledModel) => (await of.evaluate<{ loss: number }>(batch(4, 0))).loss;
  expect(await evaluate(model)).not.toBeCloseTo(await evaluate(plain), 4);
  const saved = await model.saveState();
  plain.loadState(saved);
  expect(await evaluate(plain)).toBeCloseTo(await evaluate(model), 6);
  const other = await open({ ema: '0.5' });
  other.loadState(saved);
  expect(await evaluate(other)).toBeCloseTo(await evaluate(model), 6);
});
