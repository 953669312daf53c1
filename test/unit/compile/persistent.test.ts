/** Which scans run in one launch on a software GPU whose kernels may bind 16 buffers, or 8. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Plan, PlanStep } from '../../../runtime/plan.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { portableTarget, type Target } from '../../../src/codegen/index.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';

const root = path.resolve(import.meta.dirname, '../../..');

const files = [
  'models/text_classifier.lm',
  'models/text_classifier_gru.lm',
  'models/text_classifier_rnn.lm',
  'models/char_lstm.lm',
  'models/ner.lm',
  'models/srl.lm',
  'models/speech_ctc.lm',
  'models/layer_norm_lstm.lm',
  'test/device/cells/peephole_lstm.lm',
  'test/device/cells/multiplicative_lstm.lm',
  'test/device/cells/crf_tagger.lm',
];

const projected = `
import nn
dim batch
dim seq <= 32
model M(x: f32[batch, seq, 6]) -> f32[batch, seq, 10] {
  layer = LSTM{6, 12, 2, bidirectional=true, proj_size=5}
  y, _, _ = layer(x)
  return y
}
task t for M {
  target z: f32[batch, seq, 10]
  loss  = mean((output - z) * (output - z))
  optim = sgd{lr=0.1}
}`;

function planOf(file: string, limits: Partial<Target>, text?: string): Plan {
  const reporter = new Reporter();
  const options = { set: new Map<string, string>(), task: new Map<string, string>(), batchSize: 32 };
  const target: Target = {
    ...portableTarget,
    kind: 'cpu',
    portable: false,
    subgroupSize: 8,
    features: ['subgroups'],
    ...limits,
  };
  const disk = createDiskHost();
  const host = text === undefined ? disk : { ...disk, readFile: () => text };
  const compiled = compileProgram(path.join(root, file), host, options, { target }, reporter);
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('; '));
  return compiled.generated.plan;
}

/** Loops that are left: each position of them is launches of its own. */
const loopsOf = (steps: readonly PlanStep[]): number => steps.filter(({ kind }) => kind === 'loop').length;

function expectOneLaunch(plan: Plan, storageBuffers: number): void {
  for (const { name, steps } of plan.programs) expect(loopsOf(steps), name).toBe(0);
  for (const { name, access } of plan.kernels)
    expect(access.length, name).toBeLessThanOrEqual(storageBuffers);
}

describe.each([16, 8])('with %i buffers', (storageBuffers) => {
  test.each(files)('no scan of %s is stepped', (file) => {
    expectOneLaunch(planOf(file, { storageBuffers }), storageBuffers);
  });

  test('no scan of an LSTM with projections is stepped', () => {
    expectOneLaunch(planOf('projected.lm', { storageBuffers }, projected), storageBuffers);
  });
});

test('a scan whose buffers do not fit into packs is stepped', () => {
  const limits = { storageBuffers: 8, bindingBytes: 10_500_000 };
  const plan = planOf('models/layer_norm_lstm.lm', limits);
  const train = plan.programs.find(({ name }) => name === 'train');
  expect(loopsOf(train?.steps ?? [])).toBeGreaterThan(0);
  for (const { access } of plan.kernels) expect(access.length).toBeLessThanOrEqual(8);
  expect(
    Math.max(...plan.tensors.filter(({ name }) => name === 'pack').map(({ bytes }) => bytes)),
  ).toBeLessThan(limits.bindingBytes);
});
