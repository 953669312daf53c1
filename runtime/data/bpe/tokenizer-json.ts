/** Hugging Face's tokenizer.json, of byte-level BPE: https://huggingface.co/docs/tokenizers. */
import * as z from 'zod/mini';
import { failAt } from '../problem.ts';
import type { Normalization } from './bytes.ts';
import type { BpeModel } from './model.ts';

const byteLevel = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.optional(z.boolean()),
  use_regex: z.optional(z.boolean()),
});
const simpleNormalizer = z.object({ type: z.enum(['NFC', 'Lowercase']) });
const normalizer = z.union([
  simpleNormalizer,
  z.object({ type: z.literal('Sequence'), normalizers: z.array(simpleNormalizer) }),
]);
const number = z.int().check(z.gte(0), z.lt(2 ** 26));

const schema = z.object({
  version: z.optional(z.string()),
  added_tokens: z.optional(
    z.array(
      z.object({
        id: number,
        content: z.string(),
        single_word: z.optional(z.boolean()),
        lstrip: z.optional(z.boolean()),
        rstrip: z.optional(z.boolean()),
        normalized: z.optional(z.boolean()),
        special: z.optional(z.boolean()),
      }),
    ),
  ),
  normalizer: z.nullish(normalizer),
  pre_tokenizer: byteLevel,
  post_processor: z.nullish(byteLevel),
  decoder: z.nullish(byteLevel),
  model: z.object({
    // Files of before 2020 have no type.
    type: z.optional(z.literal('BPE')),
    dropout: z.nullish(z.literal(0)),
    unk_token: z.nullish(z.string()),
    continuing_subword_prefix: z.nullish(z.literal('')),
    end_of_word_suffix: z.nullish(z.literal('')),
    fuse_unk: z.nullish(z.boolean()),
    byte_fallback: z.nullish(z.literal(false)),
    ignore_merges: z.nullish(z.boolean()),
    vocab: z.record(z.string(), number),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});

/** Throws a RuntimeError for what is no such file, and for one that asks for what is not done here. */
export function parseTokenizerJson(json: string, place: string): BpeModel {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    failAt(place, `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return readTokenizerJson(value, place);
}

/** Whether it asks for nothing but what is done here; it may still not hold together. */
export function isByteLevelBpe(value: unknown): boolean {
  const result = schema.safeParse(value);
  return result.success && result.data.pre_tokenizer.use_regex !== false;
}

/** As `parseTokenizerJson`, of what JSON holds. */
export function readTokenizerJson(value: unknown, place: string): BpeModel {
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    failAt(
      place,
      `\`${issue?.path.join('.') ?? ''}\`: ${issue?.message ?? 'not understood'}`,
      'only tokenizer.json files with a BPE model, ByteLevel pieces, and NFC and Lowercase as normalizers are read',
    );
  }
  const { model, pre_tokenizer: pieces } = result.data;
  const added = (result.data.added_tokens ?? []).map(
    ({
      id,
      content,
      single_word = false,
      lstrip = false,
      rstrip = false,
      normalized = false,
      special = false,
    }) => ({
      id,
      content,
      single_word,
      lstrip,
      rstrip,
      normalized,
      special,
    }),
  );
  if (pieces.use_regex === false)
    failAt(place, '`pre_tokenizer.use_regex` is false; only ByteLevel with its own pattern is read');
  const numbers = new Map(Object.entries(model.vocab));
  for (const { id, content } of added) numbers.set(content, id);
  const find = (token: string, where: string): number =>
    numbers.get(token) ?? failAt(place, `${where} names \`${token}\`, which is not in the vocabulary`);
  return {
    tokens: orderTokens(numbers, place),
    merges: model.merges.map((merge, rank) => {
      const [left, right, ...more] = typeof merge === 'string' ? merge.split(' ') : merge;
      if (left === undefined || right === undefined || more.length > 0)
        failAt(place, `merge ${rank} is not two tokens`);
      return [find(left, `merge ${rank}`), find(right, `merge ${rank}`)] as const;
    }),
    normalization: {
      ...readNormalizer(result.data.normalizer, place),
      prefixSpace: pieces.add_prefix_space ?? true,
    },
    added,
    unknown: typeof model.unk_token === 'string' ? find(model.unk_token, '`unk_token`') : undefined,
    ignoreMerges: model.ignore_merges ?? false,
  };
}

function orderTokens(numbers: ReadonlyMap<string, number>, place: string): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of numbers) {
    const other = tokens[id];
    if (other !== undefined) failAt(place, `\`${other}\` and \`${token}\` have the same number, ${id}`);
    tokens[id] = token;
  }
  return Array.from(tokens);
}

function readNormalizer(
  value: z.infer<typeof normalizer> | null | undefined,
  place: string,
): Pick<Normalization, 'nfc' | 'lowercase'> {
  const steps = (value == null ? [] : value.type === 'Sequence' ? value.normalizers : [value]).map(
    ({ type }) => type,
  );
  const [nfc, lowercase] = [steps.indexOf('NFC'), steps.indexOf('Lowercase')];
  if (nfc >= 0 && lowercase >= 0 && nfc > lowercase)
    failAt(place, '`normalizer` puts Lowercase before NFC; only the other order is read');
  return { nfc: nfc >= 0, lowercase: lowercase >= 0 };
}

export function printTokenizerJson(model: BpeModel): string {
  return `${JSON.stringify(tokenizerJson(model), null, 1)}\n`;
}

/** What `printTokenizerJson` prints, for a file that holds more. */
export function tokenizerJson({
  tokens,
  merges,
  normalization,
  added,
  unknown,
  ignoreMerges,
}: BpeModel): object {
  const steps = [
    ...(normalization.nfc ? [{ type: 'NFC' }] : []),
    ...(normalization.lowercase ? [{ type: 'Lowercase' }] : []),
  ];
  const name = (token: number): string => tokens[token] ?? '';
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: steps.length > 1 ? { type: 'Sequence', normalizers: steps } : (steps[0] ?? null),
    pre_tokenizer: {
      type: 'ByteLevel',
      add_prefix_space: normalization.prefixSpace,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown === undefined ? null : name(unknown),
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries(tokens.flatMap((token, id) => (token === undefined ? [] : [[token, id]]))),
      merges: merges.map(([left, right]) => [name(left), name(right)]),
    },
  };
}
