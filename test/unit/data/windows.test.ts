/** Windows of a long text. */
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../runtime/data/open-dataset.ts';
import type { Batch, Dataset } from '../../../runtime/data/dataset.ts';
import type { PlanCall, PlanDim, PlanTask } from '../../../runtime/plan.ts';
import { RuntimeError } from '../../../runtime/session.ts';

const dim = (symbol: string): PlanDim => [{ coefficient: 1, symbols: [symbol] }];
const pair = [dim('batch'), dim('seq')];
const call = (
  builder: string,
  positional: PlanCall['positional'],
  named: PlanCall['named'] = {},
): PlanCall => ({
  builder,
  positional,
  named,
  place: `x.lm:1 (${builder})`,
});

async function open(
  text: string,
  { split = {}, window = 4, shuffle = true, room = 30, encoder = '', contiguous = false } = {},
): Promise<Dataset> {
  const task: PlanTask = {
    name: 'lm',
    targets: [],
    data: [
      call('text', ['a.txt']),
      call('split', [], { validation: 0.25, test: 0, ...split }),
      call('characters', [room]),
      call('windows', [window], contiguous ? { contiguous } : {}),
      call('batches', [3], { shuffle }),
    ],
    metrics: [],
    optimizer: call('sgd', []),
    epochs: 1,
    seed: 0,
    batchSize: 3,
    fields: {},
  };
  return openDataset(task, {
    inputs: [
      { name: 'tokens', dtype: 'i32', shape: pair, range: [0, 30] },
      { name: 'next', dtype: 'i32', shape: pair },
    ],
    targets: ['next'],
    dims: [
      { name: 'batch', bound: 3 },
      { name: 'seq', bound: 8 },
    ],
    files: { read: (name) => Promise.resolve({ name, bytes: new TextEncoder().encode(text) }) },
    ...(encoder === '' ? {} : { encoder }),
  });
}

const all = (
  dataset: Dataset,
  split: 'train' | 'validation',
  seed = 1,
  epoch = 0,
  shuffle = true,
): Batch[] => [...dataset.batches(split, { seed, epoch, shuffle })];
const ids = (batch: Batch, name: string): readonly number[] => [...(batch.tensors.get(name)?.data ?? [])];
const alphabet = 'abcdefghijklmnopqrstuvwxyz';

describe('contiguous windows', () => {
  const options = { shuffle: false, contiguous: true };
  const rowsOf = (batch: Batch, name: string): readonly (readonly number[])[] => {
    const [flat, length] = [ids(batch, name), batch.sizes.get('seq') ?? 0];
    return Array.from({ length: batch.rows }, (_, row) => flat.slice(row * length, (row + 1) * length));
  };
  /** What each row of the batches reads, one batch after the other. */
  const streamsOf = (batches: readonly Batch[], name: string): readonly (readonly number[])[] =>
    Array.from({ length: 3 }, (_, row) => batches.flatMap((batch) => rowsOf(batch, name)[row] ?? []));

  it('go on in the next batch, in three streams; training has whole windows only', async () => {
    const dataset = await open(alphabet.repeat(4), options);
    // 78 characters, 77 predictions: 25 in each stream, 26 in the first two.
    const batches = all(dataset, 'train', 1, 0, true);
    expect(batches.map(({ rows, sizes }) => [rows, sizes.get('seq')])).toEqual(
      Array.from({ length: 6 }, () => [3, 4]),
    );
    expect(dataset.batchesPerEpoch('train', { seed: 1, epoch: 0, shuffle: true })).toBe(6);
    const letter = (at: number): number => (at % 26) + 2;
    const expected = (shift: number) =>
      [0, 26, 52].map((start) => Array.from({ length: 24 }, (_, at) => letter(start + at + shift)));
    expect(streamsOf(batches, 'tokens')).toEqual(expected(0));
    expect(streamsOf(batches, 'next')).toEqual(expected(1));
    expect(dataset.notes).toContain('5 tokens at the ends of the 3 streams: not trained on');
  });

  it('predict every token of a held-out part but the first once', async () => {
    const dataset = await open(alphabet.repeat(4), { ...options, split: { validation: 0.26 } });
    const batches = all(dataset, 'validation', 1, 0, false);
    // 28 characters, 27 predictions, 9 in each stream.
    expect(batches.map(({ rows, weight }) => [rows, weight])).toEqual([
      [3, 12],
      [3, 12],
      [3, 3],
    ]);
    expect(dataset.batchesPerEpoch('validation', { seed: 1, epoch: 0, shuffle: false })).toBe(3);
    const odd = await open(alphabet.repeat(4), options);
    const others = all(odd, 'validation', 1, 0, false);
    // 26 characters, 25 predictions: the first stream has one more, in a batch of its own.
    expect(others.map(({ rows, weight }) => [rows, weight])).toEqual([
      [3, 12],
      [3, 12],
      [1, 1],
    ]);
    expect(odd.batchesPerEpoch('validation', { seed: 1, epoch: 0, shuffle: false })).toBe(3);
    expect(streamsOf(others, 'next').flat()).toEqual(Array.from({ length: 25 }, (_, at) => at + 3));
  });

  it('are neither shuffled nor too few', async () => {
    await expect(open(alphabet.repeat(4), { contiguous: true })).rejects.toThrow(
      /`shuffle` does not go with/,
    );
    await expect(open(alphabet.slice(0, 16), options)).rejects.toThrow(
      /3 streams of the training part have 3 tokens each, fewer than a window of 4/,
    );
  });
});

