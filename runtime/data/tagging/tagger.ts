/**
 * What travels with a tagger's parameters: how words are folded, a vocabulary for each of its inputs, the tags. From it
 * alone, words become numbers and batches again.
 */
import * as z from 'zod/mini';
import { RuntimeError } from '../../session.ts';
import { specialTokens, Vocabulary } from '../vocabulary.ts';
import type { TaggingBinding } from './binding.ts';
import { foldWord, formKinds, formOf, type FormKind, type WordForms } from './word-forms.ts';

export interface TaggerData {
  readonly forms: WordForms;
  readonly maxLength: number;
  readonly words: Vocabulary;
  readonly formVocabularies: ReadonlyMap<FormKind, Vocabulary>;
  readonly characters: Vocabulary | undefined;
  readonly labels: readonly string[];
}

const vocabulary = z.array(z.string()).check(z.minLength(specialTokens.length));
const schema = z.strictObject({
  format: z.literal('lmc-tagger'),
  version: z.literal(1),
  words: z.strictObject({
    lowercase: z.boolean(),
    zero_digits: z.boolean(),
    links: z.boolean(),
    affix: z.int().check(z.gte(1)),
    max_length: z.int().check(z.gte(1)),
  }),
  vocabulary,
  forms: z.partialRecord(z.enum(formKinds), vocabulary),
  characters: z.optional(vocabulary),
  labels: z.array(z.string()),
});

export function printTagger(data: TaggerData): string {
  const { forms, maxLength, words, formVocabularies, characters, labels } = data;
  const value: z.infer<typeof schema> = {
    format: 'lmc-tagger',
    version: 1,
    words: {
      lowercase: forms.lowercase,
      zero_digits: forms.zeroDigits,
      links: forms.links,
      affix: forms.affix,
      max_length: maxLength,
    },
    vocabulary: [...words.tokens],
    forms: Object.fromEntries([...formVocabularies].map(([kind, each]) => [kind, [...each.tokens]])),
    ...(characters === undefined ? {} : { characters: [...characters.tokens] }),
    labels: [...labels],
  };
  return JSON.stringify(value);
}

/** Undefined where the JSON is another kind of encoder. Throws a RuntimeError where it is a damaged one of this kind. */
export function parseTagger(json: string): TaggerData | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new RuntimeError(5, `the vocabulary in the parameters' file is not JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 'lmc-tagger')
    return undefined;
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new RuntimeError(
      5,
      `the tagger's vocabulary in the parameters' file is damaged, or of another version: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
    );
  }
  const { words, labels, characters, ...data } = result.data;
  return {
    forms: {
      lowercase: words.lowercase,
      zeroDigits: words.zero_digits,
      links: words.links,
      affix: words.affix,
    },
    maxLength: words.max_length,
    words: new Vocabulary(data.vocabulary),
    formVocabularies: new Map(
      formKinds.flatMap((kind): [FormKind, Vocabulary][] => {
        const tokens = data.forms[kind];
        return tokens === undefined ? [] : [[kind, new Vocabulary(tokens)]];
      }),
    ),
    characters: characters === undefined ? undefined : new Vocabulary(characters),
    labels,
  };
}

/** A sentence in numbers, at least one word. */
export interface EncodedSentence {
  readonly words: Int32Array;
  readonly forms: ReadonlyMap<FormKind, Int32Array>;
  /** Of each word. */
  readonly characters: readonly Int32Array[];
  readonly predicate: number | undefined;
  readonly tags: Int32Array | undefined;
}

/** `most`: words that are kept, from the start. `tags`: numbers, where there are any. */
export function encodeSentence(
  data: TaggerData,
  binding: TaggingBinding,
  sentence: { readonly words: readonly string[]; readonly predicate: number | undefined },
  tags: readonly number[] | undefined,
): EncodedSentence {
  const kept = sentence.words.slice(0, Math.min(data.maxLength, binding.sequenceBound));
  const { characters } = binding;
  return {
    words: Int32Array.from(kept, (word) => data.words.number(foldWord(word, data.forms))),
    forms: new Map(
      [...binding.forms.keys()].map((kind) => [
        kind,
        Int32Array.from(
          kept,
          (word) => data.formVocabularies.get(kind)?.number(formOf(kind, word, data.forms)) ?? 0,
        ),
      ]),
    ),
    characters:
      characters === undefined
        ? []
        : kept.map((word) =>
            Int32Array.from(
              [...word].slice(0, characters.bound),
              (letter) => data.characters?.number(letter) ?? 0,
            ),
          ),
    predicate: sentence.predicate,
    tags: tags && Int32Array.from(tags.slice(0, kept.length)),
  };
}
