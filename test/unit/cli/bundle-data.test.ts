/** Data files of a bundle: which are copied, where to, and how the task then names them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleData } from '../../../src/cli/bundle/data-files.ts';
import { writeBundleFolder } from '../../../src/cli/bundle/write-folder.ts';
import type { PlanCall, PlanTask } from '../../../runtime/plan.ts';

const here = mkdtempSync(path.join(tmpdir(), 'lmc-bundle-data-'));
afterAll(() => rmSync(here, { recursive: true, force: true }));

function put(name: string, text = name): string {
  const file = path.join(here, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function call(builder: string, positional: PlanCall['positional'], named: PlanCall['named'] = {}): PlanCall {
  return { builder, positional, named, place: 'x.lm:1:1' };
}

function taskWith(...data: readonly PlanCall[]): PlanTask {
  return {
    name: 't',
    targets: [],
    data,
    metrics: [],
    optimizer: call('adam', []),
    epochs: 1,
    seed: 0,
    batchSize: 1,
    fields: {},
  };
}

describe('data of a bundle', () => {
  it('is copied into data/, by its own name, and named there', () => {
    const file = put('a/reviews.csv');
    const { task, copies, notes } = bundleData(
      taskWith(call('csv', ['reviews.csv'], { text: 'review' }), call('words', [100])),
      [here, path.join(here, 'a')],
    );
    expect(copies).toEqual([{ from: file, to: 'data/reviews.csv' }]);
    expect(task.data[0]?.positional).toEqual(['data/reviews.csv']);
    // Only paths: a column may be called like a file.
    expect(task.data[0]?.named).toEqual({ text: 'review' });
    expect(notes).toEqual([]);
  });

  it('leaves recordings where they are, and takes the values of a column for no files', () => {
    const folder = path.dirname(put('clips/0_ann_1.wav'));
    const split = call('split', [], { column: 'k', test: '0 1' });
    const { task, copies, notes } = bundleData(taskWith(call('recordings', ['clips']), split), [here]);
    expect(copies).toEqual([]);
    expect(task.data[0]?.positional).toEqual([folder]);
    expect(task.data[1]?.named).toEqual({ column: 'k', test: '0 1' });
    expect(notes).toEqual([`the recordings of clips were not copied: the bundle reads them from ${folder}`]);
    const absent = bundleData(taskWith(call('recordings', ['gone.tsv'])), [here]);
    expect(absent.notes).toEqual([
      'there are no recordings gone.tsv: the bundle trains with --data only, or once they are there',
    ]);
  });

  it('keeps the names of files that are the names of classes, also where two are the same', () => {
    const files = [put('b/spam mail.txt'), put('b/ham.txt'), put('c/ham.txt')];
    const { task, copies } = bundleData(
      taskWith(call('lines', files), call('split', [], { test: files[1] ?? '' })),
      [here],
    );
    expect(copies.map(({ to }) => to)).toEqual(['data/spam mail.txt', 'data/ham.txt', 'data/2/ham.txt']);
    expect(task.data[0]?.positional).toEqual(copies.map(({ to }) => to));
    expect(task.data[1]?.named).toEqual({ test: 'data/ham.txt' });
  });

  it('copies both files of a pair, whose name keeps its mark', () => {
    const files = ['e/train.en.gz', 'e/train.de.gz', 'e/de/val', 'e/en/val'].map((name) => put(name));
    const source = call('parallel', ['../e/train.<language>.gz'], { source: 'en', target: 'de' });
    const split = call('split', [], { validation: '<language>/val', test: 'none.<language>' });
    const { task, copies, notes } = bundleData(taskWith(source, split), [path.join(here, 'e')]);
    expect(task.data[0]).toEqual({ ...source, positional: ['data/train.<language>.gz'] });
    expect(task.data[1]?.named).toEqual({ validation: 'data/<language>/val', test: 'none.<language>' });
    expect(copies).toEqual([
      { from: files[0], to: 'data/train.en.gz' },
      { from: files[1], to: 'data/train.de.gz' },
      { from: files[3], to: 'data/en/val' },
      { from: files[2], to: 'data/de/val' },
    ]);
    expect(notes).toEqual([expect.stringContaining('there is no file none.en')]);
    const large = bundleData(taskWith(source), [path.join(here, 'e')], 3);
    expect(large.task.data[0]?.positional).toEqual([path.join(here, 'e/train.<language>.gz')]);
  });

  it('takes no path out of the folder', () => {
    put('d/x.csv');
    const { copies } = bundleData(taskWith(call('csv', ['../d/../d/x.csv'])), [path.join(here, 'd')]);
    expect(copies.map(({ to }) => to)).toEqual(['data/x.csv']);
  });

  it('is named by its whole path where it is large, and where it is not there as it was', () => {
    const file = put('large.csv', 'x'.repeat(100));
    const { task, copies, notes } = bundleData(taskWith(call('csv', ['large.csv'])), [here], 99);
    expect(copies).toEqual([]);
    expect(task.data[0]?.positional).toEqual([file]);
    expect(notes[0]).toContain('was not copied');
    const missing = bundleData(taskWith(call('csv', ['none.csv'])), [here]);
    expect(missing.task.data[0]?.positional).toEqual(['none.csv']);
    expect(missing.notes[0]).toContain('there is no file none.csv');
  });
});

describe("a bundle's folder", () => {
  const files = new Map([
    ['plan.json', '{\n  "format": "lmc-plan"\n}'],
    ['kernels/a.wgsl', 'a'],
  ]);

  it('is replaced as a whole, but for what the user put there', () => {
    const folder = path.join(here, 'bundle');
    const data = put('rows.csv');
    writeBundleFolder(folder, files, [{ from: data, to: 'data/rows.csv' }]);
    mkdirSync(path.join(folder, 'node_modules'));
    writeFileSync(path.join(folder, 'model.safetensors'), 'parameters');
    writeBundleFolder(
      folder,
      new Map([
        ['plan.json', files.get('plan.json') ?? ''],
        ['kernels/b.wgsl', 'b'],
      ]),
      [],
    );
    expect(readdirSync(folder).toSorted()).toEqual([
      'kernels',
      'model.safetensors',
      'node_modules',
      'plan.json',
    ]);
    expect(readdirSync(path.join(folder, 'kernels'))).toEqual(['b.wgsl']);
    expect(readFileSync(path.join(folder, 'model.safetensors'), 'utf8')).toBe('parameters');
    expect(readdirSync(here).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is not one that holds something else', () => {
    const folder = path.dirname(put('mine/thesis.tex'));
    expect(() => writeBundleFolder(folder, files, [])).toThrow(/exists and is no bundle/);
    expect(readdirSync(folder)).toEqual(['thesis.tex']);
  });

  it('leaves nothing behind where it cannot be written', () => {
    const folder = path.join(here, 'failing');
    expect(() => writeBundleFolder(folder, files, [{ from: path.join(here, 'none'), to: 'data/x' }])).toThrow(
      /ENOENT/,
    );
    expect(readdirSync(here).filter((name) => name.includes('failing'))).toEqual([]);
  });
});
