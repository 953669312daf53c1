/** `bpe{…}` and `tokenizer{…}` for classified texts and for windows of one long text. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { printTokenizerJson } from '../../../runtime/data/bpe/tokenizer-json.ts';
import { BpeTokenizer } from '../../../runtime/data/bpe/tokenizer.ts';
import { trainBpe } from '../../../runtime/data/bpe/train.ts';
import { openEncoder } from '../../../runtime/data/encoder.ts';
import type { DataContext, Dataset } from '../../../runtime/data/dataset.ts';
import { call, classifier, open, symbol, tokenizerOf, wholeFile } from './support.ts';

const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });
const content = 'review,sentiment\nThe film the film,pos\nthe cat 👍,neg\nthe bad film,neg\n';
const rowsOf = (dataset: Dataset, name = 'tokens') => {
  const [batch] = dataset.batches('train', { seed: 0, epoch: 0, shuffle: false });
  const { data = [], shape = [] } = batch?.tensors.get(name) ?? {};
  const [rows = 0, size = 0] = shape;
  return Array.from({ length: rows }, (_, k) =>
    Array.from({ length: size }, (_each, j) => data[k * size + j] ?? 0),
  );
};

describe('classified texts', () => {
  it('are learned from, and come back', async () => {
    const stage = call('bpe', [], { merges: 5, lowercase: true });
    const dataset = await open({ 'a.csv': content }, [csv, wholeFile, stage]);
    const tokenizer = tokenizerOf(dataset.encoder, 'tokens');
    expect(tokenizer.size).toBe(266);
    expect(rowsOf(dataset).map((row) => tokenizer.decode(row))).toEqual(['the film the film', 'the cat 👍', 'the bad film']); // prettier-ignore
    const context = { ...classifier, inputs: classifier.inputs.slice(0, 2) };
    const [batch] = openEncoder(dataset.encoder ?? '', context).encode(['The CAT 👍']);
    expect([...(batch?.tensors.get('tokens')?.data ?? [])]).toEqual(
      rowsOf(dataset)[1]?.filter((id) => id > 0),
    );
  });
  it.each([
    [call('bpe', [300], { merges: 3 }), 'say the same: give one of them'],
    [call('bpe', [2000]), 'a vocabulary of 2000, and the model’s embedding has room for 1000'],
    [call('bpe', [260]), '`vocab_size` of `bpe` is a whole number from 261'],
    [call('tokenizer', ['t.json']), 'there is no file `t.json`'],
    [call('tokens', [30]), '`tokens` numbers the words of sentences'],
  ])('%# that are asked for wrongly are refused', async (stage, message) => {
    await expect(open({ 'a.csv': content }, [csv, wholeFile, stage])).rejects.toThrow(message);
  });
});

describe('windows', () => {
  const shape = [symbol('batch'), symbol('seq')];
  const model: DataContext = {
    inputs: [
      { name: 'tokens', dtype: 'i32', shape, range: [0, 600] },
      { name: 'next', dtype: 'i32', shape },
    ],
    targets: ['next'],
    dims: [
      { name: 'batch', bound: 2 },
      { name: 'seq', bound: 8 },
    ],
  };
  const line = 'the cat sat on the mat, and the cat\n';
  const split = call('split', [], { validation: 0, test: 0 });

  it('are cut from byte pairs', async () => {
    const text = line.repeat(20);
    const dataset = await open({ 't.gz': gzipSync(text) }, [call('text', ['t.gz']), split, call('bpe', [300]), call('windows', [8]), call('batches', [2])], model); // prettier-ignore
    const tokenizer = tokenizerOf(dataset.encoder, 'tokens');
    const [batch, ...more] = dataset.batches('train', { seed: 0, epoch: 0, shuffle: false });
    const read = [batch, ...more].flatMap((each) => [...(each?.tensors.get('tokens')?.data ?? [])]);
    expect(text.startsWith(tokenizer.decode(read))).toBe(true);
    expect(read).toEqual(tokenizer.encode(text).slice(0, -1));
    expect(rowsOf(dataset, 'next')[0]?.slice(0, -1)).toEqual(rowsOf(dataset)[0]?.slice(1));
  });
  it('of a large text, numbered in pieces, are those of the whole', async () => {
    const settings = { vocabularySize: 300, minCount: 2, lowercase: false, nfc: false, prefixSpace: true };
    const tokenizer = new BpeTokenizer(trainBpe([line], settings));
    const text = `${line}\n\n ${line}`.repeat(9000);
    const files = { 't.txt': text, 't.json': printTokenizerJson(tokenizer.model) };
    const dataset = await open(files, [call('text', ['t.txt']), split, call('tokenizer', ['t.json'])], model);
    const read = [...dataset.batches('train', { seed: 0, epoch: 0, shuffle: false })].flatMap((each) => [
      ...(each.tensors.get('tokens')?.data ?? []),
    ]);
    expect(text.length).toBeGreaterThan(2 * 2 ** 18);
    expect(read).toEqual(tokenizer.encode(text).slice(0, -1));
  });
});
