/**
 * What travels with the parameters: the tokenisers by the model's input, the names of the classes. From it alone, raw
 * text becomes batches again. Needs no file, so that a browser loads little.
 */
import * as z from 'zod/mini';
import { RuntimeError } from '../session.ts';
import type { FeatureSettings } from './audio/features.ts';
import { openFeatures, savedFeatures, saveFeatures } from './audio/saved-features.ts';
import { bindText } from './binding.ts';
import type { DataContext, TextEncoder } from './dataset.ts';
import { openTokenizer } from './saved-tokenizer.ts';
import { makeTextBatch } from './text-batch.ts';
import type { Tokenizer } from './tokenizer.ts';
import { specialTokens } from './vocabulary.ts';

/** The key of the text in a safetensors file's metadata. */
export const encoderKey = 'lmc.encoder';

/** How the text of one input becomes numbers. */
export interface InputEncoding {
  readonly tokenizer: Tokenizer;
  /** Tokens of a text that are kept, from its start, without special ones. */
  readonly maxLength: number;
}

export interface EncoderData {
  /** By the names of the model's inputs, or of a target where only that is text. Two may share a tokeniser. */
  readonly inputs: ReadonlyMap<string, InputEncoding>;
  readonly labels: readonly string[];
  /** How recordings become frames, by the model's input. */
  readonly sound?: ReadonlyMap<string, FeatureSettings>;
}

const maxLength = z.int().check(z.gte(1));

const version1 = z.strictObject({
  format: z.literal('lmc-encoder'),
  version: z.literal(1),
  tokenizer: z.strictObject({
    kind: z.enum(['words', 'characters']),
    lowercase: z.boolean(),
    pattern: z.string(),
    max_length: maxLength,
  }),
  vocabulary: z.array(z.string()).check(z.minLength(specialTokens.length)),
  labels: z.array(z.string()),
});

const savedTokenizer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['words', 'characters']),
    lowercase: z.boolean(),
    pattern: z.string(),
    special: z.int().check(z.gte(specialTokens.length)),
    vocabulary: z.array(z.string()).check(z.minLength(specialTokens.length)),
  }),
  z.strictObject({ kind: z.literal('bpe'), tokenizer: z.unknown() }),
  z.strictObject({ kind: z.literal('library'), tokenizer: z.looseObject({}) }),
]);

/** `inputs.*.tokenizer`: a place in `tokenizers`. */
const version2 = z.strictObject({
  format: z.literal('lmc-encoder'),
  version: z.literal(2),
  tokenizers: z.array(savedTokenizer).check(z.minLength(1)),
  inputs: z.record(z.string(), z.strictObject({ tokenizer: z.int().check(z.gte(0)), max_length: maxLength })),
  labels: z.array(z.string()),
  sound: z.optional(z.record(z.string(), savedFeatures)),
});

const schema = z.discriminatedUnion('version', [version1, version2]);

/** One input alone: what most models have. */
export function encodeOne(
  input: string,
  encoding: InputEncoding,
  labels: readonly string[] = [],
): EncoderData {
  return { inputs: new Map([[input, encoding]]), labels };
}

export function printEncoder({ inputs, labels, sound }: EncoderData): string {
  const tokenizers = [...new Set(Array.from(inputs.values(), ({ tokenizer }) => tokenizer))];
  const value = {
    format: 'lmc-encoder',
    version: 2,
    tokenizers: tokenizers.map((tokenizer) => tokenizer.save()),
    inputs: Object.fromEntries(
      Array.from(inputs, ([name, encoding]) => [
        name,
        { tokenizer: tokenizers.indexOf(encoding.tokenizer), max_length: encoding.maxLength },
      ]),
    ),
    labels,
    ...(sound === undefined
      ? {}
      : { sound: Object.fromEntries(Array.from(sound, ([name, each]) => [name, saveFeatures(each)])) }),
  };
  return JSON.stringify(value);
}

/** The input of an encoder of version 1, which has no names. */
const anyInput = '';

/** Throws a RuntimeError where the text is not what `printEncoder` writes, or wrote in version 1. */
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
    refuse(`${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  const { data } = result;
  if (data.version === 1) {
    const { max_length, ...settings } = data.tokenizer;
    const saved = { ...settings, special: specialTokens.length, vocabulary: data.vocabulary };
    return encodeOne(anyInput, { tokenizer: openTokenizer(saved), maxLength: max_length }, data.labels);
  }
  const tokenizers = data.tokenizers.map(openTokenizer);
  const inputs = Object.entries(data.inputs).map(([name, { tokenizer, max_length }]) => {
    const found = tokenizers[tokenizer] ?? refuse(`inputs.${name} names tokeniser ${tokenizer}`);
    return [name, { tokenizer: found, maxLength: max_length }] as const;
  });
  const { labels, sound } = data;
  if (sound === undefined) return { inputs: new Map(inputs), labels };
  const features = Object.entries(sound).map(([name, saved]) => [name, openFeatures(saved)] as const);
  return { inputs: new Map(inputs), labels, sound: new Map(features) };
}

function refuse(what: string): never {
  throw new RuntimeError(
    5,
    `the vocabulary in the parameters' file is damaged, or of another version: ${what}`,
  );
}

/** Of an input by its name; where the encoder knows one text only, that, whatever its name. Throws a RuntimeError. */
export function encodingOf({ inputs }: EncoderData, input: string | undefined): InputEncoding {
  const [only, ...more] = inputs.values();
  const found =
    (input === undefined ? undefined : inputs.get(input)) ?? (more.length === 0 ? only : undefined);
  if (found === undefined)
    throw new RuntimeError(
      5,
      `the parameters have tokenisers for ${[...inputs.keys()].map((name) => `\`${name}\``).join(', ')}, not for \`${input ?? ''}\``,
    );
  return found;
}

/** What of a plan an encoder is for: its inputs, without targets. */
export type EncoderContext = Pick<DataContext, 'inputs' | 'dims' | 'batchSize'>;

/** `json`: `Dataset.encoder`. Throws a RuntimeError where it does not fit the model. */
export function openEncoder(json: string, context: EncoderContext): TextEncoder {
  const data = parseEncoder(json);
  const binding = bindText(context, 'the model');
  const high = binding.tokens.range?.[1];
  const encoding = encodingOf(data, binding.tokens.name);
  const { size: tokens } = encoding.tokenizer;
  if (high !== undefined && tokens > high) {
    throw new RuntimeError(
      5,
      `the parameters come with a vocabulary of ${tokens}, and the model has room for ${high}`,
    );
  }
  const encodeText = createEncode(encoding, binding.sequenceBound);
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

/** Texts to numbers, cut to the encoding's length and the model's bound. */
export function createEncode(
  { tokenizer, maxLength: length }: InputEncoding,
  bound: number,
): (text: string) => EncodedText {
  const most = Math.min(length, bound);
  const { unk = 0 } = tokenizer.special;
  return (text) => {
    const ids = tokenizer.encode(text);
    if (ids.length === 0) return { ids: Int32Array.of(unk), isEmpty: true, isCut: false };
    return { ids: Int32Array.from(ids.slice(0, most)), isEmpty: false, isCut: ids.length > most };
  };
}
