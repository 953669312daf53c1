/** Every optimiser, schedule and clipping against 20 steps of PyTorch (test/training/optimizers.py), on every device. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listDevices } from '../../runtime/node/device.ts';
import { readSafetensors, writeSafetensors } from '../../runtime/safetensors.ts';
import type { TensorData } from '../../runtime/session.ts';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const folder = path.join(import.meta.dirname, '..', 'training');
const cases = z
  .array(z.object({ task: z.array(z.string()), weights: z.record(z.string(), z.array(z.number())) }))
  .parse(JSON.parse(readFileSync(path.join(folder, 'optimizers.json'), 'utf8')));

const shapes: Readonly<Record<string, readonly number[]>> = {
  'hidden.weight': [3, 4],
  'hidden.bias': [3],
  'norm.weight': [3],
  'norm.bias': [3],
  'head.weight': [2, 3],
  'head.bias': [2],
};

function tensor(shape: readonly number[], element: (at: number) => number): TensorData {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: count }, (_, at) => element(at)) };
}

let work = '';
beforeAll(() => {
  work = mkdtempSync(path.join(tmpdir(), 'lmc-optimizers-'));
  const start = Object.entries(shapes).map(([name, shape]): [string, TensorData] => {
    const offset = name === 'norm.weight' ? 1 : 0;
    return [name, tensor(shape, (at) => Math.sin(0.37 * at + name.length) / 2 + offset)];
  });
  const data: readonly [string, TensorData][] = [
    ['x', tensor([80, 4], (at) => Math.sin(0.61 * at))],
    ['y', tensor([80, 2], (at) => Math.cos(0.43 * at))],
  ];
  writeFileSync(path.join(work, 'init.safetensors'), writeSafetensors(new Map(start)));
  writeFileSync(path.join(work, 'data.safetensors'), writeSafetensors(new Map(data)));
});
afterAll(() => rmSync(work, { recursive: true }));

const adapters = (await listDevices()).map(({ name }) => name);

describe.each(['reference', ...adapters])('on %s', (device) => {
  // A schedule is a number of the host: one device is enough.
  it.each(device === 'reference' ? cases : cases.filter(({ task }) => !/schedule/.test(task.join(' '))))(
    '$task',
    async ({ task, weights }) => {
      const saved = path.join(work, 'final.safetensors');
      const io = fakeIo();
      const files = [
        '--init',
        path.join(work, 'init.safetensors'),
        '--data',
        path.join(work, 'data.safetensors'),
      ];
      const run = ['--device', device, '--epochs', '1', '--no-shuffle', '--batch-size', '4', '--save', saved];
      const fields = task.flatMap((field) => ['--task', field]);
      const args = ['train', path.join(folder, 'small.lm'), ...files, ...run, ...fields];
      expect(await runCli(args, io), io.stderr()).toBe(0);
      const { tensors } = readSafetensors(readFileSync(saved));
      expect([...tensors.keys()].toSorted()).toEqual(Object.keys(weights).toSorted());
      for (const [name, expected] of Object.entries(weights)) {
        const largest = Math.max(...expected.map(Math.abs));
        const actual = Array.from(tensors.get(name)?.data ?? []);
        expected.forEach((value, at) =>
          expect(Math.abs((actual[at] ?? Number.NaN) - value), `${name}[${at}]`).toBeLessThanOrEqual(
            1e-5 * largest,
          ),
        );
      }
    },
    60_000,
  );
});
