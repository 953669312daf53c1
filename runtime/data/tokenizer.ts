/** What every tokeniser does: texts to numbers and back, at once or as numbers come. */

/** Numbers of the tokens with a meaning of their own, as far as a vocabulary has them. */
export interface SpecialTokens {
  /** Fills rows up. */
  readonly pad?: number;
  /** Begins a text. */
  readonly bos?: number;
  /** Ends a text. */
  readonly eos?: number;
  /** Stands for what the vocabulary does not have. */
  readonly unk?: number;
  /** Stands where a token is hidden. */
  readonly mask?: number;
}

export interface PieceOptions {
  /** The text goes on from one before it; otherwise it begins here, and so does its first word. */
  readonly continues?: boolean;
}

/** The text of tokens that come one by one. */
export interface TokenStream {
  push(id: number): string;
  /** What was held back: the rest of a character that never came whole is U+FFFD. */
  end(): string;
}

export interface Tokenizer {
  /** Numbers go from 0 to this, exclusive. */
  readonly size: number;
  readonly special: SpecialTokens;
  /** Without special tokens: a text cannot spell them. */
  encode(text: string, options?: PieceOptions): number[];
  /** Special tokens but `<unk>` are left out. */
  decode(ids: Iterable<number>, options?: PieceOptions): string;
  openDecoder(options?: PieceOptions): TokenStream;
  /** A token as the vocabulary spells it; undefined for a number that is none. */
  token(id: number): string | undefined;
  /** The number of a token of the vocabulary, special ones included. */
  find(token: string): number | undefined;
  /** As it travels with the parameters. */
  save(): SavedTokenizer;
}

/** `special`: how many of the first tokens are special. */
export interface SavedWords {
  readonly kind: 'words' | 'characters';
  readonly lowercase: boolean;
  /** Of `words`: a regular expression for one token. */
  readonly pattern: string;
  readonly special: number;
  readonly vocabulary: readonly string[];
}

/** `tokenizer`: what `tokenizer.json` holds. */
export interface SavedBpe {
  readonly kind: 'bpe';
  readonly tokenizer: unknown;
}

/** The same of a kind that the library of Hugging Face reads. */
export interface SavedLibrary {
  readonly kind: 'library';
  readonly tokenizer: object;
}

export type SavedTokenizer = SavedWords | SavedBpe | SavedLibrary;

/** What special tokens are called here, in BERT's and in GPT-2's vocabularies. */
const spellings: Readonly<Record<keyof SpecialTokens, readonly string[]>> = {
  pad: ['<pad>', '[PAD]'],
  bos: ['<s>', '[CLS]'],
  eos: ['</s>', '[SEP]', '<|endoftext|>'],
  unk: ['<unk>', '[UNK]'],
  mask: ['<mask>', '[MASK]'],
};

/** `find`: the number of a special token. */
export function nameSpecial(find: (token: string) => number | undefined): SpecialTokens {
  const entry = (key: keyof SpecialTokens): SpecialTokens => {
    const number = spellings[key].map(find).find((each) => each !== undefined);
    return number === undefined ? {} : { [key]: number };
  };
  return { ...entry('pad'), ...entry('bos'), ...entry('eos'), ...entry('unk'), ...entry('mask') };
}

/** All at once, by means of the stream. */
export function decodeAll(tokenizer: Tokenizer, ids: Iterable<number>, options?: PieceOptions): string {
  const decoder = tokenizer.openDecoder(options);
  let text = '';
  for (const id of ids) text += decoder.push(id);
  return text + decoder.end();
}
