/** tokenizer.json of kinds that the library of Hugging Face reads: WordPiece, and BPE with metaspaces and bytes. */
import { describe, expect, it } from 'vitest';
import { parseEncoder, encodeOne, encodingOf, printEncoder } from '../../../runtime/data/encoder.ts';
import { LibraryTokenizer } from '../../../runtime/data/library-tokenizer.ts';
import { openTokenizerJson } from '../../../runtime/data/saved-tokenizer.ts';
import type { Tokenizer } from '../../../runtime/data/tokenizer.ts';
import { call, open, wholeFile } from './support.ts';

const special = (id: number, content: string) => ({ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }); // prettier-ignore
const number = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));

const wordPiece = {
  version: '1.0',
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((content, id) => special(id, content)),
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }, // prettier-ignore
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: number(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'play', '##ing', '##ed', 'cat', '.']),
  },
};

const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const metaspace = {
  version: '1.0',
  added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => special(id, content)),
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] }, // prettier-ignore
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    byte_fallback: true,
    fuse_unk: true,
    vocab: number(['<unk>', '<s>', '</s>', ...bytes, '▁', 'c', 'a', 't', 'ca', 'cat', '▁cat']),
    merges: ['c a', 'ca t', '▁ cat'],
  },
};

const openJson = (json: object): Tokenizer => openTokenizerJson(JSON.stringify(json), 't.json');
const stream = (tokenizer: Tokenizer, ids: readonly number[], continues = false): readonly string[] => {
  const decoder = tokenizer.openDecoder({ continues });
  return [...ids.map((id) => decoder.push(id)), decoder.end()];
};

describe('WordPiece', () => {
  const tokenizer = openJson(wordPiece);
  it('divides words, and puts them together again', () => {
    expect(tokenizer).toBeInstanceOf(LibraryTokenizer);
    expect(tokenizer.encode('The cat played.')).toEqual([5, 9, 6, 8, 10]);
    expect(tokenizer.encode('zebra')).toEqual([1]);
    expect(tokenizer.decode([2, 5, 9, 6, 7, 3])).toBe('the cat playing');
    expect(tokenizer.special).toEqual({ pad: 0, unk: 1, bos: 2, eos: 3, mask: 4 });
    expect([tokenizer.size, tokenizer.token(7), tokenizer.find('cat')]).toEqual([11, '##ing', 9]);
    expect(() => tokenizer.decode([11])).toThrow('11 is no token');
  });
  it('streams, and goes on from a text with a space', () => {
    expect(stream(tokenizer, [5, 6, 7])).toEqual(['the', ' play', 'ing', '']);
    expect(stream(tokenizer, [9, 7], true)).toEqual([' cat', 'ing', '']);
  });
  it('travels with the parameters', () => {
    const json = printEncoder(encodeOne('tokens', { tokenizer, maxLength: 9 }));
    const again = encodingOf(parseEncoder(json), 'tokens').tokenizer;
    expect(again.encode('the cat')).toEqual([5, 9]);
    expect(printEncoder(parseEncoder(json))).toBe(json);
  });
  it('is a stage of a pipeline', async () => {
    const files = {
      'a.csv': 'review,sentiment\nThe cat,pos\nplaying,neg\n',
      't.json': JSON.stringify(wordPiece),
    };
    const csv = call('csv', ['a.csv'], { text: 'review', label: 'sentiment' });
    const dataset = await open(files, [csv, wholeFile, call('tokenizer', ['t.json'])]);
    const [batch] = dataset.batches('train', { seed: 0, epoch: 0, shuffle: false });
    expect(batch?.tensors.get('tokens')?.data).toEqual(Int32Array.of(5, 9, 6, 7));
  });
});

describe('BPE with metaspaces', () => {
  const tokenizer = openJson(metaspace);
  it('holds back the bytes of a character', () => {
    const ids = tokenizer.encode('cat ä cat');
    expect(tokenizer.decode(ids)).toBe('cat ä cat');
    expect(stream(tokenizer, ids).join('|')).toBe('cat| ||ä| cat|');
    expect(stream(tokenizer, ids.slice(0, -2)).join('')).toBe('cat �');
    expect(stream(tokenizer, tokenizer.encode('cat'), true)).toEqual([' cat', '']);
  });
});

it.each([
  ['{', 't.json: not JSON'],
  ['{}', 't.json: not a tokenizer.json: it has no `model`'],
  ['{"model":{"type":"Nothing"}}', 't.json: not a tokenizer.json that is understood'],
])('refuses %s', (text, message) => {
  expect(() => openTokenizerJson(text, 't.json')).toThrow(message);
});
