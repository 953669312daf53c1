/** Parallel text: two files or two columns, one vocabulary or two, teacher forcing, and what is wrong with pairs. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DataContext, Dataset, Split } from '../../../runtime/data/dataset.ts';
import { encodingOf, parseEncoder } from '../../../runtime/data/encoder.ts';
import { shuffleInputs } from '../../../runtime/data/shuffle-inputs.ts';
import { printTokenizerJson } from '../../../runtime/data/bpe/tokenizer-json.ts';
import { trainBpe } from '../../../runtime/data/bpe/train.ts';
import { call, open as openWith, symbol, tokenizerOf, vocabularyOf, wholeFile } from './support.ts';

const translator: DataContext = {
  inputs: [
    { name: 'src', dtype: 'i32', shape: [symbol('batch'), symbol('source')], range: [0, 400] },
    { name: 'tgt', dtype: 'i32', shape: [symbol('batch'), symbol('target')], range: [0, 400] },
    { name: 'labels', dtype: 'i32', shape: [symbol('batch'), symbol('target')], range: [0, 400] },
  ],
  targets: ['labels'],
  dims: [
    { name: 'batch', bound: 64 },
    { name: 'source', bound: 12 },
    { name: 'target', bound: 12 },
  ],
};
const open = (
  files: Readonly<Record<string, string | Uint8Array>>,
  data: Parameters<typeof openWith>[1],
  context: Partial<DataContext> = {},
): Promise<Dataset> => openWith(files, data, { ...translator, ...context });

const pairs = call('parallel', ['train.<language>'], { source: 'en', target: 'de' });
const words = call('words', [50]);
const small = { 'train.en': 'a cat\na dog sits\n', 'train.de': 'eine katze\nein hund sitzt da\n' };
const first = (dataset: Dataset, split: Split = 'train') => {
  const [batch] = dataset.batches(split, { seed: 0, epoch: 0, shuffle: false });
  return batch;
};
const numbers = (dataset: Dataset, name: string, split: Split = 'train') => {
  const { data = [], shape = [] } = first(dataset, split)?.tensors.get(name) ?? {};
  const [rows = 0, size = 0] = shape;
  return Array.from({ length: rows }, (_, k) =>
    Array.from({ length: size }, (_each, j) => data[k * size + j] ?? 0),
  );
};
const spell = (dataset: Dataset, name: string, input = name) => {
  const tokenizer = tokenizerOf(dataset.encoder, input);
  return numbers(dataset, name).map((row) => row.map((id) => tokenizer.token(id)).join(' '));
};

describe('a batch of pairs', () => {
  it('has the source and its end, the target after its begin, and the target before its end', async () => {
    const dataset = await open(small, [pairs, wholeFile, words]);
    expect(spell(dataset, 'src')).toEqual(['a cat </s> <pad>', 'a dog sits </s>']);
    expect(spell(dataset, 'tgt')).toEqual(['<s> eine katze <pad> <pad>', '<s> ein hund sitzt da']);
    expect(spell(dataset, 'labels', 'tgt')).toEqual([
      'eine katze </s> <pad> <pad>',
      'ein hund sitzt da </s>',
    ]);
    const batch = first(dataset);
    expect(Object.fromEntries(batch?.sizes ?? [])).toEqual({ batch: 2, source: 4, target: 5 });
    expect([batch?.weight, batch?.tokens, batch?.rows]).toEqual([8, 7 + 8, 2]);
    expect(dataset.pair?.('train', 1)).toEqual({ source: 'a dog sits', target: 'ein hund sitzt da' });
  });
  it('has lengths where the model takes them', async () => {
    const lengths = { name: 'src_lengths', dtype: 'i32', shape: [symbol('batch')] } as const;
    const inputs = [...translator.inputs.slice(0, 1), lengths, ...translator.inputs.slice(1)];
    const dataset = await open(small, [pairs, wholeFile, words], { inputs });
    expect(first(dataset)?.tensors.get('src_lengths')?.data).toEqual(Int32Array.of(3, 4));
  });
  it('needs no targets', async () => {
    const inputs = translator.inputs.slice(0, 2);
    const dataset = await open(small, [pairs, wholeFile, words], { inputs, targets: [] });
    expect([...(first(dataset)?.tensors.keys() ?? [])]).toEqual(['src', 'tgt']);
  });
});

describe('the vocabulary', () => {
  it('is one for both sides, or one for each', async () => {
    const joint = await open(small, [pairs, wholeFile, words]);
    const shared = parseEncoder(joint.encoder ?? '');
    expect(encodingOf(shared, 'src').tokenizer).toBe(encodingOf(shared, 'tgt').tokenizer);
    expect(vocabularyOf(tokenizerOf(joint.encoder, 'src'))).toContain('katze');
    const own = call('parallel', ['train.<language>'], {
      source: 'en',
      target: 'de',
      vocabulary: 'separate',
    });
    const separate = await open(small, [own, wholeFile, words]);
    const [source, target] = ['src', 'tgt'].map((name) => vocabularyOf(tokenizerOf(separate.encoder, name)));
    expect(source).toEqual(['<pad>', '<unk>', '<s>', '</s>', 'a', 'cat', 'dog', 'sits']);
    expect(target).toEqual(['<pad>', '<unk>', '<s>', '</s>', 'da', 'ein', 'eine', 'hund', 'katze', 'sitzt']);
    expect(separate.notes.join('\n')).toMatch(/src: vocabulary of 8[\s\S]*tgt: vocabulary of 10/);
  });
  it('may be byte pairs, whose texts come back', async () => {
    const bpe = call('bpe', [], { merges: 12, lowercase: true, nfc: true, prefix_space: true, min_count: 1 });
    const dataset = await open({ ...small, 'train.en': 'A CAT\na dog\n', 'train.de': 'Eine Katze\nein Hund\n' }, [pairs, wholeFile, bpe]); // prettier-ignore
    const tokenizer = tokenizerOf(dataset.encoder, 'tgt');
    expect(numbers(dataset, 'labels').map((row) => tokenizer.decode(row))).toEqual([
      'eine katze',
      'ein hund',
    ]);
    expect(numbers(dataset, 'tgt').map((row) => row[0])).toEqual([2, 2]);
    expect(tokenizer.size).toBe(273);
  });
  it('may be a tokenizer.json', async () => {
    const model = trainBpe(['a cat', 'eine katze'], { vocabularySize: 270, minCount: 1, lowercase: false, nfc: false }); // prettier-ignore
    const files = { ...small, 't.json': printTokenizerJson(model) };
    const stage = call('tokenizer', ['t.json']);
    const dims = translator.dims.map((dim) => ({ ...dim, bound: 64 }));
    const dataset = await open(files, [pairs, wholeFile, stage], { dims });
    const tokenizer = tokenizerOf(dataset.encoder, 'src');
    expect(tokenizer.decode(numbers(dataset, 'src')[0] ?? [])).toBe('a cat');
    // Parameters bring theirs: the file is not needed again.
    const again = await open(small, [pairs, wholeFile, stage], { dims, encoder: dataset.encoder ?? '' });
    expect(numbers(again, 'src')).toEqual(numbers(dataset, 'src'));
    const inputs = translator.inputs.map((input) => ({ ...input, range: [0, 100] as const }));
    await expect(open(files, [pairs, wholeFile, stage], { dims, inputs })).rejects.toThrow(
      'a vocabulary of 270, and the model’s embedding has room for 100',
    );
  });
});

describe('files', () => {
  it('may be gzip, and the parts files of their own', async () => {
    const files = {
      'train.en': gzipSync(small['train.en']),
      'train.de': gzipSync(small['train.de']),
      'val.en': 'a cow\n',
      'val.de': gzipSync('eine kuh\n'),
      'test.en': 'cats\ndogs\n',
      'test.de': 'katzen\nhunde\n',
    };
    const split = call('split', [], { validation: 'val.<language>', test: 'test.<language>' });
    const dataset = await open(files, [pairs, split, words]);
    expect(dataset.rows).toEqual({ train: 2, validation: 1, test: 2 });
    expect(dataset.pair?.('test', 1)).toEqual({ source: 'dogs', target: 'hunde' });
    // A vocabulary is learned from the training part alone.
    expect(numbers(dataset, 'labels', 'validation')).toEqual([[expect.any(Number), 1, 3]]);
  });
  it('may be one, with columns by number or by name', async () => {
    const content = 'en\tid\tde\na cat\t1\teine katze\n';
    const named = call('parallel', ['p.tsv'], { source: 'en', target: 'de' });
    expect((await open({ 'p.tsv': content }, [named, wholeFile, words])).pair?.('train', 0)).toEqual({ source: 'a cat', target: 'eine katze' }); // prettier-ignore
    const plain = call('parallel', ['p.tsv'], { source: 2, target: 1 });
    expect((await open({ 'p.tsv': 'x\ty\n' }, [plain, wholeFile, words])).pair?.('train', 0)).toEqual({ source: 'y', target: 'x' }); // prettier-ignore
  });
  it.each([
    [{ 'train.en': 'a\nb\n', 'train.de': 'a\n' }, 'train.de: 1 line, and train.en has 2'],
    [{ 'train.en': 'a\n \n', 'train.de': 'a\nb\n' }, 'train.en:2: the source is blank'],
    [{ 'train.en': 'a\nb\n', 'train.de': 'a\n\n' }, 'train.en:2: its translation is blank'],
    [{ 'train.en': 'a\n' }, 'there is no file `train.de`'],
    [
      { 'train.en': 'a\n', 'train.de': gzipSync('b\n').subarray(0, 12) },
      'train.de: the gzip data is damaged',
    ],
    [{ 'train.en': '', 'train.de': '' }, 'train.en: the file is empty'],
    [{ 'train.en': 'a '.repeat(12), 'train.de': 'b' }, 'train.en:1: the source has 12 tokens, and 11 fit'],
  ])('%# that are wrong are refused', async (files, message) => {
    await expect(open(files, [pairs, wholeFile, words])).rejects.toThrow(message);
  });
  it.each([
    [call('parallel', ['train.<language>']), '`<language>` in `train.<language>` stands for `source`'],
    [call('parallel', ['p.tsv'], { target: 3 }), 'p.tsv:1: 2 columns, and column 3 is read'],
    [call('parallel', ['p.tsv'], { source: 'Ein' }), 'p.tsv:1: no column `Ein`; there are `ein` and `zwei`'],
  ])('%# that are asked for wrongly are refused', async (source, message) => {
    await expect(open({ 'p.tsv': 'ein\tzwei\n' }, [source, wholeFile, words])).rejects.toThrow(message);
  });
  it('leave out pairs with a blank side, and long ones of the training part, if asked', async () => {
    const long = `${'a '.repeat(20)}end`;
    const files = {
      'train.en': `a\n\n${long}\n`,
      'train.de': 'b\nc\nd\n',
      'val.en': `${long}\n`,
      'val.de': 'b\n',
    };
    const source = call('parallel', ['train.<language>'], {
      source: 'en',
      target: 'de',
      blank: 'skip',
      long: 'skip',
    });
    const split = call('split', [], { validation: 'val.<language>', test: 0 });
    const dataset = await open(files, [source, split, words]);
    expect(dataset.rows).toEqual({ train: 1, validation: 1, test: 0 });
    const [row = []] = numbers(dataset, 'src', 'validation');
    expect([row.length, row.at(-1), numbers(dataset, 'labels', 'validation')]).toEqual([12, 3, [[5, 3]]]);
    expect(dataset.notes.join('\n')).toMatch(/1 pair with a blank side left out[\s\S]*1 pair of train longer than 11 and 11 tokens left out[\s\S]*of validation longer than 11 and 11 tokens cut/); // prettier-ignore
  });
});

describe('the order', () => {
  const many = (word: string) => Array.from({ length: 50 }, (_, k) => `${word} `.repeat(1 + ((k * 7) % 10)).trim()).join('\n'); // prettier-ignore
  const files = { 'train.en': many('a'), 'train.de': many('b') };
  const batches = call('batches', [4, 'shuffle'], { bucket: 'target', pool: 3 });
  const order = (dataset: Dataset, seed: number, epoch: number) =>
    [...dataset.batches('train', { seed, epoch, shuffle: true })].map(({ indices }) => indices);

  it('is the same for the same seed and epoch, so that a run goes on where it stopped', async () => {
    const [one, other] = await Promise.all([0, 1].map(() => open(files, [pairs, wholeFile, words, batches])));
    if (one === undefined || other === undefined) throw new Error('not opened');
    expect(order(one, 3, 1)).toEqual(order(other, 3, 1));
    expect(order(one, 3, 2)).not.toEqual(order(one, 3, 1));
    expect(order(one, 4, 1)).not.toEqual(order(one, 3, 1));
    expect(
      order(one, 3, 1)
        .flat()
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 50 }, (_, k) => k));
    expect(one.batchesPerEpoch('train', { seed: 3, epoch: 1, shuffle: true })).toBe(13);
  });
  it('puts pairs of like length together', async () => {
    const padded = async (stage: typeof batches) => {
      const dataset = await open(files, [pairs, wholeFile, words, stage]);
      const all = [...dataset.batches('train', { seed: 1, epoch: 0, shuffle: true })];
      return all.reduce((sum, { sizes, rows }) => sum + rows * (sizes.get('source') ?? 0), 0);
    };
    expect(await padded(batches)).toBeLessThan(0.85 * (await padded(call('batches', [4, 'shuffle']))));
    await expect(padded(call('batches', [4], { bucket: 'batch' }))).rejects.toThrow('padded along `source` and `target`'); // prettier-ignore
  });
});

it('refuses models that pairs cannot feed', async () => {
  const [src, tgt, labels] = translator.inputs;
  if (src === undefined || tgt === undefined || labels === undefined) throw new Error('no inputs');
  const refused = (inputs: DataContext['inputs'], targets: readonly string[], message: string) =>
    expect(open(small, [pairs, wholeFile, words], { inputs, targets })).rejects.toThrow(message);
  await refused([src], [], 'pairs of texts need two inputs, and there are `src: i32[batch, source]`');
  await refused(
    [src, tgt, { ...src, name: 'third' }],
    [],
    "cannot fill the model's `third: i32[batch, source]`",
  );
  const wrong = { name: 'labels', dtype: 'i32', shape: [symbol('batch')] } as const;
  await refused([src, tgt, wrong], ['labels'], "a target of tgt's shape, `i32[batch, target]`");
});

it('may have the sources of other pairs, to see whether a model looks at them', async () => {
  const own = await open(small, [pairs, wholeFile, words]);
  const other = shuffleInputs(own, ['src']);
  expect(numbers(other, 'src')).toEqual(numbers(own, 'src').toReversed());
  expect(numbers(other, 'labels')).toEqual(numbers(own, 'labels'));
  expect(numbers(own, 'src')[0]).not.toEqual(numbers(own, 'src')[1]);
  expect(() => first(shuffleInputs(own, ['sorce']))).toThrow(
    'the data has no input `sorce`; there are `src`',
  );
});
