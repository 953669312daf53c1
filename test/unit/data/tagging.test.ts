/** Sentences with tags: what is read, what is refused, and what batches hold. */
import { describe, expect, it } from 'vitest';
import type { DataContext, TensorSpec } from '../../../runtime/data/dataset.ts';
import { call, open, symbol } from './support.ts';

const table = (name: string, high?: number): TensorSpec => ({
  name,
  dtype: 'i32',
  shape: [symbol('batch'), symbol('seq')],
  ...(high === undefined ? {} : { range: [0, high] }),
});
const column = (name: string): TensorSpec => ({ name, dtype: 'i32', shape: [symbol('batch')] });
const context: DataContext = {
  inputs: [table('tokens', 50), table('suffix'), column('lengths'), table('tags', 5)],
  targets: ['tags'],
  dims: [
    { name: 'batch', bound: 8 },
    { name: 'seq', bound: 4 },
    { name: 'char', bound: 3 },
  ],
};

const train = 'Ann\tB-per\nLee\tI-per\nran\tO\n\t\nIn\tO\nRome\tB-loc\n\n\n2019\tO\n';
const pipeline = (options = {}, source = call('conll', ['train'])) => [
  source,
  call('split', [], { validation: 0, test: 'test' }),
  call('tokens', [50], options),
  call('batches', [8]),
];
const openWith = (test: string, options = {}, text = train) =>
  open({ train: text, test }, pipeline(options), context);
const options = { seed: 1, epoch: 0, shuffle: false };

describe('conll', () => {
  it('numbers words, endings and tags in the order that `bio_forbidden` counts on', async () => {
    const data = await openWith('ran O\n');
    expect(data.labels).toEqual(['O', 'B-loc', 'I-loc', 'B-per', 'I-per']);
    const [batch] = data.batches('train', options);
    expect(batch?.tensors.get('lengths')?.data).toEqual(Int32Array.of(3, 2, 1));
    expect(batch?.tensors.get('tags')?.data).toEqual(Int32Array.of(3, 4, 0, 0, 1, 0, 0, 0, 0));
    expect(batch?.tensors.get('tokens')?.shape).toEqual([3, 3]);
    expect(data.tags?.('test', 0)).toEqual(['O']);
    expect(data.text?.('train', 1)).toBe('In Rome');
  });

  it('counts tags that BIO forbids, and reads them as conlleval does', async () => {
    const data = await openWith('ran\tO\nRome\tI-loc\nLee\tI-per\n');
    const [batch] = data.batches('test', options);
    expect(batch?.tensors.get('tags')?.data).toEqual(Int32Array.of(0, 1, 3));
    expect(data.notes.join('\n')).toContain(
      'test: 2 tags that BIO forbids, the first in test:2 (`I-loc` follows `O`)',
    );
    await expect(openWith('Rome\tI-loc\n', { bio: 'error' })).rejects.toThrow(
      /^test:1: `I-loc` starts a sentence, which BIO forbids\n {2}help: /,
    );
  });

  it('refuses tags that are not trained on, or counts them as missed', async () => {
    await expect(openWith('Ann\tB-perr\n')).rejects.toThrow(
      /^test:1: tag `B-perr` is in no sentence that is trained on\n {2}help: did you mean `B-per`\? /,
    );
    const data = await openWith('Ann\tB-new\n', { unseen: 'miss' });
    expect([...data.batches('test', options)][0]?.tensors.get('tags')?.data).toEqual(Int32Array.of(0));
    expect(data.tags?.('test', 0)).toEqual(['B-new']);
    expect(data.notes.join('\n')).toContain('B-new (1)');
  });

  it('names the line of a ragged row, a blank word, a column that is not there', async () => {
    await expect(openWith('Ann\tO\nLee\n')).rejects.toThrow('test:2: 1 column, and the lines before have 2');
    await expect(openWith('\tO\n')).rejects.toThrow('test:1: the word is blank');
    const data = [call('conll', ['train'], { tag: 3 }), ...pipeline().slice(1)];
    await expect(open({ train, test: 'a\tO\n' }, data, context)).rejects.toThrow(
      'train:1: there is no column 3 for `tag`: the line has 2 columns',
    );
  });

  it('says which sentences were cut', async () => {
    const data = await openWith('a\tO\n'.repeat(6));
    expect(data.notes.join('\n')).toContain('test: 1 sentence of more than 4 words, the first in test:1');
  });

  it('drops words in training only, the same ones for the same epoch', async () => {
    const data = await openWith('ran\tO\n', { word_dropout: 1e9 });
    const tokensOf = (split: 'train' | 'test') =>
      [...data.batches(split, options)][0]?.tensors.get('tokens')?.data;
    expect(tokensOf('train')).toEqual(Int32Array.of(1, 1, 1, 1, 1, 0, 1, 0, 0));
    expect(tokensOf('test')?.[0]).toBeGreaterThan(1);
  });

  it('gives characters, and the number of them', async () => {
    const inputs: TensorSpec[] = [
      table('tokens', 50),
      { name: 'chars', dtype: 'i32', shape: [symbol('batch'), symbol('seq'), symbol('char')] },
      table('char_lengths'),
      column('lengths'),
      table('tags', 5),
    ];
    const data = await open({ train, test: 'Zoo O\n' }, pipeline(), { ...context, inputs });
    const [batch] = data.batches('test', options);
    expect(batch?.tensors.get('char_lengths')?.data).toEqual(Int32Array.of(3));
    expect(batch?.tensors.get('chars')?.shape).toEqual([1, 1, 3]);
    expect(batch?.tensors.get('chars')?.data[0]).toBe(1);
  });
});

