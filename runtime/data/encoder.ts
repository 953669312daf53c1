/**
 * What travels with the parameters: the tokeniser's settings, the vocabulary, the names of the classes. From it alone,
 * raw text becomes batches again. Needs no file and no parser of files, so that a browser loads little.
 */
import * as z from 'zod/mini';
import { RuntimeError } from '../session.ts';
import { bindText } from './binding.ts';
import type { DataContext, TextEncoder } from './dataset.ts';
import { makeTextBatch } from './text-batch.ts';
import { createTokenizer, specialTokens, unknown, Vocabulary, type TokenizerSettings } from './tokenizer.ts';

/** The key of the text in a safetensors file's metadata. */
export const encoderKey = 'lmc.encoder';

export interface EncoderData {
  readonly tokenizer: TokenizerSettings;
  readonly vocabulary: Vocabulary;
  readonly labels: readonly string[];
}

const schema = z.strictObject({
  format: z.literal('lmc-encoder'),
  version: z.literal(1),
  tokenizer: z.strictObject({
    kind: z.enum(['words', 'characters']),
    lowercase: z.boolean(),
    pattern: z.string(),
    max_length: z.int().check(z.gte(1)),
  }),
  vocabulary: z.array(z.string()).check(z.minLength(specialTokens.length)),
  labels: z.array(z.string()),
});

export function printEncoder({ tokenizer, vocabulary, labels }: EncoderData): string {
  const { kind, lowercase, pattern, maxLength } = tokenizer;
  const value: z.infer<typeof schema> = {
    format: 'lmc-encoder',
    version: 1,
    tokenizer: { kind, lowercase, pattern, max_length: maxLength },
    vocabulary: [...vocabulary.tokens],
    labels: [...labels],
  };
  return JSON.stringify(value);
}

/** Throws a RuntimeError where the text is not what `printEncoder` writes. */
export function parseEncoder(json: string): EncoderData {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new RuntimeError(5, `the vocabulary in the parameters' file is not JSON`, { cause: error });
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new RuntimeError(
      5,
      `the vocabulary in the parameters' file is damaged, or of another version: ${where} ${issue?.message ?? ''}`,
    );
  }
  const { tokenizer, vocabulary, labels } = result.data;
  const { kind, lowercase, pattern, max_length: maxLength } = tokenizer;
  return {
    tokenizer: { kind, lowercase, pattern, maxLength },
    vocabulary: new Vocabulary(vocabulary),
    labels,
  };
}

/** What of a plan an encoder is for: its inputs, without targets. */
export type EncoderContext = Pick<DataContext, 'inputs' | 'dims' | 'batchSize'>;

/** `json`: `Dataset.encoder`. Throws a RuntimeError where it does not fit the model. */
export function openEncoder(json: string, context: EncoderContext): TextEncoder {
  const data = parseEncoder(json);
  const binding = bindText(context, 'the model');
  const high = binding.tokens.range?.[1];
  if (high !== undefined && data.vocabulary.size > high) {
    throw new RuntimeError(
      5,
      `the parameters come with a vocabulary of ${data.vocabulary.size}, and the model has room for ${high}`,
    );
  }
  const encodeText = createEncode(data, binding.sequenceBound);
  const bound = context.dims.find(({ name }) => name === binding.batchDim)?.bound ?? defaultBatchSize;
  const size = context.batchSize ?? Math.min(bound, defaultBatchSize);
  return {
    labels: data.labels,
    encode: (texts) => {
      const ids = texts.map((text) => encodeText(text).ids);
      return Array.from({ length: Math.ceil(ids.length / size) }, (_, k) => {
        const part = ids.slice(k * size, (k + 1) * size);
        return makeTextBatch(
          binding,
          part,
          undefined,
          part.map((_row, row) => k * size + row),
        );
      });
    },
  };
}

const defaultBatchSize = 64;

export interface EncodedText {
  /** At least one: a text without tokens is one `<unk>`. */
  readonly ids: Int32Array;
  readonly isEmpty: boolean;
  readonly isCut: boolean;
}

/** Texts to numbers, cut to the tokeniser's length and the model's bound. */
export function createEncode(
  data: EncoderData,
  bound: number,
  place = 'the vocabulary',
): (text: string) => EncodedText {
  const tokenize = createTokenizer(data.tokenizer, place);
  const most = Math.min(data.tokenizer.maxLength, bound);
  return (text) => {
    const tokens = tokenize(text);
    if (tokens.length === 0) return { ids: Int32Array.of(unknown), isEmpty: true, isCut: false };
    const ids = Int32Array.from(tokens.slice(0, most), (token) => data.vocabulary.number(token));
    return { ids, isEmpty: false, isCut: tokens.length > most };
  };
}
