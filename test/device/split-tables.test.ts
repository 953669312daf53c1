/** Tables that are larger than a binding: kernels that bind parts of them give what kernels that bind them whole do. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { openDevice, type OpenedDevice } from '../../runtime/node/device.ts';
import type { Plan, PlanStep } from '../../runtime/plan.ts';
import { createDiskHost } from '../../src/cli/source-host.ts';
import type { Target } from '../../src/codegen/target.ts';
import { generateModel, lowerAndOptimize } from '../../src/compile.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';

let opened: OpenedDevice;
beforeAll(async () => {
  opened = await openDevice();
}, 60_000);
afterAll(() => opened.close());

const [rows, length] = [2, 5];
const tokens = Int32Array.from([0, 15, 16, 17, 39, 3, 31, 32, 38, 8]);

function compile(target: Target) {
  const set = { vocab_size: '40', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8', dropout: '0' };
  const model = lowerAndOptimize(
    path.resolve(import.meta.dirname, '../../models/gpt2.lm'),
    createDiskHost(),
    { set: new Map(Object.entries(set)), task: new Map(), batchSize: rows },
    new Reporter(),
    { purpose: 'prediction' },
  );
  if (model === undefined) throw new Error('GPT-2 does not compile');
  return generateModel(model, target).generated;
}

async function predict(target: Target): Promise<{ readonly plan: Plan; readonly scores: readonly number[] }> {
  const { plan, modules } = compile(target);
  const session = await openGpuSession(opened.device, plan, modules, { seed: 3, description: opened.name });
  const run = session.submit('predict', {
    sizes: new Map([
      ['batch', rows],
      ['seq', length],
    ]),
    inputs: new Map([['tokens', { dtype: 'i32', shape: [rows, length], data: tokens }]]),
    step: 1,
    seed: 0,
    lr: 0,
  });
  const scores = [...((await run.outputs()).get('output')?.data ?? [])];
  session.close();
  return { plan, scores };
}

/** The tensors that kernels bind and that lie in a state's buffer. */
function boundParts({ programs, tensors, buffers }: Plan, state: string) {
  const collect = (steps: readonly PlanStep[]): readonly number[] =>
    steps.flatMap((step) =>
      step.kind === 'loop' ? collect(step.steps) : step.kind === 'dispatch' ? step.tensors : [],
    );
  const bound = new Set(programs.flatMap(({ steps }) => collect(steps)));
  return tensors.filter(({ buffer }, at) => bound.has(at) && buffers[buffer]?.name === state);
}

it('gives the same scores', async () => {
  const whole = await predict(opened.facts);
  expect(boundParts(whole.plan, 'wte.weight').map(({ bytes }) => bytes)).toEqual([40 * 8 * 4]);
  // Sixteen rows of the embedding at a time, for the tokens and for the scores; other matrices are divided, too.
  const split = await predict({ ...opened.facts, bindingBytes: 512 });
  const parts = boundParts(split.plan, 'wte.weight');
  expect(parts.map(({ offset, bytes }) => [offset, bytes])).toEqual([
    [0, 512],
    [512, 512],
    [1024, 256],
  ]);
  expect(boundParts(split.plan, 'h.0.mlp.c_fc.weight').length).toBeGreaterThan(1);
  expect(split.scores).toHaveLength(rows * length * 40);
  const largest = Math.max(...whole.scores.map(Math.abs));
  for (const [at, score] of split.scores.entries())
    expect(Math.abs(score - (whole.scores[at] ?? Number.NaN))).toBeLessThan(1e-5 * largest);
}, 60_000);
