/** The corpus of `npm start`, and files on disk. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../../runtime/data/dataset.ts';
import { openDataset } from '../../../runtime/data/open-dataset.ts';
import { createDataFiles } from '../../../runtime/node/data-files.ts';
import { call, classifier, symbol, taskOf } from './support.ts';

const root = path.resolve(import.meta.dirname, '../../..');

function openReviews(): Promise<Dataset> {
  const pipeline = [
    call('csv', ['demo/reviews.csv'], { text: 'review', label: 'sentiment' }),
    call('split', [], { validation: 0.1, test: 0.2 }),
    call('words', [2000]),
    call('batches', [32, 'shuffle'], { bucket: 'seq' }),
  ];
  return openDataset(taskOf(pipeline), {
    inputs: [
      { name: 'tokens', dtype: 'i32', shape: [symbol('batch'), symbol('seq')], range: [0, 2000] },
      ...classifier.inputs.slice(1),
    ],
    targets: ['labels'],
    dims: [{ name: 'batch', bound: 32 }, { name: 'seq', bound: 256 }],
    files: createDataFiles(path.join(root, 'models'), root),
  }); // prettier-ignore
}

describe('demo/reviews.csv', () => {
  it('is what docs/data.md shows of it', async () => {
    const { notes } = await openReviews();
    const corpus = readFileSync(path.join(root, 'demo/reviews.csv'), 'utf8');
    const document = readFileSync(path.join(root, 'docs/data.md'), 'utf8');
    expect(document.split('```').map((block) => block.trim())).toContain(notes.join('\n'));
    expect(document).toContain(corpus.split('\n').slice(0, 4).join('\n'));
  });

  it('is balanced, fits the bound, and no text of a held-out part is trained on', async () => {
    const { rows, notes } = await openReviews();
    expect(rows.train + rows.validation + rows.test).toBe(900);
    expect(notes.filter((line) => /also stand|more than|without any/.test(line))).toEqual([]);
    const labels =
      readFileSync(path.join(root, 'demo/reviews.csv'), 'utf8').match(/,(positive|negative)$/gm) ?? [];
    expect(labels.filter((label) => label === ',positive').length).toBe(450);
  });

  it('is decided by no single word', async () => {
    const dataset = await openReviews();
    const right = new Map<number, number>();
    for (const { tensors, sizes, rows } of dataset.batches('train', { seed: 1, epoch: 0, shuffle: false })) {
      const width = sizes.get('seq') ?? 0;
      for (let row = 0; row < rows; row++) {
        const label = tensors.get('labels')?.data[row] ?? 0;
        for (const id of new Set(tensors.get('tokens')?.data.subarray(row * width, (row + 1) * width))) {
          if (id !== 0) right.set(id, (right.get(id) ?? 0) + (label === 1 ? 1 : -1));
        }
      }
    }
    // A word that only one class has, in so many of its texts, would tell so much more than half of them.
    const most = Math.max(...[...right.values()].map(Math.abs)) / dataset.rows.train;
    expect(0.5 + most / 2).toBeLessThan(0.65);
  });
});

describe('files of data', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lmc-data-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, 'models'));
  mkdirSync(path.join(folder, 'work'));
  writeFileSync(path.join(folder, 'work/both'), 'work');
  writeFileSync(path.join(folder, 'models/both'), 'models');
  writeFileSync(path.join(folder, 'models/one'), 'models');
  const files = createDataFiles(path.join(folder, 'models'), path.join(folder, 'work'));
  const read = async (name: string): Promise<string> =>
    new TextDecoder().decode((await files.read(name)).bytes);

  it('are those of the working directory, then those beside the program', async () => {
    expect(await read('both')).toBe('work');
    expect(await read('one')).toBe('models');
    expect(await read(path.join(folder, 'models/both'))).toBe('models');
    expect((await files.read('both')).name).toBe('both');
  });

  it('that are nowhere are named in every place that was looked at', async () => {
    const failure = await read('none.csv').catch((error: unknown) => error);
    expect(failure).toMatchObject({ exitCode: 5 });
    expect(String(failure)).toContain(
      `there is no file \`none.csv\` or \`${path.join(folder, 'models/none.csv')}\``,
    );
    await expect(read('.')).rejects.toThrow('it is a folder');
  });
});
