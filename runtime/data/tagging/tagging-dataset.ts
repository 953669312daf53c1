/** Tagged sentences as a data set: folded, numbered, batched. */
import { philox4x32 } from '../../philox.ts';
import type { StageArguments } from '../arguments.ts';
import type { Batch, BatchOptions, DataContext, Dataset, Split } from '../dataset.ts';
import { createOrder, type Batching } from '../order.ts';
import { failAt, formatPlace, plural } from '../problem.ts';
import { streams } from '../random.ts';
import { mapSplits } from '../text-dataset.ts';
import { buildVocabulary, unknown, type Vocabulary } from '../vocabulary.ts';
import { makeTaggingBatch } from './batch.ts';
import { bindTagging, type TaggingBinding } from './binding.ts';
import { collectTags, numberTags } from './number-tags.ts';
import type { Sentence } from './sentences.ts';
import { encodeSentence, parseTagger, printTagger, type EncodedSentence, type TaggerData } from './tagger.ts';
import { foldWord, formOf, type WordForms } from './word-forms.ts';

/** `file`: what the training sentences came from, for messages about all of them. */
export function createTaggingDataset(
  parts: Readonly<Record<Split, readonly Sentence[]>>,
  args: StageArguments,
  batching: Batching,
  context: DataContext,
  file: string,
  sourceNotes: readonly string[],
): Dataset {
  const binding = bindTagging(context, args.place);
  checkStages(parts, batching, binding);
  const notes = [
    `${plural(parts.train.length, 'sentence')} to train on, ${parts.validation.length} for validation, ${parts.test.length} for the test`,
    ...sourceNotes,
  ];
  const data = makeTagger(parts.train, args, binding, context, file, notes);
  const encoded = mapSplits((split) => {
    const tags = binding.tags && numberTags(split, parts[split], data.labels, args, notes);
    return parts[split].map((sentence, row) => encodeSentence(data, binding, sentence, tags?.[row]));
  });
  noteCut(parts, Math.min(data.maxLength, binding.sequenceBound), notes);
  const rate = args.number('word_dropout');
  const counts = rate > 0 ? countWords(parts.train, data) : new Map<number, number>();
  const order = createOrder(
    batching,
    context,
    mapSplits((split) => encoded[split].map(({ words }) => words.length)),
  );
  return {
    rows: mapSplits((split) => encoded[split].length),
    *batches(split, options): Iterable<Batch> {
      for (const indices of order(split, options)) {
        const chosen = indices.flatMap((row) => encoded[split][row] ?? []);
        const words =
          split === 'train' && rate > 0
            ? chosen.map((sentence, at) => dropWords(sentence, counts, rate, options, indices[at] ?? 0))
            : undefined;
        yield makeTaggingBatch(binding, chosen, indices, words);
      }
    },
    batchesPerEpoch: (split) => Math.ceil(encoded[split].length / batching.size),
    encoder: printTagger(data),
    labels: data.labels,
    notes,
    text: (split, row) => (parts[split][row]?.words ?? []).join(' '),
    tags: (split, row) => parts[split][row]?.tags ?? [],
  };
}

function checkStages(
  parts: Readonly<Record<Split, readonly Sentence[]>>,
  { bucket, place }: Batching,
  { sequenceDim, tags, predicate, predicateMark }: TaggingBinding,
): void {
  if (bucket !== undefined && bucket !== sequenceDim)
    failAt(
      place,
      `sentences are padded along \`${sequenceDim}\`, not \`${bucket}\``,
      `write \`bucket=${sequenceDim}\``,
    );
  const all = Object.values(parts).flat();
  const untagged = tags && all.find((sentence) => sentence.tags === undefined);
  if (untagged !== undefined)
    failAt(
      untagged.place,
      `the file has words alone, and the task has the target \`${tags?.name ?? ''}\``,
      'a tag stands in a column of its own beside each word',
    );
  const marks = predicate ?? predicateMark;
  const unmarked = marks && all.find((sentence) => sentence.predicate === undefined);
  if (unmarked !== undefined)
    failAt(
      unmarked.place,
      `the file marks no predicate, and the model has the input \`${marks?.name ?? ''}\``,
      'name the column of the predicates: `conllu{…, predicates=11}`',
    );
}

