/** Tokens hidden for a masked language model, subsets of rows, and vocabularies of pretrained parameters. */
import { describe, expect, it } from 'vitest';
import type { Batch, BatchOptions, DataContext, Dataset, Split } from '../../../runtime/data/dataset.ts';
import type { PlanCall } from '../../../runtime/plan.ts';
import { call, classifier, open, symbol, tokenizerOf, wholeFile } from './support.ts';

const perToken = [symbol('batch'), symbol('seq')];
const masked: DataContext = {
  inputs: [
    { name: 'tokens', dtype: 'i32', shape: perToken, range: [0, 1000] },
    { name: 'lengths', dtype: 'i32', shape: [symbol('batch')] },
    { name: 'labels', dtype: 'i32', shape: perToken },
  ],
  targets: ['labels'],
  dims: [
    { name: 'batch', bound: 64 },
    { name: 'seq', bound: 64 },
  ],
};
const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const line = (k: number): string =>
  Array.from({ length: 5 + (k % 30) }, (_, j) => words[(j * j + k) % words.length]).join(' ');
const text = Array.from({ length: 200 }, (_, k) => line(k)).join('\n');
const half = call('split', [], { validation: 0.25, test: 0.25, order: 'file' });
const base: BatchOptions = { seed: 3, epoch: 0, shuffle: false };

function lines(stages: readonly PlanCall[], content = text): Promise<Dataset> {
  const source = call('lines', ['a.txt']);
  return open(
    { 'a.txt': content },
    [source, half, ...stages, call('batches', [8], { shuffle: true })],
    masked,
  );
}

interface Place {
  readonly row: number;
  readonly at: number;
  readonly token: number;
  readonly label: number;
  readonly isPadding: boolean;
}

/** Every place of every row, in the order of rows and places. */
function placesOf(dataset: Dataset, split: Split, options: Partial<BatchOptions> = {}): readonly Place[] {
  const places = [...dataset.batches(split, { ...base, ...options })].flatMap((batch: Batch) => {
    const [tokens, labels, lengths] = ['tokens', 'labels', 'lengths'].map((name) => batch.tensors.get(name)?.data ?? []); // prettier-ignore
    const width = batch.sizes.get('seq') ?? 0;
    return Array.from(tokens ?? [], (token, k) => {
      const [row, at] = [Math.floor(k / width), k % width];
      const isPadding = at >= (lengths?.[row] ?? width);
      return { row: batch.indices[row] ?? -1, at, token, label: labels?.[k] ?? 0, isPadding };
    });
  });
  return places
    .filter(({ isPadding, label }) => !isPadding || label !== -100)
    .toSorted((a, b) => a.row - b.row || a.at - b.at);
}
const chosen = (places: readonly Place[]): readonly Place[] => places.filter(({ label }) => label !== -100);

