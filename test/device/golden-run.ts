/** PyTorch's reference runs through the command line: same parameters, same batches, the same numbers after each step. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { readSafetensors } from '../../runtime/safetensors.ts';
import { runCli } from '../../src/cli/run.ts';
import { isDetermined } from '../unit/compile/zero-gradients.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const expectedSchema = z.object({
  case: z.string(),
  config: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  batch: z.number(),
  optimizer: z.looseObject({
    name: z.string(),
    lr: z.number(),
    momentum: z.number().optional(),
    weight_decay: z.number().optional(),
    betas: z.tuple([z.number(), z.number()]).optional(),
  }),
  clip_grad_norm: z.number().nullable(),
  losses: z.array(z.number()),
  grad_norms: z.array(z.number()),
});

type Expected = z.infer<typeof expectedSchema>;

export interface GoldenCase {
  readonly name: string;
  readonly folder: string;
  readonly model: string;
  readonly expected: Expected;
}

/** By the name of the cell in the configuration, or else of the case. */
const models: Readonly<Record<string, string>> = {
  LSTM: 'models/text_classifier.lm',
  GRU: 'models/text_classifier_gru.lm',
  RNN: 'models/text_classifier_rnn.lm',
  speech_ctc: 'models/speech_ctc.lm',
  gpt2: 'models/gpt2.lm',
  encoder_regression: 'models/encoder_regression.lm',
  seq2seq: 'models/seq2seq.lm',
};

/** Cases in a folder whose model there is. */
export function findCases(folder: string): readonly GoldenCase[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => {
      const place = path.join(folder, name);
      const file = path.join(place, 'expected.json');
      if (!existsSync(file)) return [];
      const expected = expectedSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      const model = models[String(expected.config['cell'] ?? expected.case)];
      return model === undefined || !existsSync(model) ? [] : [{ name, folder: place, model, expected }];
    });
}

/** Trains, compares every step and the final weights; predicts, and compares the outputs. Throws what differs. */
export async function checkCase({ folder, model, expected }: GoldenCase, device: string): Promise<void> {
  const work = mkdtempSync(path.join(tmpdir(), 'lmc-golden-'));
  try {
    const saved = path.join(work, 'final.safetensors');
    const file = (name: string): string => path.join(folder, `${name}.safetensors`);
    const common = [
      ...settings(expected),
      '--data',
      file('data'),
      '--batch-size',
      String(expected.batch),
      '--device',
      device,
    ];
    const events = await lmc(
      'train',
      model,
      ...common,
      '--init',
      file('init'),
      '--no-shuffle',
      '--epochs',
      '1',
      '--log-format',
      'json',
      '--save',
      saved,
    );
    checkSteps(events, expected);
    checkWeights(saved, file('final'));

    const output = path.join(work, 'out.safetensors');
    const limit = ['--limit', String(expected.batch)];
    await lmc('predict', model, ...common, '--params', file('init'), ...limit, '-o', output);
    checkOutputs(output, file('outputs'));
  } finally {
    rmSync(work, { recursive: true });
  }
}

function settings({ config, optimizer, clip_grad_norm: clip }: Expected): readonly string[] {
  const { name, ...numbers } = optimizer;
  const options = Object.entries(numbers).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return [
    ...Object.entries(config)
      .filter(([entry]) => entry !== 'cell')
      .flatMap(([entry, value]) => ['--set', `${entry}=${value}`]),
    '--set',
    'dropout=0',
    '--task',
    `optim=${name}{${options.join(', ')}}`,
    ...(clip === null ? [] : ['--task', `clip_norm=${clip}`]),
  ];
}

/** What went to stdout, after a run that succeeded. */
async function lmc(...args: readonly string[]): Promise<string> {
  const io = fakeIo();
  const code = await runCli(args, io);
  expect(code, `lmc ${args.join(' ')}\n${io.stderr()}`).toBe(0);
  return io.stdout();
}

function checkSteps(stdout: string, expected: Expected): void {
  const lines = stdout.trim().split('\n');
  const steps = lines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ event }) => event === 'step');
  expect(steps.map(({ step }) => step)).toEqual(expected.losses.map((_, at) => at + 1));
  steps.forEach(({ loss, grad_norm: norm, lr }, at) => {
    expect(lr).toBe(expected.optimizer.lr);
    expectRelative(`loss of step ${at + 1}`, Number(loss), expected.losses[at] ?? 0, 1e-3);
    expectRelative(`gradient norm of step ${at + 1}`, Number(norm), expected.grad_norms[at] ?? 0, 5e-3);
  });
}

function expectRelative(what: string, actual: number, wanted: number, tolerance: number): void {
  const error = Math.abs(actual - wanted) / Math.abs(wanted);
  expect(error, `${what}: ${actual}, expected ${wanted}`).toBeLessThanOrEqual(tolerance);
}

function checkOutputs(file: string, wanted: string): void {
  const actual = readSafetensors(readFileSync(file)).tensors.get('output');
  const expected = readSafetensors(readFileSync(wanted)).tensors.get('output');
  expect(actual?.shape).toEqual(expected?.shape);
  const largest = Math.max(...[...(expected?.data ?? [])].map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(largestDifference(actual?.data ?? [], expected?.data ?? [])).toBeLessThanOrEqual(1e-4 * largest);
}

/** Adam moves every weight by about lr a step, whatever the gradient's size: noise in a tiny one shows in full. */
const weightTolerance = 1e-3;

function checkWeights(file: string, wanted: string): void {
  const actual = readSafetensors(readFileSync(file)).tensors;
  const expected = readSafetensors(readFileSync(wanted)).tensors;
  expect([...actual.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, { shape, data }] of expected) {
    expect(actual.get(name)?.shape, name).toEqual(shape);
    const determined = (values: ArrayLike<number>): readonly number[] =>
      Array.from(values).filter((_, at) => isDetermined(name, at, data.length));
    const ours = determined(actual.get(name)?.data ?? []);
    expect(largestDifference(ours, determined(data)), name).toBeLessThan(weightTolerance);
  }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let at = 0; at < b.length; at++)
    largest = Math.max(largest, Math.abs((a[at] ?? Number.NaN) - (b[at] ?? Number.NaN)));
  return largest;
}
