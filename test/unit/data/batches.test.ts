/** Splits, vocabularies, orders and batches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, Dataset, Split } from '../../../runtime/data/dataset.ts';
import { encoderKey, openEncoder } from '../../../runtime/data/encoder.ts';
import { orderBatches } from '../../../runtime/data/order.ts';
import { splitRows } from '../../../runtime/data/split.ts';
import { buildVocabulary, compareCodePoints } from '../../../runtime/data/vocabulary.ts';
import { createDivide } from '../../../runtime/data/word-tokenizer.ts';
import { defaultPattern, stages } from '../../../runtime/data/stages.ts';
import { call, classifier, constant, open, symbol, wholeFile, tokenizerOf, vocabularyOf } from './support.ts';

const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });
const tokensOf = (text: string): readonly string[] =>
  createDivide({ kind: 'words', lowercase: true, pattern: defaultPattern }, 'x')(text);

describe('the table of stages', () => {
  it('has names once, and required options without defaults', () => {
    expect(new Set(stages.map(({ name }) => name)).size).toBe(stages.length);
    for (const { options } of stages) {
      expect(new Set(options.map(({ name }) => name)).size).toBe(options.length);
      for (const option of options) if (option.required === true) expect(option.default).toBeUndefined();
    }
  });
});

describe('words', () => {
  it('are letters together, digits and symbols alone', () => {
    expect(tokensOf("Don't pay £1.50, Zoë! 👍🏽")).toEqual(
      ['don', "'", 't', 'pay', '£', '1', '.', '5', '0', ',', 'zoë', '!', '👍', '🏽'],
    ); // prettier-ignore
    expect(tokensOf('नमस्ते e\u0301a')).toEqual(['नमस्ते', 'e\u0301a']);
    expect(tokensOf(' \n')).toEqual([]);
  });

  it('may be characters', async () => {
    const dataset = await open({ 'a.csv': 'review,sentiment\nAb a👍,pos\n' }, [
      csv,
      wholeFile,
      call('characters', [9]),
    ]);
    expect(vocabularyOf(tokenizerOf(dataset.encoder))).toEqual(['<pad>', '<unk>', ' ', 'A', 'a', 'b', '👍']);
    expect(all(dataset, 'train')[0]?.tensors.get('tokens')?.data).toEqual(Int32Array.of(3, 5, 2, 4, 6));
  });

  it('with a pattern that is none are refused', () => {
    const settings = { kind: 'words', lowercase: true, maxLength: 9 } as const;
    expect(() => createDivide({ ...settings, pattern: '[a' }, 'x.lm:3:1')).toThrow(
      'x.lm:3:1: Invalid regular',
    );
    expect(() => createDivide({ ...settings, pattern: 'a*' }, 'x.lm:3:1')).toThrow('matches the empty text');
  });
});

describe('a vocabulary', () => {
  it('goes by count, then by code point, and is cut at its size', () => {
    const texts = [
      ['b', 'a', 'c', 'c'],
      ['\uE000', '😀', 'a', '<pad>'],
    ];
    const { vocabulary, distinct, rare, cut } = buildVocabulary(texts, 6, 1);
    expect(vocabulary.tokens).toEqual(['<pad>', '<unk>', 'a', 'c', 'b', '\uE000']);
    expect([distinct, cut]).toEqual([6, 1]);
    expect(rare).toBe(1);
    expect(['a', 'zzz', '<pad>', '<unk>'].map((token) => vocabulary.number(token))).toEqual([2, 1, 1, 1]);
    expect(buildVocabulary(texts, 100, 2).vocabulary.tokens).toEqual(['<pad>', '<unk>', 'a', 'c']);
  });

  it('orders as code points do', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const points = (text: string): readonly number[] => [...text].map((char) => char.codePointAt(0) ?? 0);
        const [x, y] = [points(a), points(b)];
        const k = x.findIndex((point, at) => point !== y[at]);
        const expected = k === -1 ? x.length - y.length : y[k] === undefined ? 1 : (x[k] ?? 0) - (y[k] ?? 0);
        expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(expected));
      }),
    );
  });
});

describe('a split', () => {
  it('in the order of the file has the last rows for the test, and the ones before for validation', () => {
    const plan = {
      validation: 0.1,
      test: 0.2,
      validationFile: undefined,
      testFile: undefined,
      place: 'x.lm:1:1',
      seed: 0,
    };
    expect(splitRows(10, { ...plan, shuffle: false })).toEqual({
      train: [0, 1, 2, 3, 4, 5, 6],
      validation: [7],
      test: [8, 9],
    });
    expect(splitRows(5574, { ...plan, validation: 0, shuffle: false })).toMatchObject({
      train: { length: 4459 },
      test: { length: 1115 },
    });
  });

  it('has every row once, whatever the shares, and the same after a shuffle', () => {
    const share = fc.double({ min: 0, max: 0.49, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(200),
        share,
        share,
        fc.boolean(),
        fc.nat(),
        (rows, validation, test, shuffle, seed) => {
          const plan = {
            validation,
            test,
            validationFile: undefined,
            testFile: undefined,
            place: 'x.lm:1:1',
            shuffle,
            seed,
          };
          const parts = splitRows(rows, plan);
          const every = [...parts.train, ...parts.validation, ...parts.test];
          expect(every.toSorted((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, k) => k));
          expect(Math.abs(parts.test.length - test * rows)).toBeLessThanOrEqual(1);
          expect(splitRows(rows, plan)).toEqual(parts);
          if (!shuffle) expect(every).toEqual(Array.from({ length: rows }, (_, k) => k));
        },
      ),
    );
  });
});

describe('orders of batches', () => {
  const ordering = fc.record({
    size: fc.integer({ min: 1, max: 9 }),
    pool: fc.integer({ min: 1, max: 5 }),
    shuffle: fc.boolean(),
    seed: fc.nat(),
    epoch: fc.nat(50),
  });

  it('have every row once, in full batches but for one, and depend on seed and epoch alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30), { maxLength: 150 }),
        ordering,
        fc.boolean(),
        (lengths, rest, bucket) => {
          const options = bucket ? { ...rest, lengths } : rest;
          const batches = orderBatches(lengths.length, options);
          expect(batches.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, k) => k));
          expect(batches.length).toBe(Math.ceil(lengths.length / rest.size));
          expect(batches.filter((batch) => batch.length !== rest.size).length).toBeLessThanOrEqual(1);
          expect(orderBatches(lengths.length, options)).toEqual(batches);
          if (!rest.shuffle && !bucket) expect(batches.flat()).toEqual(lengths.map((_, k) => k));
          if (bucket) {
            for (const batch of batches) {
              const own = batch.map((row) => lengths[row] ?? 0);
              expect(own).toEqual(own.toSorted((a, b) => a - b));
            }
          }
        },
      ),
    );
  });

  it('change with the epoch and with the seed', () => {
    const base = { size: 10, pool: 5, shuffle: true, seed: 1, epoch: 0 };
    const one = orderBatches(1000, base).flat();
    expect(orderBatches(1000, { ...base, epoch: 1 }).flat()).not.toEqual(one);
    expect(orderBatches(1000, { ...base, seed: 2 }).flat()).not.toEqual(one);
  });

  it('by length pad little', () => {
    const lengths = Array.from({ length: 3000 }, (_, k) => 1 + ((k * 7919) % 61));
    const padded = (batches: readonly (readonly number[])[]): number =>
      batches.reduce(
        (sum, batch) => sum + batch.length * Math.max(...batch.map((row) => lengths[row] ?? 0)),
        0,
      );
    const options = { size: 32, pool: 20, shuffle: true, seed: 1, epoch: 0 };
    const total = lengths.reduce((sum, length) => sum + length, 0);
    expect(padded(orderBatches(3000, { ...options, lengths }))).toBeLessThan(1.08 * total);
    expect(padded(orderBatches(3000, options))).toBeGreaterThan(1.7 * total);
  });

  it('are all about equally likely', () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 2400; epoch++) {
      const key = orderBatches(4, { size: 4, pool: 1, shuffle: true, seed: 5, epoch }).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 100 each; the standard deviation is 10.
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(45);
  });
});

const reviews = Array.from(
  { length: 40 },
  (_, k) => `${'good '.repeat(1 + (k % 7))}film ${k},${k % 2 === 0 ? 'pos' : 'neg'}`,
);
const content = `review,sentiment\n${reviews.join('\n')}\n`;

function all(dataset: Dataset, split: Split, shuffle = true): readonly Batch[] {
  return [...dataset.batches(split, { seed: 3, epoch: 1, shuffle })];
}

describe('batches of text', () => {
  const pipeline = [csv, call('split', [], { validation: 0.1, test: 0.2 }), call('words', [50])];

  it('hold every row of their part once, padded to their longest', async () => {
    const dataset = await open({ 'a.csv': content }, [
      ...pipeline,
      call('batches', [8, 'shuffle'], { bucket: 'seq' }),
    ]);
    expect(dataset.rows).toEqual({ train: 28, validation: 4, test: 8 });
    for (const split of ['train', 'validation', 'test'] as const) {
      const batches = all(dataset, split);
      expect(batches.length).toBe(dataset.batchesPerEpoch(split, { seed: 3, epoch: 1, shuffle: true }));
      expect(batches.flatMap(({ indices }) => [...indices]).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: dataset.rows[split] }, (_, k) => k),
      );
      for (const { tensors, sizes, rows, tokens, indices } of batches) {
        const ids = tensors.get('tokens');
        const lengths = [...(tensors.get('lengths')?.data ?? [])];
        const longest = Math.max(...lengths);
        expect(ids?.shape).toEqual([rows, longest]);
        expect([...sizes]).toEqual([['batch', rows], ['seq', longest]]); // prettier-ignore
        expect(tokens).toBe(lengths.reduce((sum, length) => sum + length, 0));
        lengths.forEach((length, k) => {
          const row = [...(ids?.data.subarray(k * longest, (k + 1) * longest) ?? [])];
          expect(row.slice(0, length).every((id) => id > 0)).toBe(true);
          expect(row.slice(length).every((id) => id === 0)).toBe(true);
          expect(tokensOf(dataset.text?.(split, indices[k] ?? -1) ?? '').length).toBe(length);
        });
      }
    }
  });

  it('come in the order of the file where nothing shuffles', async () => {
    const bucketed = [...pipeline, call('batches', [8, 'shuffle'], { bucket: 'seq' })];
    const fixed = await open({ 'a.csv': content }, bucketed, { noShuffle: true });
    expect(all(fixed, 'train').flatMap(({ indices }) => [...indices])).toEqual(
      Array.from({ length: 28 }, (_, k) => k),
    );
    const plain = await open({ 'a.csv': content }, [...pipeline, call('batches', [8])]);
    expect(all(plain, 'train').flatMap(({ indices }) => [...indices])).toEqual(
      Array.from({ length: 28 }, (_, k) => k),
    );
  });

  it('number labels by name, and whole numbers by value', async () => {
    const dataset = await open({ 'a.csv': content }, [...pipeline, call('batches', [8])]);
    expect(dataset.labels).toEqual(['neg', 'pos']);
    const numbers = 'review,sentiment\na,10\nb,9\nc,10\n';
    expect((await open({ 'a.csv': numbers }, [csv, wholeFile, call('words', [50])])).labels).toEqual([
      '9',
      '10',
    ]);
  });

  it('are cut at the bound, and that is said', async () => {
    const long = `review,sentiment\n${'word '.repeat(20)},pos\nshort,neg\n`;
    const dataset = await open({ 'a.csv': long }, [csv, wholeFile, call('words', [50])]);
    expect(all(dataset, 'train')[0]?.sizes.get('seq')).toBe(16);
    expect(dataset.notes).toContain(
      '1 of 2 texts have more than 16 tokens, the first in a.csv:2: their first 16 are used',
    );
    const shorter = await open({ 'a.csv': long }, [csv, wholeFile, call('words', [50], { max_length: 5 })]);
    expect(all(shorter, 'train')[0]?.sizes.get('seq')).toBe(5);
  });

  it('say what the vocabulary leaves out, which rows repeat, which texts have no token', async () => {
    const rows = 'review,sentiment\na a b,pos\na c d,neg\n!!,neg\na a b,pos\n!!,neg\n';
    const dataset = await open({ 'a.csv': rows }, [
      csv,
      call('split', [], { validation: 0, test: 0.4, order: 'file' }),
      call('words', [3], { pattern: '[a-z]' }),
    ]);
    expect(dataset.notes).toEqual([
      '3 rows to train on, 0 for validation, 2 for the test',
      'vocabulary of 3 (room for 3) from 4 different tokens; left out: 3 for want of room',
      'labels of the training part: neg (2), pos (1)',
      '2 texts without any token, the first in a.csv:4: each is one <unk>',
      '2 of 2 texts for test also stand in the training part, the first in a.csv:5',
    ]);
  });

  it('never have a number beyond the table of the model', async () => {
    const context = {
      inputs: classifier.inputs.map((input) =>
        input.name === 'tokens' ? { ...input, range: [0, 5] as const } : input,
      ),
    };
    const dataset = await open({ 'a.csv': content }, [...pipeline, call('batches', [8])], context);
    const ids = all(dataset, 'train').flatMap(({ tensors }) => [...(tensors.get('tokens')?.data ?? [])]);
    expect(Math.max(...ids)).toBe(4);
  });

  it('take numbers for a target of f32', async () => {
    const inputs = [
      ...classifier.inputs.slice(0, 2),
      { name: 'score', dtype: 'f32' as const, shape: [symbol('batch')] },
    ];
    const context = { inputs, targets: ['score'] };
    const rows = 'review,sentiment\na,0.5\nb,-2\n';
    const dataset = await open({ 'a.csv': rows }, [csv, wholeFile, call('words', [50])], context);
    expect(all(dataset, 'train', false)[0]?.tensors.get('score')?.data).toEqual(Float32Array.of(0.5, -2));
    await expect(
      open({ 'a.csv': 'review,sentiment\na,good\n' }, [csv, wholeFile, call('words', [50])], context),
    ).rejects.toThrow('a.csv:2: label `good` is not a number');
  });

  it('take held-out parts from files of their own', async () => {
    const split = call('split', [], { validation: 0, test: 'test.csv', order: 'file' });
    const files = { 'a.csv': content, 'test.csv': 'review,sentiment\nunheard of,pos\n' };
    const dataset = await open(files, [csv, split, call('words', [50])]);
    expect(dataset.rows).toEqual({ train: 40, validation: 0, test: 1 });
    expect(dataset.text?.('test', 0)).toBe('unheard of');
    const typo = { ...files, 'test.csv': 'review,sentiment\na,pos\nb,poss\n' };
    await expect(open(typo, [csv, split, call('words', [50])])).rejects.toThrow(
      'test.csv:3: label `poss` is in no row that is trained on\n  help: did you mean `pos`?',
    );
  });

  it('are refused where the model takes something else', async () => {
    const frames = [
      { name: 'frames', dtype: 'f32' as const, shape: [symbol('batch'), symbol('seq'), constant(40)] },
    ];
    await expect(open({ 'a.csv': content }, pipeline, { inputs: frames, targets: [] })).rejects.toThrow(
      'no input of the model takes tokens: there are `frames: f32[batch, seq, 40]`',
    );
    const two = [
      ...classifier.inputs,
      { name: 'mask', dtype: 'bool' as const, shape: [symbol('batch'), symbol('seq')] },
    ];
    await expect(open({ 'a.csv': content }, pipeline, { inputs: two })).rejects.toThrow(
      "text cannot fill the model's `mask: bool[batch, seq]`",
    );
  });
});

describe('pipelines', () => {
  it.each([
    [[csv], 'text needs a tokeniser'],
    [[], 'task `classify`: it names no data'],
    [[csv, call('words', [5]), call('words', [5])], 'a second tokenizer in a pipeline'],
    [[csv, call('words', [5]), wholeFile], '`split` stands too late in the pipeline'],
    [
      [csv, call('split', [], { validation: 0.5, test: 0.5 }), call('words', [5])],
      'leave nothing to train on',
    ],
    [
      [csv, call('split', [], { test: 1.5 }), call('words', [5])],
      '`test` of `split` is a share from 0 to below 1',
    ],
    [[csv, call('words')], '`words` needs `vocab_size`'],
    [[csv, call('words', [5], { max_length: 17 })], 'max_length is 17, and the program bounds `seq` by 16'],
    [[csv, call('words', [5]), call('batches', [8], { bucket: 'batch' })], 'padded along `seq`, not `batch`'],
    [[csv, call('words', [1])], '`vocab_size` of `words` is a whole number from 2, not `1`'],
    [[csv, call('words', [5]), call('batches', [8, 'shuffel'])], 'takes no argument `shuffel`'],
    [[csv, call('words', [5]), call('batches', [8], { size: 4 })], 'is given `size` twice'],
  ])('%# that are wrong are refused', async (data, message) => {
    await expect(open({ 'a.csv': content }, data)).rejects.toThrow(message);
  });
});

describe('an encoder', () => {
  it('makes of raw text what the data set made of it', async () => {
    const dataset = await open({ 'a.csv': content }, [csv, wholeFile, call('words', [30])]);
    const encoder = openEncoder(dataset.encoder ?? '', { ...classifier, inputs: classifier.inputs.slice(0, 2), batchSize: 4 }); // prettier-ignore
    expect(encoder.labels).toEqual(['neg', 'pos']);
    const texts = Array.from({ length: 40 }, (_, k) => dataset.text?.('train', k) ?? '');
    const batches = encoder.encode(texts);
    const expected = all(dataset, 'train', false);
    expect(batches.length).toBe(expected.length);
    batches.forEach((batch, k) => {
      expect(batch.tensors.get('tokens')).toEqual(expected[k]?.tensors.get('tokens'));
      expect(batch.tensors.get('lengths')).toEqual(expected[k]?.tensors.get('lengths'));
      expect(batch.tensors.has('labels')).toBe(false);
      expect(batch.indices).toEqual(expected[k]?.indices);
    });
    expect(encoder.encode(['', ' zzz'])[0]?.tensors.get('tokens')?.data).toEqual(Int32Array.of(1, 1));
    expect(encoderKey).toBe('lmc.encoder');
  });

  it('of a run is used instead of a new one', async () => {
    const { encoder = '' } = await open({ 'a.csv': content }, [csv, wholeFile, call('words', [30])]);
    const other = 'review,sentiment\nfilm film new,pos\nnew good,pos\n';
    const dataset = await open({ 'a.csv': other }, [csv, wholeFile, call('words', [30])], { encoder });
    expect(dataset.labels).toEqual(['neg', 'pos']);
    expect(dataset.encoder).toBe(encoder);
    const [batch] = all(dataset, 'train', false);
    const tokenizer = tokenizerOf(encoder);
    expect([...(batch?.tensors.get('tokens')?.data ?? [])]).toEqual(
      ['film', 'film', 'new', 'new', 'good', ''].map((token) =>
        token === '' ? 0 : (tokenizer.find(token) ?? 1),
      ),
    );
    expect(batch?.tensors.get('labels')?.data).toEqual(Int32Array.of(1, 1));
  });

  it('that is damaged is refused', () => {
    expect(() => openEncoder('{', classifier)).toThrow('is not JSON');
    expect(() => openEncoder('{"format":"lmc-encoder"}', classifier)).toThrow(
      'is damaged, or of another version',
    );
  });
});
