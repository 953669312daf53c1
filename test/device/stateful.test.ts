/** Training with carried states on every adapter: the same losses as the evaluator's, and resumed bit for bit. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { listDevices } from '../../runtime/node/device.ts';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const adapters = (await listDevices()).map(({ name }) => name);
const work = mkdtempSync(path.join(tmpdir(), 'lmc-stateful-'));
const text = path.join(work, 'text.txt');
writeFileSync(text, Array.from({ length: 900 }, (_, k) => 'abcdefg'[(k * k) % 7] ?? '').join(''));

afterAll(() => {
  rmSync(work, { recursive: true });
});

const model = [
  'models/char_lstm.lm',
  ...['vocab_size=9', 'embedding_dim=5', 'hidden_size=7', 'num_layers=2'].flatMap((entry) => [
    '--set',
    entry,
  ]),
  '--task',
  `data=text{${JSON.stringify(text)}} | split{validation=0.2, test=0.1} | characters{9} | windows{16, contiguous} | batches{3}`,
  '--task',
  'validation=7',
];

interface Event {
  readonly event: string;
  readonly loss: number;
}

async function train(options: string): Promise<readonly Event[]> {
  const io = fakeIo();
  const file = options.includes('--resume') ? [] : model;
  const args = ['train', ...file, ...options.split(' '), '--log-format', 'json'];
  expect([await runCli(args, io), io.stderr()]).toEqual([0, expect.any(String)]);
  return io
    .stdout()
    .trim()
    .split('\n')
    .map((line): Event => JSON.parse(line));
}

const lossesOf = (events: readonly Event[], kind: string): readonly number[] =>
  events.filter(({ event }) => event === kind).map(({ loss }) => loss);

describe.each(['reference', ...adapters])('carried states on %s', (device) => {
  const folder = (name: string): string => path.join(work, `${device} ${name}`.replaceAll(/\W+/g, '-'));
  const result = (name: string): string =>
    readFileSync(path.join(folder(name), 'model.safetensors')).toString('base64');

  it('gives the losses of the evaluator, across epochs and validations', async () => {
    const found = await train(`--device ${device} --steps 30 --out ${folder('a')}`);
    const expected = await train(`--device reference --steps 30`);
    for (const kind of ['step', 'validation', 'test']) {
      const [losses, others] = [lossesOf(found, kind), lossesOf(expected, kind)];
      expect(losses.length).toBe(others.length);
      losses.forEach((loss, at) => expect(Math.abs(loss - (others[at] ?? 0))).toBeLessThan(2e-4));
    }
  }, 300_000);

  it.each([5, 13])(
    'goes on after step %i bit for bit',
    async (step) => {
      await train(`--device ${device} --steps ${step} --out ${folder(`stop-${step}`)}`);
      await train(`--resume ${folder(`stop-${step}`)} --steps 30`);
      expect(result(`stop-${step}`)).toBe(result('a'));
    },
    300_000,
  );
});
