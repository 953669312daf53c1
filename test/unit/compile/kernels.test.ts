/** What the classifiers of `models/` become: launches of a training step, memory, and the same bytes every time. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { summarizeMemory } from '../../../src/cli/summary/memory.ts';
import { portableTarget } from '../../../src/codegen/index.ts';
import { compileProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Step } from '../../../src/ir/kernel.ts';

const models = path.resolve(import.meta.dirname, '../../../models');

function compile(name: string, set: Readonly<Record<string, string>> = {}) {
  const reporter = new Reporter();
  const options = { set: new Map(Object.entries(set)), task: new Map<string, string>() };
  const file = path.join(models, name);
  const compiled = compileProgram(file, createDiskHost(), options, { target: portableTarget }, reporter);
  if (compiled === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('; '));
  return compiled;
}

function launchesIn(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === 'loop' ? launchesIn(step.steps) : 1), 0);
}

// The plain cell keeps more of what little it computes for the way back.
describe.each([
  { name: 'text_classifier.lm', share: 0.6 },
  { name: 'text_classifier_gru.lm', share: 0.6 },
  { name: 'text_classifier_rnn.lm', share: 0.7 },
])('$name', ({ name, share }) => {
  const compiled = compile(name);

  test('has one launch for each step and direction, forwards and backwards', () => {
    const steps = compiled.kernels.train?.steps ?? [];
    const loops = steps.flatMap((step) => (step.kind === 'loop' ? [launchesIn(step.steps)] : []));
    expect(loops).toEqual([2, 2, 2, 2]);
    expect(steps.length).toBeLessThan(64);
    const predict = compiled.kernels.predict?.steps ?? [];
    expect(predict.flatMap((step) => (step.kind === 'loop' ? [launchesIn(step.steps)] : []))).toEqual([2, 2]);
  });

  test('shares memory between temporaries', () => {
    const { arena, temporaries } = summarizeMemory(compiled.generated.plan);
    expect(arena / temporaries).toBeLessThanOrEqual(share);
  });

  test('compiles to the same bytes again', () => {
    const again = compile(name);
    expect(JSON.stringify(again.generated.plan)).toBe(JSON.stringify(compiled.generated.plan));
    expect([...again.generated.modules]).toEqual([...compiled.generated.modules]);
  });
});

test('the number of launches in a loop does not depend on layers and directions', () => {
  const { kernels } = compile('text_classifier.lm', { n_layers: '3', bidirectional: 'false' });
  const steps = kernels.train?.steps ?? [];
  const loops = steps.flatMap((step) => (step.kind === 'loop' ? [launchesIn(step.steps)] : []));
  expect(loops).toEqual([1, 1, 1, 1, 1, 1]);
});
