/** Texts to tokens and back, from what travels with the parameters; or token numbers as they are. */
import { encodingOf, type EncoderData } from '../data/encoder.ts';
import type { Tokenizer, TokenStream } from '../data/tokenizer.ts';

/** What generation needs of a tokeniser. */
export type TextCodec = Pick<Tokenizer, 'encode' | 'openDecoder' | 'special'>;

/** Of an input of the model: the one that grows, or a source beside it. */
export function openTextCodec(data: EncoderData, input: string): TextCodec {
  return encodingOf(data, input).tokenizer;
}

/** Of a model without a tokeniser: a text is numbers, with commas or spaces between them. */
export const numberCodec: TextCodec = {
  encode: (text) => text.split(/[\s,]+/).flatMap((word) => (word === '' ? [] : [Number(word)])),
  openDecoder: ({ continues = false } = {}): TokenStream => {
    let isFirst = !continues;
    return {
      push: (id) => {
        const text = isFirst ? String(id) : ` ${id}`;
        isFirst = false;
        return text;
      },
      end: () => '',
    };
  },
  special: {},
};
