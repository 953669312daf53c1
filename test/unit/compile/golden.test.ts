/** PyTorch's runs of the models, step by step, through the whole front half of the compiler and the oracle. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSafetensors } from '../../../runtime/safetensors.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { lowerAndOptimize } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { isDetermined } from './zero-gradients.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const golden = path.resolve(root, '../shared/golden');

interface Expected {
  readonly config: Readonly<Record<string, number | boolean | string>>;
  readonly batch: number;
  readonly seq: number;
  readonly steps: number;
  readonly optimizer: Readonly<Record<string, number | string | readonly number[]>>;
  readonly clip_grad_norm: number | null;
  readonly losses: readonly number[];
  readonly grad_norms: readonly number[];
}

function readTensors(file: string): ReadonlyMap<string, Float64Tensor> {
  const bytes = readFileSync(file);
  const { tensors } = readSafetensors(bytes, file);
  return new Map(
    [...tensors].map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: Float64Array.from(data) },
    ]),
  );
}

/** Rows of every tensor: batch k of the data. */
function rowsOf(
  data: ReadonlyMap<string, Float64Tensor>,
  start: number,
  count: number,
): ReadonlyMap<string, Float64Tensor> {
  return new Map(
    [...data].map(([name, { dtype, shape, data: all }]) => {
      const length = all.length / (shape[0] ?? 1);
      return [
        name,
        {
          dtype,
          shape: [count, ...shape.slice(1)],
          data: all.subarray(start * length, (start + count) * length),
        },
      ];
    }),
  );
}

/** The sizes of the dimensions, from the shapes of the data. */
function sizesOf(
  graph: Graph,
  data: ReadonlyMap<string, Float64Tensor>,
  batch: number,
): ReadonlyMap<string, number> {
  const sizes = new Map([['batch', batch]]);
  for (const { name, value } of graph.inputs)
    for (const [axis, { terms }] of value.type.shape.entries()) {
      const symbol = terms[0]?.symbols[0];
      if (axis > 0 && symbol !== undefined) sizes.set(symbol, data.get(name)?.shape[axis] ?? 1);
    }
  return sizes;
}

function compile(name: string, expected: Expected) {
  const { cell, ...config } = expected.config;
  const set = new Map(Object.entries({ ...config, dropout: 0 }).map(([key, value]) => [key, String(value)]));
  const { name: optimizer, ...settings } = expected.optimizer;
  const fields = Object.entries(settings).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const task = new Map([['optim', `${optimizer}{${fields.join(', ')}}`]]);
  if (expected.clip_grad_norm !== null) task.set('clip_norm', String(expected.clip_grad_norm));
  const suffix = cell === 'LSTM' ? '' : `_${String(cell).toLowerCase()}`;
  const program = cell === undefined ? name : `text_classifier${suffix}`;
  const reporter = new Reporter();
  const file = path.join(root, `models/${program}.lm`);
  const model = lowerAndOptimize(file, createDiskHost(), { set, task, batchSize: expected.batch }, reporter);
  if (model?.graphs.train === undefined)
    throw new Error(`${name}: ${reporter.diagnostics.map((diagnostic) => diagnostic.message).join('; ')}`);
  return model.graphs;
}

function initialStates(graph: Graph, given: ReadonlyMap<string, Float64Tensor>) {
  return new Map(
    graph.states.map(({ name, role, value }) => {
      const tensor = given.get(name);
      if (tensor !== undefined) return [name, tensor];
      if (role === 'parameter') throw new Error(`no ${name} in init.safetensors`);
      const shape = value.type.shape.map((dim) => evaluateDim(dim, new Map()));
      return [
        name,
        { dtype: 'f32' as const, shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) },
      ];
    }),
  );
}

function relative(actual: number | undefined, expected: number | undefined): number {
  return Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN)) / Math.abs(expected ?? 1);
}

const cases = [
  'classifier_lstm',
  'classifier_gru',
  'classifier_rnn',
  'gpt2',
  'encoder_regression',
  'seq2seq',
];
const present = cases.filter((name) => existsSync(path.join(golden, name, 'expected.json')));
if (present.length < cases.length)
  console.warn(
    `SKIPPED: ${cases.filter((name) => !present.includes(name)).join(', ')}: no such folder in ${golden}`,
  );

describe.skipIf(present.length === 0)('PyTorch runs in float64', () => {
  test.each(present)('%s', (name) => {
    const folder = path.join(golden, name);
    const expected = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8')) as Expected;
    const graphs = compile(name, expected);
    const { train, predict } = graphs;
    if (train === undefined || predict === undefined) throw new Error('no program');
    const data = readTensors(path.join(folder, 'data.safetensors'));
    const init = readTensors(path.join(folder, 'init.safetensors'));
    const sizes = sizesOf(train, data, expected.batch);
    const bind = (graph: Graph, row: number) => {
      const rows = rowsOf(data, row, expected.batch);
      return new Map(
        graph.inputs.flatMap(({ name: input }) => {
          const tensor = rows.get(input);
          return tensor === undefined ? [] : [[input, tensor] as const];
        }),
      );
    };
    let states = initialStates(train, init);

    const output = evaluateGraph(predict, {
      sizes,
      inputs: bind(predict, 0),
      states,
      host: new Map(),
      seed: 1,
      step: 1,
    }).outputs.get('output');
    const wanted = readTensors(path.join(folder, 'outputs.safetensors')).get('output');
    const largest = Math.max(...(wanted?.data ?? []).map(Math.abs));
    wanted?.data.forEach((value, at) =>
      expect(Math.abs((output?.data[at] ?? Number.NaN) - value) / largest).toBeLessThan(1e-5),
    );

    const lr = Number(expected.optimizer['lr']);
    for (let step = 1; step <= expected.steps; step++) {
      const results = evaluateGraph(train, {
        sizes,
        inputs: bind(train, (step - 1) * expected.batch),
        states,
        host: hostNumbers(train, { step, lr }),
        seed: 1,
        step,
      });
      states = new Map([...states, ...results.updates]);
      const [loss, norm] = ['loss', 'grad_norm'].map((each) => results.outputs.get(each)?.data[0]);
      expect(relative(loss, expected.losses[step - 1]), `loss of step ${step}`).toBeLessThan(1e-5);
      expect(relative(norm, expected.grad_norms[step - 1]), `norm of step ${step}`).toBeLessThan(1e-4);
    }

    const final = readTensors(path.join(folder, 'final.safetensors'));
    for (const [parameter, tensor] of final) {
      const ours = states.get(parameter);
      const worst = Math.max(
        ...tensor.data.map((value, at) =>
          isDetermined(parameter, at, tensor.data.length)
            ? Math.abs(value - (ours?.data[at] ?? Number.NaN))
            : 0,
        ),
      );
      expect(worst, parameter).toBeLessThan(1e-4);
    }
  });
});
