/**
 * A run that was stopped, anywhere within a step of several batches, against one that was not: the same bits, with
 * dropout, shuffling, accumulation, a schedule, and a moving average of the weights.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { listDevices } from '../../runtime/node/device.ts';
import { readSafetensors } from '../../runtime/safetensors.ts';
import { runCli } from '../../src/cli/run.ts';
import { fakeIo, type FakeIo } from '../unit/cli/fake-io.ts';

/** Counts the batches of training, and presses Ctrl-C while one of them is on its way. */
const batches = vi.hoisted((): { count: number; stopAt?: number; io?: FakeIo } => ({ count: 0 }));

vi.mock('../../runtime/request.ts', async (original) => {
  const real = await original<typeof import('../../runtime/request.ts')>();
  return {
    ...real,
    requestFor: (...args: Parameters<typeof real.requestFor>) => {
      if (args[1] === 'train' && ++batches.count === batches.stopAt) batches.io?.interrupt();
      return real.requestFor(...args);
    },
  };
});

const adapters = (await listDevices()).map(({ name }) => name);
const work = mkdtempSync(path.join(tmpdir(), 'lmc-resume-'));
afterAll(() => rmSync(work, { recursive: true }));

/** Six batches an epoch: a step of four and one of two. */
const model = [
  'models/text_classifier.lm',
  ...['vocab_size=200', 'embedding_dim=8', 'hidden_dim=7', 'n_layers=2', 'dropout=0.5'].flatMap((entry) => [
    '--set',
    entry,
  ]),
  ...[
    'data=csv{"demo/reviews.csv", text="review", label="sentiment"} | split{validation=0.05, test=0.75, order=file} | words{vocab_size, max_length=12} | batches{32, shuffle, bucket=seq}',
    'accumulate=4',
    'ema=0.9',
    'clip_norm=0.5',
    'validation=1',
    'schedule=cosine{warmup=2, steps=6}',
  ].flatMap((field) => ['--task', field]),
];

async function train(options: string, stopAt?: number, more: readonly string[] = []): Promise<number> {
  const io = fakeIo();
  Object.assign(batches, { count: 0, stopAt, io });
  const file = options.includes('--resume') ? [] : model;
  return runCli(['train', ...file, ...more, ...options.split(' ')], io);
}

const losses = (folder: string): readonly Readonly<Record<string, unknown>>[] =>
  readFileSync(path.join(folder, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
    .flatMap(({ event, step, loss, grad_norm, lr }) =>
      event === 'step' || event === 'eval' ? [{ event, step, loss, grad_norm, lr }] : [],
    );

describe.each(['reference', ...adapters])('a run on %s', (device) => {
  const folder = (name: string): string => path.join(work, `${device} ${name}`.replaceAll(/\W+/g, '-'));
  const whole = folder('whole');
  const result = (place: string): string =>
    readFileSync(path.join(place, 'model.safetensors')).toString('base64');
  beforeAll(async () => {
    expect(await train(`--device ${device} --steps 5 --out ${whole}`)).toBe(0);
  }, 300_000);

  it('keeps the average beside the weights, and gives the average', () => {
    const [newest = ''] = readdirSync(path.join(whole, 'checkpoints')).toSorted().toReversed();
    const read = (name: string) =>
      readSafetensors(readFileSync(path.join(whole, 'checkpoints', newest, `${name}.safetensors`))).tensors;
    const [weights, averages, best] = [read('parameters'), read('average'), read('best')];
    expect([...averages.keys()].toSorted()).toEqual([...weights.keys()].toSorted());
    for (const [name, { data }] of averages) expect(data, name).not.toEqual(weights.get(name)?.data);
    const saved = readSafetensors(readFileSync(path.join(whole, 'model.safetensors'))).tensors;
    expect(saved.get('fc.weight')).toEqual(best.get('fc.weight'));
  });

  // In the middle of the first step, of the short one at an epoch's end, and between two steps.
  it.each([2, 5, 10])(
    'goes on after batch %i bit for bit',
    async (stopAt) => {
      const place = folder(`stop-${stopAt}`);
      expect(await train(`--device ${device} --steps 5 --out ${place}`, stopAt)).toBe(130);
      expect(await train(`--resume ${place}`)).toBe(0);
      expect(result(place)).toBe(result(whole));
      expect(losses(place)).toEqual(losses(whole));
    },
    300_000,
  );
});

it('keeps a rate that validations drive', async () => {
  const [whole, stopped] = [path.join(work, 'plateau'), path.join(work, 'plateau-stopped')];
  const schedule = [
    '--task',
    'schedule=reduce_on_plateau{factor=0.5, patience=0, threshold=0.5, cooldown=1}',
  ];
  expect(await train(`--device reference --steps 6 --out ${whole}`, undefined, schedule)).toBe(0);
  const rates = losses(whole).flatMap((line) => (line.event === 'step' ? [line.lr] : []));
  expect(rates).toEqual([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4]);
  expect(await train(`--device reference --steps 6 --out ${stopped}`, 8, schedule)).toBe(130);
  expect(await train(`--resume ${stopped}`)).toBe(0);
  expect(losses(stopped)).toEqual(losses(whole));
}, 300_000);
