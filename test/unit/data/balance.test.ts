/** Classes that come equally often, whatever the file has of them. */
import { describe, expect, it } from 'vitest';
import { balanceRows } from '../../../runtime/data/balance.ts';
import { orderBatches } from '../../../runtime/data/order.ts';
import { call, open, wholeFile } from './support.ts';

/** 90 rows of class 0, 8 of class 1, 2 of class 2. */
const classes = Array.from({ length: 100 }, (_, row) => (row % 50 === 3 ? 2 : row % 12 === 5 ? 1 : 0));
const countBy = (rows: readonly number[]): readonly number[] =>
  [0, 1, 2].map((label) => rows.filter((row) => classes[row] === label).length);

describe('balanced rows', () => {
  it('are as many of each class, in every epoch', () => {
    for (let epoch = 0; epoch < 6; epoch++) {
      const counts = countBy(balanceRows(classes, 1, epoch));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(100);
      for (const count of counts) expect([33, 34]).toContain(count);
    }
  });

  it('come as often as others of their class, over the epochs', () => {
    const seen = new Map<number, number>();
    for (let epoch = 0; epoch < 9; epoch++)
      for (const row of balanceRows(classes, 4, epoch)) seen.set(row, (seen.get(row) ?? 0) + 1);
    for (const label of [0, 1, 2]) {
      const counts = classes.flatMap((own, row) => (own === label ? [seen.get(row) ?? 0] : []));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it('depend on seed and epoch alone', () => {
    const options = { size: 8, pool: 2, shuffle: true, seed: 3, epoch: 2, classes };
    expect(orderBatches(100, options)).toEqual(orderBatches(100, options));
    expect(orderBatches(100, { ...options, epoch: 3 })).not.toEqual(orderBatches(100, options));
    expect(orderBatches(100, { ...options, seed: 5 })).not.toEqual(orderBatches(100, options));
    expect(orderBatches(100, { ...options, shuffle: false }).flat()).toEqual(classes.map((_, row) => row));
  });
});

const lines = classes.map((label, row) => `text ${row},${label === 0 ? 'often' : 'rarely'}`);
const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });
const stages = (options: Record<string, boolean>) => [
  csv,
  wholeFile,
  call('words', [300]),
  call('batches', [10], options),
];
const files = { 'a.csv': `review,sentiment\n${lines.join('\n')}\n` };

it('is what a pipeline asks for, and no batch of another part', async () => {
  const dataset = await open(files, stages({ shuffle: true, balance: true }));
  const rows = [...dataset.batches('train', { seed: 1, epoch: 0, shuffle: true })].flatMap(
    ({ indices }) => indices,
  );
  const [often = 0, ...rarely] = countBy(rows);
  expect([often, rarely.reduce((sum, count) => sum + count, 0)]).toEqual([50, 50]);
  expect(dataset.batchesPerEpoch('train', { seed: 1, epoch: 0, shuffle: true })).toBe(25);
});

it('needs an order by chance', async () => {
  await expect(open(files, stages({ balance: true }))).rejects.toThrow('`balance` draws rows');
});