describe('windows', () => {
  it('predict every token of a held-out part but the first once, in order', async () => {
    const dataset = await open(alphabet.repeat(4));
    const batches = all(dataset, 'validation', 1, 0, false);
    // 26 characters are held out: 25 predictions, in six windows of 4 and one of 1.
    expect(batches.map(({ rows, weight, tokens }) => [rows, weight, tokens])).toEqual([
      [3, 12, 12],
      [3, 12, 12],
      [1, 1, 1],
    ]);
    const letters = Array.from(alphabet, (_, k) => k + 2);
    expect(batches.flatMap((batch) => ids(batch, 'tokens'))).toEqual(letters.slice(0, 25));
    expect(batches.flatMap((batch) => ids(batch, 'next'))).toEqual(letters.slice(1));
    expect(batches.at(-1)?.sizes).toEqual(
      new Map([
        ['batch', 1],
        ['seq', 1],
      ]),
    );
    expect(dataset.batchesPerEpoch('validation', { seed: 1, epoch: 0, shuffle: false })).toBe(3);
    expect(dataset.rows).toEqual({ train: 20, validation: 7, test: 0 });
  });

  it('are drawn anywhere in training, the same for the same seed and epoch', async () => {
    const dataset = await open(alphabet.repeat(4));
    const first = all(dataset, 'train');
    expect(first).toHaveLength(7);
    expect(dataset.batchesPerEpoch('train', { seed: 1, epoch: 0, shuffle: true })).toBe(7);
    expect(all(dataset, 'train')).toEqual(first);
    expect(all(dataset, 'train', 2)).not.toEqual(first);
    expect(all(dataset, 'train', 1, 1)).not.toEqual(first);
    for (const batch of first) {
      const [tokens, next] = [ids(batch, 'tokens'), ids(batch, 'next')];
      // Letters follow each other in this text, and z is followed by a.
      expect(next).toEqual(tokens.map((id) => (id === 27 ? 2 : id + 1)));
    }
    const starts = new Set(first.flatMap((batch) => ids(batch, 'tokens').filter((_, at) => at % 4 === 0)));
    expect(starts.size).toBeGreaterThan(8);
  });

  it('follow each other where nothing is shuffled', async () => {
    const [first] = all(await open(alphabet, { shuffle: false }), 'train');
    expect(first && ids(first, 'tokens')).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it('number the characters of the training part; others are unknown, and said to be', async () => {
    const dataset = await open('aaab'.repeat(12) + '\u{1F600}cab'.repeat(3), { window: 2 });
    const held = all(dataset, 'validation', 1, 0, false).flatMap((batch) => ids(batch, 'tokens'));
    // A character beyond 16 bits is one token.
    expect(held.slice(0, 5)).toEqual([3, 1, 1, 2, 3]);
    expect(dataset.notes).toContainEqual('6 tokens of the validation part: <unk>');
    const again = await open('zzzz'.repeat(9), { encoder: dataset.encoder ?? '', window: 2 });
    expect(again.encoder).toBe(dataset.encoder);
  });

  it.each([
    ['a text that is too short', 'abc', {}, /2 tokens, too few for a window of 4/],
    ['a window over the bound', alphabet, { window: 9 }, /windows of 9 are over the bound of `seq`, 8/],
  ])('refuse %s', async (_, text, options, message) => {
    await expect(open(text, options)).rejects.toThrow(RuntimeError);
    await expect(open(text, options)).rejects.toThrow(message);
  });
});
