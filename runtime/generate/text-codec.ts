/** Texts to tokens and back, from what travels with the parameters; or token numbers as they are. */
import { encodingOf, type EncoderData } from '../data/encoder.ts';
import type { SpecialTokens, Tokenizer, TokenStream } from '../data/tokenizer.ts';

/** What generation needs of a tokeniser. */
export type TextCodec = Pick<Tokenizer, 'encode' | 'openDecoder' | 'special' | 'find' | 'size'>;

/** Of an input of the model: the one that grows, or a source beside it. */
export function openTextCodec(data: EncoderData, input: string): TextCodec {
  return encodingOf(data, input).tokenizer;
}

/** With other special tokens beside its own, or in their place. */
export function withSpecial(codec: TextCodec, special: SpecialTokens): TextCodec {
  return {
    encode: (text, options) => codec.encode(text, options),
    openDecoder: (options) => codec.openDecoder(options),
    find: (token) => codec.find(token),
    size: codec.size,
    special: { ...codec.special, ...special },
  };
}

/** Of a model without a tokeniser: a text is numbers, with commas or spaces between them. */
export const numberCodec: TextCodec = {
  encode: (text) => text.split(/[\s,]+/).flatMap((word) => (word === '' ? [] : [Number(word)])),
  openDecoder: (): TokenStream => {
    let isFirst = true;
    return {
      push: (id) => {
        const text = isFirst ? String(id) : ` ${id}`;
        isFirst = false;
        return text;
      },
      end: () => '',
    };
  },
  find: () => undefined,
  size: Number.POSITIVE_INFINITY,
  special: {},
};
