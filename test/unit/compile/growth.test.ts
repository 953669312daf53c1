/** A deep model costs the compiler little more than its share: alike layers are one kernel, and nothing is quadratic. */
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { portableTarget } from '../../../src/codegen/index.ts';
import { generateModel, lowerAndOptimize, type CompiledModel } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { KernelProgram, Stage } from '../../../src/ir/kernel.ts';

const file = path.resolve(import.meta.dirname, '../../../models/gpt2.lm');

function compile(layers: number, settings: readonly string[] = []): CompiledModel {
  const texts = [`n_layer=${layers}`, 'n_embd=64', 'n_head=4', 'vocab_size=97', ...settings];
  const set = new Map(texts.map((text) => text.split('=') as [string, string]));
  const reporter = new Reporter();
  const options = { purpose: 'training' } as const;
  const optimized = lowerAndOptimize(file, createDiskHost(), { set, task: new Map() }, reporter, options);
  if (optimized === undefined) throw new Error(reporter.diagnostics.map(({ message }) => message).join('\n'));
  return generateModel(optimized, portableTarget);
}

/** Milliseconds of the processor, the least of two. */
function measure(layers: number): number {
  const once = (): number => {
    const start = process.cpuUsage();
    compile(layers);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  return Math.min(once(), once());
}

function distinctStages({ steps }: KernelProgram): number {
  const found = new Set<readonly Stage[]>();
  for (const step of steps)
    if (step.kind === 'launch' && step.kernel.kind === 'loops') found.add(step.kernel.stages);
  return found.size;
}

test('four times the layers take at most six times as long', () => {
  compile(2);
  const [few, many] = [measure(8), measure(32)];
  expect(many / few).toBeLessThan(6);
}, 120_000);

test('without dropout, further layers bring no further kernels', () => {
  const [few, many] = [5, 9].map((layers) => compile(layers, ['dropout=0']));
  const kernels = (model: CompiledModel | undefined): number => model?.generated.plan.kernels.length ?? 0;
  expect(kernels(many)).toBe(kernels(few));
  const stages = (model: CompiledModel | undefined): readonly number[] =>
    [model?.kernels.train, model?.kernels.eval].map((program) => (program ? distinctStages(program) : 0));
  expect(stages(many)).toEqual(stages(few));
});
