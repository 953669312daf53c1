/**
 * The SMS Spam Collection, read as the reference recipe reads it (`recipes/cls_sms.py`): the same rows, the same
 * vocabulary, the same numbers. The expected figures are those of the recipe's own Python.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataContext, Dataset, Split } from '../../../runtime/data/dataset.ts';
import { call, classifier, open, tokenizerOf } from './support.ts';

const file = path.resolve(import.meta.dirname, '../../../../shared/data/sms_spam/sms.tsv');
if (!existsSync(file)) console.warn(`${file} is absent: the recipe's figures are not checked`);

const context: DataContext = {
  ...classifier,
  batchSize: 32,
  inputs: classifier.inputs.map((input) =>
    input.name === 'tokens' ? { ...input, range: [0, 4000] as const } : input,
  ),
  dims: [
    { name: 'batch', bound: 32 },
    { name: 'seq', bound: 256 },
  ],
};

function readSms(pattern: Readonly<Record<string, string>>): Promise<Dataset> {
  return open(
    { 'sms.tsv': readFileSync(file) },
    [
      call('tsv', ['sms.tsv'], { text: 2, label: 1, header: false }),
      call('split', [], { validation: 0, test: 0.2, order: 'file' }),
      call('words', [4000], { min_count: 2, max_length: 64, ...pattern }),
      call('batches', [32, 'shuffle'], { bucket: 'seq' }),
    ],
    context,
  );
}

function* rowsOf(
  dataset: Dataset,
  split: Split,
): Generator<readonly [row: number, ids: readonly number[], label: number]> {
  for (const { tensors, indices, sizes } of dataset.batches(split, { seed: 1, epoch: 0, shuffle: true })) {
    const width = sizes.get('seq') ?? 0;
    for (const [k, row] of indices.entries()) {
      const length = tensors.get('lengths')?.data[k] ?? 0;
      const ids = [...(tensors.get('tokens')?.data.subarray(k * width, k * width + length) ?? [])];
      yield [row, ids, tensors.get('labels')?.data[k] ?? -1];
    }
  }
}

describe.skipIf(!existsSync(file))('the SMS Spam Collection', () => {
  it('has the numbers that the recipe makes of it', async () => {
    const dataset = await readSms({ pattern: '[a-z]+|[0-9]|[^\\sa-z0-9]' });
    expect(dataset.rows).toEqual({ train: 4459, validation: 0, test: 1115 });
    expect(dataset.labels).toEqual(['ham', 'spam']);
    expect(tokenizerOf(dataset.encoder).size).toBe(3425);
    const parts = (['train', 'test'] as const).map((split) =>
      [...rowsOf(dataset, split)].toSorted(([a], [b]) => a - b),
    );
    const hash = createHash('sha256');
    hash.update(parts.flatMap((rows) => rows.flatMap(([, ids]) => ids)).join(','));
    expect(hash.digest('hex')).toBe('322526e7a16ee57df2905d80c17636f195f5112c507502cf5b56c2076c3e4fd1');
    expect(parts.map((rows) => rows.reduce((sum, [, , label]) => sum + label, 0))).toEqual([602, 145]);
    expect(dataset.batchesPerEpoch('train', { seed: 1, epoch: 0, shuffle: true })).toBe(140);
  });

  it('is read by the default pattern as well', async () => {
    const dataset = await readSms({});
    expect(dataset.rows.train).toBe(4459);
    const { size } = tokenizerOf(dataset.encoder);
    expect(Math.abs(size - 3425)).toBeLessThan(60);
  });
});
