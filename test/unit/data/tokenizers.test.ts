/** The one interface of words, characters and byte pairs, and how they travel with the parameters. */
import { describe, expect, it } from 'vitest';
import { BpeTokenizer } from '../../../runtime/data/bpe/tokenizer.ts';
import { trainBpe } from '../../../runtime/data/bpe/train.ts';
import { encodeOne, encodingOf, parseEncoder, printEncoder } from '../../../runtime/data/encoder.ts';
import { defaultPattern } from '../../../runtime/data/stages.ts';
import type { Tokenizer } from '../../../runtime/data/tokenizer.ts';
import { markedTokens, specialTokens, Vocabulary } from '../../../runtime/data/vocabulary.ts';
import { WordTokenizer } from '../../../runtime/data/word-tokenizer.ts';
import { numberCodec } from '../../../runtime/generate/text-codec.ts';

const words = new WordTokenizer(
  { kind: 'words', lowercase: true, pattern: defaultPattern },
  new Vocabulary([...markedTokens, 'the', 'cat', '.'], markedTokens.length),
);
const characters = new WordTokenizer(
  { kind: 'characters', lowercase: false, pattern: '' },
  new Vocabulary([...specialTokens, 'a', 'b', ' ']),
);
const bytes = (prefixSpace: boolean): BpeTokenizer => {
  const settings = { vocabularySize: 290, minCount: 1, lowercase: false, nfc: false, prefixSpace };
  return new BpeTokenizer(trainBpe(['the cat sat on the mat', 'the Käse, the cat'], settings));
};

function stream(tokenizer: Tokenizer, ids: readonly number[], continues: boolean): readonly string[] {
  const decoder = tokenizer.openDecoder({ continues });
  return [...ids.map((id) => decoder.push(id)), decoder.end()];
}

describe('words', () => {
  it('come back with a space between them, and special tokens left out', () => {
    expect(words.encode('The CAT. dog <s>')).toEqual([4, 5, 6, 1, 1, 1, 1]);
    expect(words.decode([2, 4, 5, 1, 6, 3, 0])).toBe('the cat <unk> .');
    expect(words.special).toEqual({ pad: 0, unk: 1, bos: 2, eos: 3 });
    expect([words.token(5), words.token(9), words.find('</s>'), words.find('dog')]).toEqual(['cat', undefined, 3, undefined]); // prettier-ignore
  });
  it('go on from a text with a space', () => {
    expect(stream(words, [2, 4, 5], false)).toEqual(['', 'the', ' cat', '']);
    expect(stream(words, [4, 5], true)).toEqual([' the', ' cat', '']);
    expect(() => words.decode([7])).toThrow('7 is no token');
  });
});

describe('characters', () => {
  it('come back as they were', () => {
    expect(characters.decode(characters.encode('ab a'))).toBe('ab a');
    expect(stream(characters, [2, 4, 3], true)).toEqual(['a', ' ', 'b', '']);
    expect(characters.special).toEqual({ pad: 0, unk: 1 });
  });
});

describe('byte pairs', () => {
  it('may put a space before a text, and take it away again', () => {
    const tokenizer = bytes(true);
    expect(tokenizer.encode('the')).toEqual(tokenizer.encode(' the'));
    expect(tokenizer.encode('the', { continues: true })).not.toEqual(tokenizer.encode('the'));
    expect(tokenizer.decode(tokenizer.encode('the cat'))).toBe('the cat');
    expect(stream(tokenizer, tokenizer.encode(' cat'), true).join('')).toBe(' cat');
    expect(bytes(false).encode('the')).not.toEqual(bytes(false).encode(' the'));
  });
});

it('numbers are numbers', () => {
  expect(numberCodec.encode('1, 2 33')).toEqual([1, 2, 33]);
  const decoder = numberCodec.openDecoder();
  expect(decoder.push(4) + decoder.push(5) + decoder.end()).toBe('4 5');
});

describe('an encoder', () => {
  it('holds tokenisers by input, and one for two once', () => {
    const joint = bytes(true);
    const json = printEncoder({
      inputs: new Map([
        ['src', { tokenizer: joint, maxLength: 10 }],
        ['tgt', { tokenizer: joint, maxLength: 12 }],
        ['topic', { tokenizer: words, maxLength: 3 }],
      ]),
      labels: ['a', 'b'],
    });
    expect(JSON.parse(json)).toMatchObject({ version: 2, tokenizers: [{ kind: 'bpe' }, { kind: 'words' }] });
    const data = parseEncoder(json);
    expect(printEncoder(data)).toBe(json);
    expect(data.labels).toEqual(['a', 'b']);
    const source = encodingOf(data, 'src');
    expect(source.maxLength).toBe(10);
    expect(source.tokenizer).toBe(encodingOf(data, 'tgt').tokenizer);
    expect(source.tokenizer.encode('Käse mat')).toEqual(joint.encode('Käse mat'));
    expect(source.tokenizer.special).toEqual(joint.special);
    expect(encodingOf(data, 'topic').tokenizer.encode('the dog')).toEqual([4, 1]);
    expect(() => encodingOf(data, 'other')).toThrow('tokenisers for `src`, `tgt`, `topic`, not for `other`');
  });
  it('of version 1 is still read', () => {
    const old =
      '{"format":"lmc-encoder","version":1,"tokenizer":{"kind":"words","lowercase":true,"pattern":"\\\\w+","max_length":7},"vocabulary":["<pad>","<unk>","good","film"],"labels":["neg","pos"]}';
    const data = parseEncoder(old);
    const { tokenizer, maxLength } = encodingOf(data, 'tokens');
    expect(maxLength).toBe(7);
    expect(tokenizer.encode('Good old film')).toEqual([2, 1, 3]);
    expect(tokenizer.special).toEqual({ pad: 0, unk: 1 });
    expect(data.labels).toEqual(['neg', 'pos']);
  });
  it('that does not hold together is refused', () => {
    const whole = JSON.stringify({
      ...JSON.parse(printEncoder(encodeOne('x', { tokenizer: words, maxLength: 3 }))),
      inputs: { x: { tokenizer: 1, max_length: 3 } },
    });
    expect(() => parseEncoder(whole)).toThrow('inputs.x names tokeniser 1');
    expect(() => parseEncoder('{"format":"lmc-encoder","version":3}')).toThrow('of another version');
  });
});
