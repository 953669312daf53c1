/** Byte-level BPE against its definition, and what must hold of any text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteCharacters, tokenBytes } from '../../../../runtime/data/bpe/bytes.ts';
import { parseTokenizerJson, printTokenizerJson } from '../../../../runtime/data/bpe/tokenizer-json.ts';
import { BpeTokenizer } from '../../../../runtime/data/bpe/tokenizer.ts';
import { leastBpeSize, trainBpe } from '../../../../runtime/data/bpe/train.ts';
import type { TextCodec } from '../../../../runtime/generate/text-codec.ts';
import { applyMerges, learnMerges, splitBytes } from './oracle.ts';

const settings = { minCount: 2, lowercase: false, nfc: false };
const train = (texts: readonly string[], merges: number, more: Partial<typeof settings> = {}) =>
  trainBpe(texts, { ...settings, ...more, vocabularySize: leastBpeSize + merges });
const hex = (token: string | undefined): string => Buffer.from(tokenBytes(token ?? '') ?? []).toString('hex');

/** Few letters, so that pairs come again, overlap and tie. */
const smallText = fc.array(fc.constantFrom('a', 'b', 'c', ' ', "'s", '1', 'ä', '🙂', '\n'), {
  maxLength: 30,
});
const smallTexts = fc.array(
  smallText.map((parts) => parts.join('')),
  { maxLength: 6 },
);
const anyText = fc.string({ unit: 'binary', maxLength: 60 });

const corpus = [
  'the cat sat on the mat, the cat!',
  "it's the Käse that they’re eating 🙂🙂",
  'aaaa aaa aa a',
];

describe('training', () => {
  it('makes the merges of the definition', () => {
    fc.assert(
      fc.property(
        smallTexts,
        fc.integer({ min: 0, max: 25 }),
        fc.integer({ min: 1, max: 3 }),
        (texts, count, minCount) => {
          const model = train(texts, count, { minCount });
          const number = (byte: string) => model.tokens.indexOf(byteCharacters[Number.parseInt(byte, 16)]);
          const merges = model.merges.map(([left, right]) => [
            hex(model.tokens[left]),
            hex(model.tokens[right]),
          ]);
          expect(merges).toEqual(learnMerges(texts, count, minCount, number));
        },
      ),
      { numRuns: 150 },
    );
  });
  it('does not depend on the order of the texts', () => {
    expect(train(corpus.toReversed(), 40)).toEqual(train(corpus, 40));
  });
  it('starts with the special tokens', () => {
    const model = train(corpus, 3);
    expect(model.tokens.slice(0, 5)).toEqual(['<pad>', '<unk>', '<s>', '</s>', '<mask>']);
    expect(model.tokens.length).toBe(264);
  });
  it('refuses a size without room for the bytes', () => {
    expect(() => trainBpe([], { ...settings, vocabularySize: 260 })).toThrow(/260 is too small[\s\S]*261/);
  });
});

describe('encoding', () => {
  it('merges as the definition does', () => {
    fc.assert(
      fc.property(smallTexts, smallTexts, (texts, others) => {
        const model = train(texts, 25, { minCount: 1 });
        const merges = model.merges.map(
          ([left, right]) => [hex(model.tokens[left]), hex(model.tokens[right])] as const,
        );
        const tokenizer = new BpeTokenizer(model);
        for (const text of [...texts, ...others, ...others]) {
          expect(tokenizer.encode(text).map((token) => hex(model.tokens[token]))).toEqual(
            splitBytes(text).flatMap((word) => applyMerges(word, merges)),
          );
        }
      }),
      { numRuns: 100 },
    );
  });
  it('keeps every text', () => {
    const tokenizer = new BpeTokenizer(train(corpus, 60));
    fc.assert(
      fc.property(fc.oneof(anyText, fc.constantFrom(...corpus, '\uFEFFa', '\u0085 x', '<s>')), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
  it('takes a long run without a space', () => {
    const tokenizer = new BpeTokenizer(train(corpus, 60));
    const text = 'a'.repeat(100_000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
  it('puts into lower case and normal form C', () => {
    const tokenizer = new BpeTokenizer(train(corpus, 60, { lowercase: true, nfc: true }));
    expect(tokenizer.decode(tokenizer.encode('KA\u0308SE'))).toBe('k\u00e4se');
  });
  it('makes special tokens only where asked', () => {
    const tokenizer = new BpeTokenizer(train(corpus, 60));
    expect(tokenizer.encode('<s>the</s>')).not.toContain(2);
    const marked = tokenizer.encode('<s>the</s>', { matchAdded: true });
    expect([marked[0], marked.at(-1)]).toEqual([2, 3]);
    expect(tokenizer.decode(marked)).toBe('the');
    expect(tokenizer.decode(marked, { printSpecial: true })).toBe('<s>the</s>');
  });
});

describe('the streaming decoder', () => {
  it('never prints half a character', () => {
    const tokenizer = new BpeTokenizer(train(corpus, 20));
    fc.assert(
      fc.property(anyText, (text) => {
        const decoder = tokenizer.openDecoder();
        let shown = '';
        for (const token of tokenizer.encode(text)) {
          const part = decoder.push(token);
          expect(part).not.toMatch(/\p{Cs}/u);
          shown += part;
          expect(text.startsWith(shown)).toBe(true);
        }
        expect(shown + decoder.end()).toBe(text);
      }),
    );
  });
  it('ends a character that is cut off with U+FFFD', () => {
    const codec: TextCodec = new BpeTokenizer(train([], 0));
    const decoder = codec.openDecoder();
    const [first = 0, second = 0] = codec.encode('🙂');
    expect([decoder.push(first), decoder.push(second), decoder.end()]).toEqual(['', '', '\uFFFD']);
    expect(codec.special).toMatchObject({ pad: 0, unk: 1, bos: 2, eos: 3, mask: 4 });
  });
});

describe('tokenizer.json', () => {
  it.each([{}, { lowercase: true }, { nfc: true }, { lowercase: true, nfc: true }])(
    'comes back: %o',
    (more) => {
      const model = train(corpus, 50, more);
      expect(parseTokenizerJson(printTokenizerJson(model), 'x')).toEqual(model);
    },
  );
  it('reads merges as strings, and a token beside the vocabulary', () => {
    const file = {
      added_tokens: [{ id: 4, content: '<|endoftext|>', special: true }],
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true },
      model: { vocab: { Ġ: 0, a: 1, b: 2, Ġa: 3 }, merges: ['Ġ a'] },
    };
    const tokenizer = new BpeTokenizer(parseTokenizerJson(JSON.stringify(file), 'x'));
    expect(tokenizer.encode('ab')).toEqual([3, 2]);
    expect(tokenizer.encode('<|endoftext|>', { matchAdded: true })).toEqual([4]);
    expect(() => tokenizer.encode('c')).toThrow(/lacks the byte 99/);
    expect(() => tokenizer.decode([5])).toThrow(/5 is no token/);
  });
  it.each([
    ['{', /x: not JSON/],
    ['{}', /x: `pre_tokenizer`/],
    ['{"pre_tokenizer":{"type":"Metaspace"},"model":{"vocab":{},"merges":[]}}', /pre_tokenizer.type/],
    [
      '{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":0},"merges":["a b"]}}',
      /merge 0 names `b`/,
    ],
    ['{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":0,"b":0},"merges":[]}}', /same number, 0/],
  ])('refuses %s', (text, message) => {
    expect(() => parseTokenizerJson(text, 'x')).toThrow(message);
  });
});
