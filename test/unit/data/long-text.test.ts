/** A text that is read from its file in chunks, with its tokens in another: the batches of one that is held in memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataContext, Dataset } from '../../../runtime/data/dataset.ts';
import { piecesOf } from '../../../runtime/data/long-text.ts';
import { openDataset } from '../../../runtime/data/open-dataset.ts';
import { createDataFiles } from '../../../runtime/node/data-files.ts';
import type { FileIdentity } from '../../../runtime/node/file-identity.ts';
import { createFileSink } from '../../../runtime/node/large-files.ts';
import type { PlanCall } from '../../../runtime/plan.ts';
import { call, symbol, taskOf } from './support.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lmc-long-text-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const languageModel: DataContext = {
  inputs: [
    { name: 'tokens', dtype: 'i32', shape: [symbol('batch'), symbol('seq')], range: [0, 400] },
    { name: 'targets', dtype: 'i32', shape: [symbol('batch'), symbol('seq')], range: [0, 400] },
  ],
  targets: ['targets'],
  dims: [
    { name: 'batch', bound: 64 },
    { name: 'seq', bound: 64 },
  ],
};

/** Lines of unequal lengths, with characters of one to four bytes, so that chunks end within some of them. */
function makeText(lines: number): string {
  const words = ['Straße', 'ein', 'großer', '🎈', '漢字', 'über', 'x', "it's", '12', 'né\u0301e', '\t.'];
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from(
    { length: lines },
    () => `${Array.from({ length: next(14) }, () => words[next(words.length)]).join(' ')}\n`,
  ).join('');
}

function open(
  data: readonly PlanCall[],
  held: number,
  observe?: (name: string, identity: FileIdentity) => void,
): Promise<Dataset> {
  const files = createDataFiles(folder, folder, observe, held);
  return openDataset(taskOf(data, 8), { ...languageModel, files });
}

/** The tensors of the first batches of each part, and the last. */
function look(dataset: Dataset): unknown {
  const parts = (['train', 'validation', 'test'] as const).map((split) => {
    const batches = [...dataset.batches(split, { seed: 3, epoch: 1, shuffle: true })];
    return [batches.length, ...batches.slice(0, 20), batches.at(-1)];
  });
  return { parts, rows: dataset.rows, encoder: dataset.encoder, notes: dataset.notes };
}

describe('a long text', () => {
  const split = call('split', [], { validation: 0.1, test: 0.05 });
  beforeAll(() => {
    const text = makeText(60_000);
    writeFileSync(path.join(folder, 'long.txt'), `\uFEFF${text}`);
    writeFileSync(path.join(folder, 'more.txt'), `${text.slice(0, 1000)}no end`);
  }, 60_000);

  it.each([
    ['characters', call('characters', [400]), call('windows', [64]), { shuffle: true }],
    ['streams', call('characters', [20]), call('windows', [64], { contiguous: true }), {}],
    ['words', call('words', [300]), call('windows', [32]), {}],
    ['byte pairs', call('bpe', [300]), call('windows', [64]), { shuffle: true }],
  ] as const)(
    'has the same %s',
    async (_name, tokenizer, windows, order) => {
      const source = call('text', ['long.txt', 'more.txt']);
      const data = [source, split, tokenizer, windows, call('batches', [8], order)];
      const seen: Record<string, FileIdentity>[] = [];
      const results = [];
      for (const limit of [Number.POSITIVE_INFINITY, 10_000]) {
        const files: Record<string, FileIdentity> = {};
        const dataset = await open(data, limit, (name, identity) => {
          files[name] = identity;
        });
        results.push(look(dataset));
        seen.push(files);
      }
      expect(results[1]).toEqual(results[0]);
      expect(Object.keys(seen[0] ?? {}).toSorted()).toEqual(['long.txt', 'more.txt']);
      expect(seen[1]).toEqual(seen[0]);
    },
    120_000,
  );

  it('says behind which byte a file is not of its encoding', async () => {
    const bytes = Buffer.concat([Buffer.from('a line\n'.repeat(400_000)), Buffer.from([0xff, 0x0a])]);
    writeFileSync(path.join(folder, 'bad.txt'), bytes);
    const data = [call('text', ['bad.txt']), split, call('characters', [40]), call('windows', [8])];
    await expect(open(data, 1000)).rejects.toThrow(
      /bad\.txt.*: bytes that are not utf-8 text, behind byte 2097152/,
    );
  });

  it('is cut before a space where it has no lines', () => {
    const text = 'word '.repeat(2_000_000);
    const chunks = Array.from({ length: 100 }, (_, at) => text.slice(at * 100_000, (at + 1) * 100_000));
    const pieces = [...piecesOf({ length: text.length, isLarge: true, chunks: () => chunks })];
    expect(pieces.length).toBeGreaterThan(10);
    expect(pieces.every((piece, at) => at === 0 || piece.startsWith(' word'))).toBe(true);
    expect(pieces.join('') === text).toBe(true);
  });
});

it.each([
  [256, 255],
  [257, 256],
  [65_536, 65_535],
  [65_537, 65_536],
])('%i tokens keep their numbers in a file', (size, largest) => {
  const sink = createFileSink(size);
  const ids = Array.from({ length: 600_001 }, (_, at) => (at * 7919) % (largest + 1));
  for (let at = 0; at < ids.length; at += 1000) sink.add(ids.slice(at, at + 1000));
  const tokens = sink.done();
  expect(tokens.length).toBe(ids.length);
  for (const [start, end] of [
    [0, 3],
    [262_140, 262_150],
    [599_990, 600_001],
    [600_000, 600_900],
  ] as const)
    expect([...tokens.subarray(start, end)]).toEqual(ids.slice(start, end));
});
