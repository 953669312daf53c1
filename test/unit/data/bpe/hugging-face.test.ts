/**
 * Byte-level BPE against Hugging Face's own library, which hugging_face.py ran on vocabularies that lmc learned: odd
 * Unicode of all classes that the pattern and the normalizers know, and the 58,000 lines of Multi30k.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { preTokenize } from '../../../../runtime/data/bpe/bytes.ts';
import type { BpeModel } from '../../../../runtime/data/bpe/model.ts';
import { BpeTokenizer } from '../../../../runtime/data/bpe/tokenizer.ts';
import { trainBpe, type BpeTraining } from '../../../../runtime/data/bpe/train.ts';

interface Figures {
  readonly texts: readonly string[];
  /** Characters of each piece. */
  readonly pieces: readonly (readonly number[])[];
  readonly plain: readonly string[];
  readonly folded: readonly string[];
  readonly prefixed: readonly string[];
  /** SHA-256 of the numbers of all lines. */
  readonly multi30k: string;
}

const figures = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'hugging-face.json'), 'utf8'),
) as Figures;
const root = path.resolve(import.meta.dirname, '../../../..');
const multi30k = path.resolve(root, '../shared/data/multi30k_en_de');
if (!existsSync(multi30k)) console.warn(`${multi30k} is absent: its lines are not compared`);

const settings: BpeTraining = {
  vocabularySize: 500,
  minCount: 2,
  lowercase: false,
  nfc: false,
  prefixSpace: false,
};
const folded = { lowercase: true, nfc: true };
const demo = readFileSync(path.join(root, 'demo', 'reviews.csv'), 'utf8').split('\n');
const learn = (more: Partial<BpeTraining> = {}): BpeModel => trainBpe(demo, { ...settings, ...more });
const encode = (tokenizer: BpeTokenizer, text: string): string =>
  tokenizer.encode(text, { matchAdded: true }).join(' ');

describe('Hugging Face’s library', () => {
  it('cuts odd Unicode into the same pieces', () => {
    const plain = { nfc: false, lowercase: false, prefixSpace: false };
    for (const [k, text] of figures.texts.entries())
      expect([text, preTokenize(text, plain).map((piece) => [...piece].length)]).toEqual([
        text,
        figures.pieces[k],
      ]);
  });
  it.each([
    ['plain', {}, false],
    ['folded', folded, false],
    // The vocabulary of `plain`, used in another way.
    ['prefixed', {}, true],
  ] as const)('gives odd Unicode the same numbers: %s', (name, more, prefixSpace) => {
    const model = learn(more);
    const tokenizer = new BpeTokenizer({ ...model, normalization: { ...model.normalization, prefixSpace } });
    const found = figures.texts.map((text) => [text, encode(tokenizer, text)]);
    expect(found).toEqual(figures.texts.map((text, k) => [text, figures[name][k]]));
  });
  it.skipIf(!existsSync(multi30k))(
    'gives both languages of Multi30k the same numbers',
    { timeout: 120_000 },
    () => {
      const read = (name: string): readonly string[] =>
        gunzipSync(readFileSync(path.join(multi30k, name)))
          .toString('utf8')
          .split('\n');
      const held = [...read('val.en.gz'), ...read('val.de.gz')];
      const tokenizer = new BpeTokenizer(trainBpe(held, { ...settings, ...folded, vocabularySize: 1500 }));
      const lines = [...read('train.en.gz'), ...read('train.de.gz')];
      const numbers = lines.map((line) => encode(tokenizer, line)).join('\n');
      expect(createHash('sha256').update(numbers).digest('hex')).toBe(figures.multi30k);
    },
  );
});