describe('hidden tokens', () => {
  it.each(['words', 'characters'])('of %s: 80 % become <mask>, 10 % another, 10 % stay', async (kind) => {
    const dataset = await lines([call(kind, [500]), call('masking', [0.15])]);
    const tokenizer = tokenizerOf(dataset.encoder, 'tokens');
    expect(tokenizer.find('<mask>')).toBe(2);
    const all = Array.from({ length: 40 }, (_, epoch) => placesOf(dataset, 'train', { epoch })).flat();
    const hidden = chosen(all);
    expect(hidden.length / all.length).toBeCloseTo(0.15, 1);
    const share = (of: (place: Place) => boolean): number => hidden.filter(of).length / hidden.length;
    expect(share(({ token }) => token === 2)).toBeCloseTo(0.8, 1);
    // A random token may be the one that was there.
    expect(share(({ token, label }) => token === label)).toBeGreaterThan(0.08);
    expect(share(({ token, label }) => token !== label && token !== 2)).toBeGreaterThan(0.06);
    expect(hidden.filter(({ label, isPadding }) => isPadding || label < 3)).toEqual([]);
    expect(hidden.filter(({ token }) => token < 2)).toEqual([]);
  });

  it('are round(share · tokens) of a text, one at least, and what is left says what was there', async () => {
    const dataset = await lines([call('words', [500]), call('masking', [0.15])]);
    const tokenizer = tokenizerOf(dataset.encoder, 'tokens');
    const places = placesOf(dataset, 'train');
    for (let row = 0; row < dataset.rows.train; row++) {
      const own = places.filter((place) => place.row === row);
      const original = own.map(({ token, label }) => (label === -100 ? token : label));
      expect(tokenizer.decode(original)).toBe(line(row));
      expect(chosen(own).length).toBe(Math.max(1, Math.round(own.length * 0.15)));
    }
  });

  it('depend on the seed, the epoch and the row, and not on the order of batches', async () => {
    const stages = [call('words', [500]), call('masking', [0.15])];
    const [dataset, again] = [await lines(stages), await lines(stages)];
    const first = placesOf(dataset, 'train', { epoch: 4 });
    expect(placesOf(again, 'train', { epoch: 4, shuffle: true })).toEqual(first);
    for (const options of [{ epoch: 5 }, { epoch: 4, seed: 4 }])
      expect(chosen(placesOf(dataset, 'train', options))).not.toEqual(chosen(first));
  });

  it('of what is held out are always the same ones', async () => {
    const dataset = await lines([call('words', [500]), call('masking', [0.15])]);
    const fixed = placesOf(dataset, 'validation');
    expect(chosen(fixed).length).toBeGreaterThan(50);
    expect(placesOf(dataset, 'validation', { seed: 9, epoch: 7 })).toEqual(fixed);
    expect(chosen(placesOf(dataset, 'test')).map(({ at }) => at)).not.toEqual(
      chosen(fixed).map(({ at }) => at),
    );
  });

  it('are never unknown ones; a batch counts for what there is to guess', async () => {
    const rare = `${text}\nzebra\n`;
    const split = call('split', [], { validation: 0, test: 0, order: 'file' });
    const stages = [call('lines', ['a.txt']), split, call('words', [500], { min_count: 2 }), call('masking', [0.15])]; // prettier-ignore
    const dataset = await open({ 'a.txt': rare }, [...stages, call('batches', [64])], masked);
    const batches = [...dataset.batches('train', base)];
    expect(chosen(placesOf(dataset, 'train')).every(({ label }) => label > 2)).toBe(true);
    const counts = batches.map(({ tensors }) => [...(tensors.get('labels')?.data ?? [])].filter((each) => each !== -100).length); // prettier-ignore
    expect(batches.map(({ weight }) => weight)).toEqual(counts);
  });

  it('other shares are obeyed', async () => {
    const dataset = await lines([call('words', [500]), call('masking', [0.5], { mask: 0, random: 0 })]);
    const places = placesOf(dataset, 'train');
    expect(chosen(places).length / places.length).toBeCloseTo(0.5, 1);
    expect(chosen(places).every(({ token, label }) => token === label)).toBe(true);
  });

  it.each(['words', 'bpe'])('of windows of a long text, in %s', async (kind) => {
    const stages = [call('text', ['a.txt']), half, call(kind, [400]), call('windows', [16])];
    const dataset = await open({ 'a.txt': text }, [...stages, call('masking', [0.25]), call('batches', [8], { shuffle: true })], masked); // prettier-ignore
    const mask = tokenizerOf(dataset.encoder, 'tokens').special.mask;
    for (const shuffle of [false, true]) {
      const places = placesOf(dataset, 'train', { shuffle });
      expect(chosen(places).length / places.length).toBeCloseTo(0.25, 1);
      expect(chosen(places).filter(({ token }) => token === mask).length).toBeGreaterThan(20);
    }
  });

  it.each([
    [[call('masking', [1.5])], masked, '`share` of `masking` is a number from 0 to 1, not `1.5`'],
    [[call('masking', [0])], masked, '`share` of `masking` is a share above 0'],
    [[call('masking', [0.1], { random: 0.3 })], masked, '`random` of `masking` is at most 1 - mask, 0.2'],
    [[call('masking', [0.1])], classifier, 'hidden tokens cannot fill `labels: i32[batch]`'],
  ])('%#: wrong settings are refused', async (stages, model, message) => {
    const data = [call('lines', ['a.txt']), half, call('words', [500]), ...stages, call('batches', [8])];
    await expect(open({ 'a.txt': text }, data, model)).rejects.toThrow(message);
  });
});

