/** `lmc train` on every adapter: the same bits every time, and after an interruption; a device that is lost. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo, type FakeIo } from '../unit/cli/fake-io.ts';

const opened = vi.hoisted((): { device?: GPUDevice } => ({}));

vi.mock('../../runtime/node/device.ts', async (original) => {
  const real = await original<typeof import('../../runtime/node/device.ts')>();
  return {
    ...real,
    openDevice: async (...args: Parameters<typeof real.openDevice>) => {
      const found = await real.openDevice(...args);
      opened.device = found.device;
      return found;
    },
  };
});

const { listDevices } = await import('../../runtime/node/device.ts');
const adapters = (await listDevices()).map(({ name }) => name);
const work = mkdtempSync(path.join(tmpdir(), 'lmc-training-'));

afterAll(() => {
  rmSync(work, { recursive: true });
});

/** Six batches an epoch, with dropout, bucketed and shuffled. */
const model = [
  'models/text_classifier.lm',
  ...['vocab_size=200', 'embedding_dim=8', 'hidden_dim=7', 'n_layers=2', 'dropout=0.5'].flatMap((entry) => [
    '--set',
    entry,
  ]),
  '--task',
  'data=csv{"demo/reviews.csv", text="review", label="sentiment"} | split{validation=0.05, test=0.75, order=file} | words{vocab_size, max_length=12} | batches{32, shuffle, bucket=seq}',
];

async function train(options: string, io: FakeIo = fakeIo()): Promise<FakeIo & { readonly code: number }> {
  const file = options.includes('--resume') ? [] : model;
  const code = await runCli(['train', ...file, ...options.split(' ')], io);
  return { ...io, code };
}

function result(folder: string): string {
  return readFileSync(path.join(folder, 'model.safetensors')).toString('base64');
}

describe.each(['reference', ...adapters])('training on %s', (device) => {
  const folder = (name: string): string => path.join(work, `${device} ${name}`.replaceAll(/\W+/g, '-'));
  const limits = `--device ${device} --steps 10`;

  it('gives the same bits three times, and others for another seed', async () => {
    for (const name of ['a', 'b', 'c']) expect((await train(`${limits} --out ${folder(name)}`)).code).toBe(0);
    expect(result(folder('b'))).toBe(result(folder('a')));
    expect(result(folder('c'))).toBe(result(folder('a')));
    await train(`${limits} --seed 7 --out ${folder('d')}`);
    expect(result(folder('d'))).not.toBe(result(folder('a')));
  }, 300_000);

  it.each([4, 6])(
    'goes on after step %i bit for bit',
    async (step) => {
      const place = folder(`stop-${step}`);
      expect((await train(`--device ${device} --steps ${step} --out ${place}`)).code).toBe(0);
      expect((await train(`--resume ${place} --steps 10`)).code).toBe(0);
      expect(result(place)).toBe(result(folder('a')));
    },
    300_000,
  );

  it('goes on after Ctrl-C bit for bit', async () => {
    const io = fakeIo();
    const out = (text: string): void => {
      io.out(text);
      if (text.includes('"step":1,')) io.interrupt();
    };
    const place = folder('interrupted');
    const { code } = await train(`${limits} --log-format json --out ${place}`, { ...io, out });
    expect(code).toBe(130);
    expect((await train(`--resume ${place}`)).code).toBe(0);
    expect(result(place)).toBe(result(folder('a')));
  }, 300_000);
});

describe.runIf(adapters.length > 0)('a device that is lost', () => {
  it('ends the run with a message that says how to go on', async () => {
    const io = fakeIo();
    const out = (text: string): void => {
      io.out(text);
      if (text.includes('"step":7,')) opened.device?.destroy();
    };
    const place = path.join(work, 'lost');
    const { code, stderr } = await train(
      `--device ${adapters[0] ?? ''} --log-format json --steps 60 --checkpoint-steps 2 --out ${place}`,
      { ...io, out },
    );
    expect([code, stderr()]).toEqual([3, expect.stringContaining('npx lmc train --resume')]);
    expect(readdirSync(path.join(place, 'checkpoints')).length).toBeGreaterThan(0);
    expect((await train(`--resume ${place} --steps 12`)).code).toBe(0);
  }, 120_000);
});
