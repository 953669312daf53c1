/** Which scans of `models/` run in one launch on a software GPU whose kernels may bind 16 buffers. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { portableTarget } from '../../../src/codegen/index.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';

const models = path.resolve(import.meta.dirname, '../../../models');

/** Loops that are left in a program of the plan: each position of them is launches of its own. */
function loopsOf(name: string, program: string, storageBuffers = 16): number {
  const reporter = new Reporter();
  const options = { set: new Map<string, string>(), task: new Map<string, string>() };
  const target = {
    ...portableTarget,
    kind: 'cpu' as const,
    portable: false,
    subgroupSize: 8,
    storageBuffers,
    features: ['subgroups' as const],
  };
  const compiled = compileProgram(path.join(models, name), createDiskHost(), options, { target }, reporter);
  const found = compiled?.generated.plan.programs.find((each) => each.name === program);
  if (found === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('; '));
  return found.steps.filter(({ kind }) => kind === 'loop').length;
}

test('a CRF and its gradient are one launch each', () => {
  expect(loopsOf('ner.lm', 'train')).toBe(0);
  expect(loopsOf('ner.lm', 'eval')).toBe(0);
});

test('the gradient of a CRF steps where a kernel may bind 8 buffers only', () => {
  expect(loopsOf('ner.lm', 'train', 8)).toBeGreaterThan(0);
});

test('a cell with products of the input alone is one launch, forwards and backwards', () => {
  expect(loopsOf('min_gru.lm', 'train')).toBe(0);
});

test('layer normalisation inside a step is one launch forwards', () => {
  expect(loopsOf('layer_norm_lstm.lm', 'eval')).toBe(0);
});