describe('conllu', () => {
  const row = (id: string, form: string, ...more: string[]) =>
    [id, form, '_', 'X', '_', '_', '0', '_', '_', 'NER=B-loc', ...more].join('\t');
  const text = [
    '# text = cats see dogs run',
    row('1', 'cats', '_', 'ARG0', '_'),
    row('2', 'see', 'see.01', 'V', '_'),
    row('2.1', 'empty', '_'),
    row('3-4', 'range', '_'),
    row('3', 'dogs', '_', '_', 'ARG0'),
    row('4', 'run', 'run.02', 'ARG1', 'V'),
    '',
  ].join('\n');
  const inputs = [table('tokens', 50), table('predicate'), column('lengths'), table('tags', 5)];

  it('has one example for each predicate', async () => {
    const source = call('conllu', ['train'], { predicates: 11 });
    const data = await open({ train: text, test: text }, pipeline({}, source), { ...context, inputs });
    expect(data.labels).toEqual(['O', 'ARG0', 'ARG1']);
    const [batch] = data.batches('train', options);
    expect(batch?.tensors.get('predicate')?.data).toEqual(Int32Array.of(0, 1, 0, 0, 0, 0, 0, 1));
    expect(batch?.tensors.get('tags')?.data).toEqual(Int32Array.of(1, 0, 0, 2, 0, 0, 1, 0));
    expect(data.notes.join('\n')).toContain('2 lines of ranges (3-4) and empty nodes (10.1) left out');
  });

  it('leaves out sentences without a predicate, with or without an empty column of roles', async () => {
    const empty = `\n\n${row('1', 'no', '_', '_')}\n\n${row('1', 'none', '_')}\n`;
    const source = call('conllu', ['train'], { predicates: 11 });
    const data = await open({ train: text + empty, test: text }, pipeline({}, source), {
      ...context,
      inputs,
    });
    expect(data.rows.train).toBe(2);
  });

  it('reads a key of the last column, and refuses a wrong number of columns', async () => {
    const source = call('conllu', ['train'], { tag: 'misc.NER' });
    const data = await open({ train: text, test: text }, pipeline({}, source), context);
    expect(data.labels).toEqual(['O', 'B-loc', 'I-loc']);
    const wrong = call('conllu', ['train'], { predicates: 12 });
    await expect(
      open({ train: text, test: text }, pipeline({}, wrong), { ...context, inputs }),
    ).rejects.toThrow('train:2: a sentence with 3 predicates in column 12 has 15 columns, and this has 13');
  });
});
