/**
 * PyTorch's runs of Transformers through the command line, where no tensor of PyTorch is kept: initial weights are a
 * formula, and a tensor is compared by its norm and its products with rows of signs. `brothers/transformers/make.py`
 * has the other half.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { readSafetensors, writeSafetensors } from '../../runtime/safetensors.ts';
import type { TensorData } from '../../runtime/session.ts';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

/** A tensor's norm, then its products with rows of signs. */
const traceSchema = z.array(z.number()).length(4);
const tracesSchema = z.record(z.string(), traceSchema);

const formulaCaseSchema = z.strictObject({
  program: z.string(),
  config: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  batch: z.number(),
  optimizer: z.looseObject({ name: z.string(), lr: z.number() }),
  clip_norm: z.number().nullable(),
  losses: z.array(z.number()),
  grad_norms: z.array(z.number()),
  parameters: z.record(z.string(), z.array(z.number())),
  output: z.strictObject({ shape: z.array(z.number()), largest: z.number(), trace: traceSchema }),
  /** Of the first step, before clipping. */
  gradients: tracesSchema,
  /** What the last step's weights differ in from the first's. */
  moved: tracesSchema,
  data: z.record(
    z.string(),
    z.strictObject({
      dtype: z.enum(['f32', 'i32']),
      shape: z.array(z.number()),
      values: z.array(z.number()),
    }),
  ),
});

type Expected = z.infer<typeof formulaCaseSchema>;

export interface FormulaCase {
  readonly name: string;
  readonly program: string;
  readonly expected: Expected;
}

export function findFormulaCases(folder: string): readonly FormulaCase[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => {
      const expected = formulaCaseSchema.parse(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
      const { program } = expected;
      const place = program.startsWith('models/') ? program : path.join(folder, program);
      return { name: path.basename(file, '.json'), program: place, expected };
    });
}

/** FNV-1a. */
function seedOf(name: string): number {
  let hash = 2166136261;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 16777619);
  return hash >>> 0;
}

