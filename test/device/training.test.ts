/** Training steps of whole models on the device against the float64 evaluator: recurrences, dropout, clipping, Adam. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { initialValues } from '../../runtime/initialize.ts';
import type { RunRequest, TensorData } from '../../runtime/session.ts';
import { createDiskHost } from '../../src/cli/source-host.ts';
import { compileProgram } from '../../src/compile.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import { openReferenceSession } from '../../src/reference-session.ts';
import { sampled, targets, testDevice } from './run-graph.ts';

const models = path.resolve(import.meta.dirname, '..', '..', 'models');

interface Case {
  readonly file: string;
  readonly set: Readonly<Record<string, string>>;
  readonly batch: number;
  readonly seq: number;
}

const small = { vocab_size: '11', embedding_dim: '5', hidden_dim: '6', dropout: '0.3' };
const cases: readonly Case[] = [
  { file: 'text_classifier.lm', set: { ...small, n_layers: '1', bidirectional: 'false' }, batch: 3, seq: 4 },
  { file: 'text_classifier.lm', set: { ...small, n_layers: '2' }, batch: 5, seq: 7 },
  { file: 'text_classifier_gru.lm', set: small, batch: 17, seq: 3 },
  { file: 'text_classifier_rnn.lm', set: small, batch: 2, seq: 9 },
  {
    file: 'text_classifier.lm',
    set: { ...small, hidden_dim: '33', embedding_dim: '17', n_layers: '3' },
    batch: 33,
    seq: 6,
  },
];

describe.each(targets)('%s', (_target, findTarget) => {
  test.each(sampled(cases))('$file, batch $batch, seq $seq', async ({ file, set, batch, seq }) => {
    const reporter = new Reporter();
    const options = {
      set: new Map(Object.entries(set)),
      task: new Map([['clip_norm', '0.5']]),
      batchSize: batch,
    };
    const target = await findTarget();
    const model = compileProgram(path.join(models, file), createDiskHost(), options, { target }, reporter);
    expect(reporter.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    if (model === undefined) throw new Error('the model does not compile');
    const { plan, modules } = model.generated;
    const { device, description } = await testDevice();
    const session = await openGpuSession(device, plan, modules, { seed: 3, description });
    const reference = openReferenceSession(model.graphs, {
      initialize: (state, shape) => initialValues(state.initializer, shape, 3, state.name),
    });
    const integers = (shape: readonly number[], at: (index: number) => number): TensorData => ({
      dtype: 'i32',
      shape,
      data: Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => at(index)),
    });
    for (let step = 1; step <= 3; step++) {
      const request: RunRequest = {
        sizes: new Map([
          ['batch', batch],
          ['seq', seq],
        ]),
        inputs: new Map([
          ['tokens', integers([batch, seq], (at) => (at * 7 + step) % 11)],
          ['lengths', integers([batch], (at) => 1 + ((at + step) % seq))],
          ['labels', integers([batch], (at) => (at + step) % 2)],
        ]),
        step,
        seed: 3,
        lr: 0.01,
      };
      for (const program of ['train', 'eval'] as const) {
        const actual = await session.submit(program, request).outputs();
        const expected = await reference.submit(program, request).outputs();
        expect([...actual.keys()]).toEqual([...expected.keys()]);
        for (const [name, tensor] of expected)
          expectNear(`${name} of step ${step}`, actual.get(name), tensor);
      }
    }
    for (const { name, role } of plan.states)
      if (role === 'parameter')
        expectNear(name, await session.readState(name), await reference.readState(name));
    session.close();
    reference.close();
  });
});

function expectNear(name: string, actual: TensorData | undefined, expected: TensorData): void {
  expect(actual?.shape, name).toEqual(expected.shape);
  for (const [at, value] of expected.data.entries()) {
    const other = actual?.data[at] ?? Number.NaN;
    // Adam divides by the root of a mean square: where the gradient is all rounding, so is the step.
    if (Math.abs(other - value) > 2e-4 + 1e-3 * Math.abs(value))
      throw new Error(`${name}[${at}]: ${other} where the evaluator has ${value}`);
  }
}
