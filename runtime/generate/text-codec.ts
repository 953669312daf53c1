/** Texts to tokens and back, from what travels with the parameters; or token numbers as they are. */
import type { EncoderData } from '../data/encoder.ts';
import { createTokenizer, padding } from '../data/tokenizer.ts';

/** Text of tokens that come one by one. */
export interface TokenStream {
  push(token: number): string;
  /** What was held back. */
  end(): string;
}

export interface TextCodec {
  encode(text: string): readonly number[];
  openDecoder(): TokenStream;
  readonly special: {
    readonly pad?: number;
    readonly begin?: number;
    readonly end?: number;
  };
}

/** Words are put together with a space between them: what stood there is not known any more. */
export function openTextCodec({ tokenizer, vocabulary }: EncoderData): TextCodec {
  const tokenize = createTokenizer(tokenizer, 'the vocabulary');
  const between = tokenizer.kind === 'words' ? ' ' : '';
  return {
    encode: (text) => tokenize(text).map((token) => vocabulary.number(token)),
    openDecoder: () => joinTokens((token) => vocabulary.tokens[token] ?? '', between),
    special: { pad: padding },
  };
}

/** Of a model without a tokeniser: a text is numbers, with commas or spaces between them. */
export const numberCodec: TextCodec = {
  encode: (text) => text.split(/[\s,]+/).flatMap((word) => (word === '' ? [] : [Number(word)])),
  openDecoder: () => joinTokens(String, ' '),
  special: {},
};

function joinTokens(print: (token: number) => string, between: string): TokenStream {
  let first = true;
  return {
    push: (token) => {
      const text = first ? print(token) : between + print(token);
      first = false;
      return text;
    },
    end: () => '',
  };
}