/** From the training part, or from the run whose parameters are used. */
function makeTagger(
  train: readonly Sentence[],
  args: StageArguments,
  binding: TaggingBinding,
  context: DataContext,
  file: string,
  notes: string[],
): TaggerData {
  if (context.encoder !== undefined) {
    const data = parseTagger(context.encoder);
    return data ?? failAt(args.place, 'the parameters come from data of another kind than tagged sentences');
  }
  const forms: WordForms = {
    lowercase: args.flag('lowercase'),
    zeroDigits: args.flag('zero_digits'),
    links: args.flag('links'),
    affix: args.integer('affix'),
  };
  const sentences = distinct(train);
  const learn = (
    name: string,
    of: (word: string) => string | string[],
    room: number,
    minCount: number,
  ): Vocabulary => {
    const texts = sentences.map(({ words }) => words.flatMap(of));
    const { vocabulary, distinct: found, rare, cut } = buildVocabulary(texts, room, minCount);
    const left = [
      ...(rare > 0 ? [`${rare} seen less than ${minCount} times`] : []),
      ...(cut > 0 ? [`${cut} for want of room`] : []),
    ];
    notes.push(
      `${name}: vocabulary of ${vocabulary.size}${Number.isFinite(room) ? ` (room for ${room})` : ''} from ${found} different` +
        (left.length === 0 ? '' : `; left out: ${left.join(', ')}`),
    );
    return vocabulary;
  };
  const roomOf = (range: readonly [number, number] | undefined): number =>
    range?.[1] ?? Number.POSITIVE_INFINITY;
  const minCount = args.integer('min_count');
  const { words, characters, tags, sequenceBound } = binding;
  return {
    forms,
    maxLength: Math.min(args.optionalInteger('max_length') ?? sequenceBound, sequenceBound, 0x7fffffff),
    words: learn(
      words.name,
      (word) => foldWord(word, forms),
      Math.min(args.integer('vocab_size'), roomOf(words.range)),
      minCount,
    ),
    formVocabularies: new Map(
      [...binding.forms].map(([kind, { name, range }]) => [
        kind,
        learn(name, (word) => formOf(kind, word, forms), roomOf(range), minCount),
      ]),
    ),
    characters:
      characters && learn(characters.spec.name, (word) => [...word], roomOf(characters.spec.range), 1),
    labels: tags === undefined ? [] : noteTags(collectTags(train, tags.range?.[1], file), train, notes),
  };
}

/** Examples of one sentence count once. */
function distinct(sentences: readonly Sentence[]): readonly Sentence[] {
  return sentences.filter(({ group, place }, at) => {
    const before = sentences[at - 1];
    return before?.group !== group || before.place.file !== place.file;
  });
}

function noteTags(labels: readonly string[], train: readonly Sentence[], notes: string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { tags = [] } of train) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  notes.push(
    `${plural(labels.length, 'tag')} in the training part: ${labels.map((tag) => `${tag} (${counts.get(tag) ?? 0})`).join(', ')}`,
  );
  return labels;
}

/** A sentence that is cut loses what its tail says: the tags there count as missed. */
function noteCut(parts: Readonly<Record<Split, readonly Sentence[]>>, most: number, notes: string[]): void {
  for (const split of ['train', 'validation', 'test'] as const) {
    const cut = parts[split].filter(({ words }) => words.length > most);
    const [first] = cut;
    if (first !== undefined)
      notes.push(
        `${split}: ${plural(cut.length, 'sentence')} of more than ${most} words, the first in ${formatPlace(first.place)}: the first ${most} are used, and tags behind them count as missed`,
      );
  }
}

/** How often the training part has each word, by number. */
function countWords(train: readonly Sentence[], { forms, words }: TaggerData): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const sentence of distinct(train))
    for (const word of sentence.words) {
      const number = words.number(foldWord(word, forms));
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
  return counts;
}

/** A word becomes `<unk>` with the chance rate / (rate + count), so that rare ones teach what an unknown one means. */
function dropWords(
  { words }: EncodedSentence,
  counts: ReadonlyMap<number, number>,
  rate: number,
  { seed, epoch }: BatchOptions,
  row: number,
): Int32Array {
  return words.map((word, at) => {
    const drawn = philox4x32([at >>> 2, row >>> 0, epoch >>> 0, 0], [seed >>> 0, streams.words])[
      (at & 3) as 0 | 1 | 2 | 3
    ];
    const count = counts.get(word) ?? 0;
    return drawn / 2 ** 32 < rate / (rate + count) ? unknown : word;
  });
}
