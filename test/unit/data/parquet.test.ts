/** Parquet as Arrow writes it, and parts by the values of a column in every kind of table. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../runtime/data/dataset.ts';
import type { PlanConstant } from '../../../runtime/plan.ts';
import { call, open } from './support.ts';

const fixture = (name: string): Uint8Array =>
  readFileSync(path.join(import.meta.dirname, 'parquet', `${name}.parquet`));

const rest = [call('words', [100]), call('batches', [4])];

function read(
  bytes: Uint8Array,
  named: Readonly<Record<string, PlanConstant>> = { label: 'name' },
  split: Readonly<Record<string, PlanConstant>> = { validation: 0, test: 0 },
): Promise<Dataset> {
  return open({ 'a.parquet': bytes }, [
    call('parquet', ['a.parquet'], named),
    call('split', [], split),
    ...rest,
  ]);
}

const textsOf = (dataset: Dataset, part: 'train' | 'validation' | 'test'): readonly string[] =>
  Array.from({ length: dataset.rows[part] }, (_, row) => dataset.text?.(part, row) ?? '');

describe('a Parquet file', () => {
  it.each(['snappy', 'none', 'plain'])('written with %s gives its rows in order', async (name) => {
    const dataset = await read(fixture(name));
    expect(dataset.rows).toEqual({ train: 24, validation: 0, test: 0 });
    expect(textsOf(dataset, 'train').slice(9, 12)).toEqual([
      'bad Bücher 9',
      'good film number 10',
      'bad Bücher 11',
    ]);
    expect(dataset.labels).toEqual(['negative', 'positive']);
  });

  it('may be in gzip, and have classes that are numbers', async () => {
    const dataset = await read(gzipSync(fixture('snappy')), { label: 'label' });
    expect(dataset.labels).toEqual(['0', '1']);
  });

  it.each([
    [
      fixture('snappy'),
      { label: 'nam' },
      /a\.parquet: no column is called `nam`.*\n {2}help: did you mean `name`\?/,
    ],
    [fixture('snappy'), { text: 'id' }, /a\.parquet:1: `id` is a bigint, not a text/],
    [fixture('snappy'), { text: 'hole' }, /a\.parquet:4: `hole` is missing, not a text/],
    [fixture('zstd'), {}, /compressed with ZSTD\n {2}help: write it with Snappy/],
    [new TextEncoder().encode('text,label\na,b\n'), {}, /a\.parquet: not a Parquet file that can be read/],
    [fixture('snappy').subarray(0, 700), {}, /a\.parquet: not a Parquet file/],
    [new Uint8Array(), {}, /a\.parquet: the file is empty/],
  ])('that is wrong is refused (%#)', async (bytes, named, message) => {
    await expect(read(bytes, named)).rejects.toThrow(message);
  });
});

describe('parts by a column', () => {
  const split = { column: 'part', validation: 'dev', test: 'held other' };
  const lines = Array.from({ length: 24 }, (_, n) => ({
    text: `text ${n}`,
    part: n % 6 === 4 ? 'dev' : n % 6 === 5 ? 'held' : 'train',
    label: n % 2 === 0 ? 'a' : 'b',
  }));
  const table = (divider: string): string =>
    [['text', 'part', 'label'], ...lines.map(({ text, part, label }) => [text, part, label])]
      .map((fields) => `${fields.join(divider)}\n`)
      .join('');
  const named = { text: 'text', label: 'label' };
  const sources: readonly (readonly [string, Promise<Dataset>])[] = [
    ['parquet', read(fixture('snappy'), { label: 'name' }, split)],
    [
      'csv',
      open({ 'a.csv': table(',') }, [call('csv', ['a.csv'], named), call('split', [], split), ...rest]),
    ],
    [
      'tsv',
      open({ 'a.tsv': table('\t') }, [call('tsv', ['a.tsv'], named), call('split', [], split), ...rest]),
    ],
    [
      'csv by number',
      open({ 'a.csv': table(',') }, [
        call('csv', ['a.csv'], named),
        call('split', [], { ...split, column: '2' }),
        ...rest,
      ]),
    ],
    [
      'jsonl',
      open({ 'a.jsonl': lines.map((line) => `${JSON.stringify(line)}\n`).join('') }, [
        call('jsonl', ['a.jsonl'], named),
        call('split', [], split),
        ...rest,
      ]),
    ],
  ];

  it.each(sources)('of %s', async (_, opened) => {
    const dataset = await opened;
    expect(dataset.rows).toEqual({ train: 16, validation: 4, test: 4 });
    expect(textsOf(dataset, 'validation').map((text) => text.replace(/\D+/, ''))).toEqual([
      '4',
      '10',
      '16',
      '22',
    ]);
    expect(textsOf(dataset, 'test').map((text) => text.replace(/\D+/, ''))).toEqual(['5', '11', '17', '23']);
  });

  it('may leave a share of the rest to a part', async () => {
    const dataset = await read(fixture('snappy'), { label: 'name' }, { ...split, validation: 0.25 });
    // Twenty rows are left beside the test's four.
    expect(dataset.rows).toEqual({ train: 15, validation: 5, test: 4 });
    expect(textsOf(dataset, 'test')).toHaveLength(4);
  });

  it.each([
    [
      { ...split, validation: 'no' },
      /no row has `no` in the column `part`\n {2}help: there are `train`, `dev` and `held`/,
    ],
    [{ ...split, column: 'parts' }, /no column is called `parts`.*\n {2}help: did you mean `part`\?/],
  ])('that is wrong is refused (%#)', async (wrong, message) => {
    await expect(read(fixture('snappy'), { label: 'name' }, wrong)).rejects.toThrow(message);
  });

  it('needs a table', async () => {
    const data = [call('lines', ['a.txt']), call('split', [], split), ...rest];
    await expect(open({ 'a.txt': 'a\nb\n' }, data)).rejects.toThrow(
      /needs a table, and `lines` has no columns/,
    );
  });
});
