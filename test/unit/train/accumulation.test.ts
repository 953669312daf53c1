/** A step of several batches is the step of one batch of all their rows, whatever the loss is a mean over. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { runCli } from '../../../src/cli/run.ts';
import { fakeIo } from '../cli/fake-io.ts';

const work = mkdtempSync(path.join(tmpdir(), 'lmc-accumulation-'));
afterAll(() => rmSync(work, { recursive: true }));

const [rows, width] = [24, 5];
const data = path.join(work, 'data.safetensors');
const x: TensorData = {
  dtype: 'f32',
  shape: [rows, width, 4],
  data: Float32Array.from({ length: rows * width * 4 }, (_, at) => Math.sin(0.61 * at)),
};
/** Row by row from none to all of the labels; the rows 4 to 7, a batch of their own, have none. */
const counted = (row: number): number => (row >= 4 && row < 8 ? 0 : 1 + ((7 * row) % width));
const labels: TensorData = {
  dtype: 'i32',
  shape: [rows, width],
  data: Int32Array.from({ length: rows * width }, (_, at) =>
    at % width < counted(Math.floor(at / width)) ? (at * 5) % 3 : -100,
  ),
};
writeFileSync(data, writeSafetensors(new Map([['x', x], ['labels', labels]]))); // prettier-ignore

async function train(batchSize: number, fields: readonly string[]) {
  const io = fakeIo();
  const saved = path.join(work, 'saved.safetensors');
  const run = [
    '--device',
    'reference',
    '--epochs',
    '2',
    '--no-shuffle',
    '--log-format',
    'json',
    '--save',
    saved,
  ];
  const task = fields.flatMap((field) => ['--task', field]);
  const file = path.join(import.meta.dirname, '..', '..', 'training', 'counted.lm');
  const args = ['train', file, '--data', data, '--batch-size', String(batchSize), ...run, ...task];
  expect(await runCli(args, io), io.stderr()).toBe(0);
  const steps = io
    .stdout()
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
    .flatMap(({ event, loss, grad_norm: norm }) => (event === 'step' ? [Number(loss), Number(norm)] : []));
  return { steps, tensors: readSafetensors(readFileSync(saved)).tensors, stderr: io.stderr() };
}

const ignoring = 'cross_entropy(output, labels, ignore_index=-100)';
describe.each([
  ['a mean over labels that are not ignored', ignoring],
  ['a sum', 'cross_entropy(output, labels, ignore_index=-100, reduction="sum") * 0.01'],
  ['a mean by classes', 'cross_entropy(output, labels, ignore_index=-100, weight=[0.2, 0.5, 0.1])'],
  ['a mean over the elements', 'mean(output * output)'],
  ['a mean of means', 'mean(mean(output * output, axis=-1)) + 0.5 * mean(abs(output))'],
  ['two losses of the same labels', `0.7 * ${ignoring} - 0.2 * ${ignoring} / 3`],
  ['a mean with a regulariser', `${ignoring} + 0.1 * l2("head.weight")`],
  [
    'a mean with weights',
    'sum((0.5 + f32(labels == 1)) * mean(output * output, axis=-1)) / sum(0.5 + f32(labels == 1))',
  ],
])('%s', (_, loss) => {
  it.each([2, 3, 5])('is that of one batch, in %i parts', async (accumulate) => {
    const fields = [`loss=${loss}`, 'clip_norm=0.2'];
    const parts = await train(4, [...fields, `accumulate=${accumulate}`]);
    const together = await train(4 * accumulate, fields);
    expect(parts.stderr).not.toContain('warning');
    expect(parts.steps).toHaveLength(4 * Math.ceil(rows / 4 / accumulate));
    parts.steps.forEach((value, at) => expect(value).toBeCloseTo(together.steps[at] ?? Number.NaN, 5));
    for (const [name, { data: values }] of parts.tensors)
      values.forEach((value, at) =>
        expect(value, name).toBeCloseTo(together.tensors.get(name)?.data[at] ?? Number.NaN, 5),
      );
  });
});

it('says where no weight is right', async () => {
  const { stderr } = await train(4, [`loss=${ignoring} + mean(output * output)`, 'accumulate=2']);
  expect(stderr).toContain('LM0447');
});