/** 32 bits for each place, as murmur's finish mixes them. */
function bitsAt(seed: number, at: number): number {
  let x = (seed + Math.imul(at, 0x9e3779b1)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The initial weights of a parameter: matrices keep the size of what they multiply, norms lie about 1. */
function startOf(name: string, shape: readonly number[]): TensorData {
  const seed = seedOf(name);
  const weightOf = (wave: number): number => {
    if (shape.length > 1) return wave * Math.sqrt(3 / (shape.at(-1) ?? 1));
    return name.endsWith('weight') ? 1 + 0.3 * wave : 0.3 * wave;
  };
  const data = Float32Array.from({ length: countOf(shape) }, (_, at) =>
    weightOf(bitsAt(seed, at) / 2 ** 31 - 1),
  );
  return { dtype: 'f32', shape, data };
}

function traceOf(values: ArrayLike<number>): readonly number[] {
  const all = Array.from(values);
  const norm = Math.sqrt(all.reduce((sum, value) => sum + value * value, 0));
  const products = [0, 1, 2].map((row) => {
    const seed = seedOf(`signs ${row}`);
    return all.reduce((sum, value, at) => sum + (bitsAt(seed, at) >>> 31 === 1 ? -value : value), 0);
  });
  return [norm, ...products];
}

/** Whether the norm and the products are those of a tensor of `count` elements that is wrong by `error` as a whole. */
function expectTrace(
  what: string,
  values: ArrayLike<number>,
  wanted: readonly number[],
  error: number,
): void {
  const actual = traceOf(values);
  wanted.forEach((value, at) =>
    expect(
      Math.abs((actual[at] ?? Number.NaN) - value),
      `${what}: ${actual.join(' ')}, expected ${wanted.join(' ')}`,
    ).toBeLessThanOrEqual(error),
  );
}

/** Runs training, a step that shows each gradient, and prediction, and compares all of them. Throws what differs. */
export async function checkFormulaCase({ program, expected }: FormulaCase, device: string): Promise<void> {
  const work = mkdtempSync(path.join(tmpdir(), 'lmc-formula-'));
  const file = (name: string): string => path.join(work, `${name}.safetensors`);
  try {
    const parameters = Object.entries(expected.parameters).map(([name, shape]): [string, TensorData] => [
      name,
      startOf(name, shape),
    ]);
    writeFileSync(file('init'), writeSafetensors(new Map(parameters)));
    writeFileSync(file('data'), writeSafetensors(dataOf(expected)));
    const common = [
      ...settings(expected),
      '--task',
      'schedule=constant{}',
      '--data',
      file('data'),
      '--device',
      device,
    ];
    const training = [
      'train',
      program,
      ...common,
      '--init',
      file('init'),
      '--no-shuffle',
      '--log-format',
      'json',
    ];

    const { name, ...numbers } = expected.optimizer;
    const options = Object.entries(numbers).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const optimizer = ['--task', `optim=${name}{${options.join(', ')}}`];
    const clip = ['--task', `clip_norm=${expected.clip_norm ?? 1e9}`];
    checkSteps(
      await lmc(...training, ...optimizer, ...clip, '--epochs', '1', '--save', file('final')),
      expected,
    );
    for (const [parameter, change] of differences(file('final'), parameters, -1))
      expectTrace(
        `movement of ${parameter}`,
        change,
        wanted(expected.moved, parameter),
        movedError(expected, parameter),
      );

    // Adapters show the gradients by what the weights became, and save a compilation.
    if (device === 'reference') await checkGradients(training, file('down'), parameters, expected);

    await lmc(
      'predict',
      program,
      ...common,
      '--params',
      file('init'),
      '--limit',
      String(expected.batch),
      '-o',
      file('out'),
    );
    const output = readSafetensors(readFileSync(file('out'))).tensors.get('output');
    expect(output?.shape).toEqual(expected.output.shape);
    const elements = Math.sqrt(countOf(expected.output.shape));
    expectTrace(
      'output',
      output?.data ?? [],
      expected.output.trace,
      1e-4 * expected.output.largest * elements,
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** A step of gradient descent at a rate of 1 subtracts the gradients. */
async function checkGradients(
  training: readonly string[],
  saved: string,
  parameters: readonly (readonly [string, TensorData])[],
  { gradients }: Expected,
): Promise<void> {
  const plain = ['--task', 'optim=sgd{lr=1}', '--task', 'clip_norm=1e9', '--steps', '1'];
  await lmc(...training, ...plain, '--save', saved);
  for (const [parameter, gradient] of differences(saved, parameters, 1)) {
    const trace = wanted(gradients, parameter);
    const rounding = 3e-7 * Math.sqrt(gradient.length);
    expectTrace(`gradient of ${parameter}`, gradient, trace, 1e-3 * (trace[0] ?? 0) + rounding);
  }
}

const wanted = (traces: Expected['gradients'], name: string): readonly number[] => traces[name] ?? [];

/** Three steps with rounding of float32 in each; a weight is stored to some 6e-8 of its size. */
function movedError({ moved, parameters }: Expected, name: string): number {
  return 2e-3 * (moved[name]?.[0] ?? 0) + 3e-7 * Math.sqrt(countOf(parameters[name] ?? []));
}

function dataOf({ data }: Expected): ReadonlyMap<string, TensorData> {
  return new Map(
    Object.entries(data).map(([name, { dtype, shape, values }]): [string, TensorData] => [
      name,
      dtype === 'f32'
        ? { dtype, shape, data: Float32Array.from(values) }
        : { dtype, shape, data: Int32Array.from(values) },
    ]),
  );
}

function settings({ config, batch }: Expected): readonly string[] {
  const entries = Object.entries(config);
  return [
    ...entries.flatMap(([entry, value]) => ['--set', `${entry}=${value}`]),
    '--batch-size',
    String(batch),
  ];
}

/** `sign` times what the weights were less what the file has. */
function differences(
  file: string,
  before: readonly (readonly [string, TensorData])[],
  sign: 1 | -1,
): readonly (readonly [string, Float64Array])[] {
  const after = readSafetensors(readFileSync(file)).tensors;
  expect([...after.keys()].toSorted()).toEqual(before.map(([name]) => name).toSorted());
  return before.map(([name, { data }]) => {
    const values = after.get(name)?.data ?? [];
    return [
      name,
      Float64Array.from(data, (value, at) => sign * (value - (values[at] ?? Number.NaN))),
    ] as const;
  });
}

function checkSteps(stdout: string, expected: Expected): void {
  const steps = stdout
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ event }) => event === 'step');
  expect(steps.length).toBe(expected.losses.length);
  steps.forEach(({ loss, grad_norm: norm }, at) => {
    expectRelative(`loss of step ${at + 1}`, Number(loss), expected.losses[at] ?? 0, 1e-4);
    expectRelative(`gradient norm of step ${at + 1}`, Number(norm), expected.grad_norms[at] ?? 0, 1e-3);
  });
}

function expectRelative(what: string, actual: number, value: number, tolerance: number): void {
  expect(
    Math.abs(actual - value) / Math.abs(value),
    `${what}: ${actual}, expected ${value}`,
  ).toBeLessThanOrEqual(tolerance);
}

/** What went to stdout, after a run that succeeded. */
async function lmc(...args: readonly string[]): Promise<string> {
  const io = fakeIo();
  const code = await runCli(args, io);
  expect(code, `lmc ${args.join(' ')}\n${io.stderr()}`).toBe(0);
  return io.stdout();
}