describe('a subset of the rows to train on', () => {
  const content = Array.from({ length: 60 }, (_, k) => `text ${k},${k % 2 === 0 ? 'pos' : 'neg'}`).join('\n');
  const subset = (train: number, seed = 0): Promise<Dataset> => {
    const split = call('split', [], { validation: 0.25, test: 0.25, order: 'file', train, seed });
    const csv = call('csv', ['a.csv'], { header: false, text: 1, label: 2 });
    return open({ 'a.csv': content }, [csv, split, call('words', [500])]);
  };
  const texts = (dataset: Dataset, split: Split): readonly string[] =>
    Array.from({ length: dataset.rows[split] }, (_, row) => dataset.text?.(split, row) ?? '');

  it('is drawn by the seed; what is held out stays', async () => {
    const [whole, one, other] = [await subset(30), await subset(8, 1), await subset(8, 2)];
    expect(texts(one, 'train').length).toBe(8);
    expect(texts(whole, 'train')).toEqual(expect.arrayContaining([...texts(one, 'train')]));
    expect(texts(other, 'train')).not.toEqual(texts(one, 'train'));
    expect(texts(await subset(8, 1), 'train')).toEqual(texts(one, 'train'));
    for (const split of ['validation', 'test'] as const)
      expect(texts(one, split)).toEqual(texts(whole, split));
  });
  it('is not larger than what there is', async () => {
    await expect(subset(31)).rejects.toThrow('train=31, and there are 30 rows to train on');
  });
});

describe('parameters that come with a vocabulary', () => {
  const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });
  const content = 'review,sentiment\nten nine zebra,pos\none two,neg\n';
  const start = async (tokenizer: PlanCall, changes: Partial<DataContext> = {}): Promise<Dataset> => {
    const { encoder = '' } = await lines([call('words', [500]), call('masking', [0.15])]);
    const pretrained = { name: 'pretrained.safetensors', encoder };
    return open({ 'a.csv': content }, [csv, wholeFile, tokenizer], { pretrained, ...changes });
  };

  it('keep it, and the labels are the new ones', async () => {
    const dataset = await start(call('words', [500], { max_length: 2 }));
    const tokenizer = tokenizerOf(dataset.encoder, 'tokens');
    expect(tokenizer.size).toBe(words.length + 3);
    expect(dataset.labels).toEqual(['neg', 'pos']);
    expect(dataset.notes).toContain('vocabulary of 13, from pretrained.safetensors');
    const [batch] = dataset.batches('train', base);
    const ids = ['ten', 'nine', 'one', 'two'].map((word) => tokenizer.find(word));
    expect([...(batch?.tensors.get('tokens')?.data ?? [])]).toEqual(ids);
  });

  it.each([
    [call('characters', [500]), 'a vocabulary of its own, of `words`, and this is `characters`'],
    [call('words', [500], { lowercase: false }), 'with lowercase=true, and here it is false'],
    [call('words', [500], { pattern: '[a-z]+' }), 'and here it is "[a-z]+"'],
  ])('%# refuse another', async (tokenizer, message) => {
    await expect(start(tokenizer)).rejects.toThrow(message);
  });
  it('refuse a table that is smaller', async () => {
    const [tokens = classifier.inputs[0], ...others] = classifier.inputs;
    if (tokens === undefined) throw new Error('no tokens');
    const inputs = [{ ...tokens, range: [0, 9] as const }, ...others];
    await expect(start(call('words', [500]), { inputs })).rejects.toThrow('room for 9');
  });
});
