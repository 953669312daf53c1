/** Rows of text as a data set: split, numbered, batched. */
import type { StageArguments } from './arguments.ts';
import { bindText, type TextBinding } from './binding.ts';
import type { Batch, BatchOptions, DataContext, Dataset, Split } from './dataset.ts';
import { createEncode, parseEncoder, printEncoder, type EncoderData } from './encoder.ts';
import { collectLabels, describeLabels, numberLabels } from './labels.ts';
import { orderBatches } from './order.ts';
import { failAt, plural } from './problem.ts';
import type { Row } from './rows.ts';
import { makeTextBatch } from './text-batch.ts';
import { buildVocabulary, createTokenizer, type TokenizerSettings } from './tokenizer.ts';

export type RowsBySplit = Readonly<Record<Split, readonly Row[]>>;

export interface Batching {
  readonly size: number;
  readonly shuffle: boolean;
  readonly bucket: boolean;
  readonly pool: number;
}

interface Part {
  readonly rows: readonly Row[];
  readonly ids: readonly Int32Array[];
  readonly lengths: readonly number[];
  readonly targets: readonly number[] | undefined;
  /** Texts with more tokens than are kept, and with none. */
  readonly cut: number;
  readonly empty: number;
}

/** `file`: what the training rows came from, for messages about all of them. */
export function createTextDataset(
  parts: RowsBySplit,
  tokenizer: StageArguments,
  batching: Batching,
  context: DataContext,
  file: string,
  sourceNotes: readonly string[],
): Dataset {
  const binding = bindText(context, tokenizer.place);
  const notes = [...sourceNotes];
  const data = makeEncoder(parts, tokenizer, binding, context, file, notes);
  const numbered = {
    train: numberPart(parts.train, data, binding, tokenizer.place),
    validation: numberPart(parts.validation, data, binding, tokenizer.place),
    test: numberPart(parts.test, data, binding, tokenizer.place),
  };
  noteParts(numbered, notes);
  if (binding.target?.kind === 'class' && numbered.train.targets !== undefined) {
    notes.push(describeLabels(data.labels, numbered.train.targets));
  }
  noteTexts(numbered, data, binding, notes);
  noteRepeated(parts, notes);

  const order = (split: Split, options: BatchOptions): readonly (readonly number[])[] =>
    orderBatches(numbered[split].rows.length, {
      size: batching.size,
      shuffle: options.shuffle && batching.shuffle && context.noShuffle !== true,
      seed: options.seed,
      epoch: options.epoch,
      pool: batching.pool,
      ...(batching.bucket && context.noShuffle !== true ? { lengths: numbered[split].lengths } : {}),
    });
  return {
    rows: mapSplits((split) => numbered[split].rows.length),
    *batches(split, options): Iterable<Batch> {
      const { ids, targets } = numbered[split];
      for (const indices of order(split, options)) yield makeTextBatch(binding, pick(ids, indices), targets && pick(targets, indices), indices); // prettier-ignore
    },
    batchesPerEpoch: (split) => Math.ceil(numbered[split].rows.length / batching.size),
    encoder: printEncoder(data),
    labels: data.labels,
    notes,
    text: (split, row) => numbered[split].rows[row]?.text ?? '',
  };
}

export function mapSplits<T>(of: (split: Split) => T): Readonly<Record<Split, T>> {
  return { train: of('train'), validation: of('validation'), test: of('test') };
}

function pick<T>(list: readonly T[], indices: readonly number[]): readonly T[] {
  return indices.map((index) => list[index] as T);
}

/** From the training part, or from the run whose parameters are used. */
function makeEncoder(
  parts: RowsBySplit,
  tokenizer: StageArguments,
  binding: TextBinding,
  context: DataContext,
  file: string,
  notes: string[],
): EncoderData {
  if (context.encoder !== undefined) return parseEncoder(context.encoder);
  const { sequenceBound, target } = binding;
  const settings: TokenizerSettings = {
    kind: tokenizer.stage.name === 'characters' ? 'characters' : 'words',
    lowercase: tokenizer.flag('lowercase'),
    pattern: tokenizer.optionalString('pattern') ?? '',
    maxLength: Math.min(tokenizer.optionalInteger('max_length') ?? sequenceBound, sequenceBound, 0x7fffffff),
  };
  const tokenize = createTokenizer(settings, tokenizer.place);
  const room = Math.min(
    tokenizer.integer('vocab_size'),
    binding.tokens.range?.[1] ?? Number.POSITIVE_INFINITY,
  );
  const minCount = tokenizer.integer('min_count');
  const { vocabulary, distinct, rare, cut } = buildVocabulary(
    // What is cut from a text is not learnt from, and so not counted.
    parts.train.map(({ text }) => tokenize(text).slice(0, settings.maxLength)),
    room,
    minCount,
  );
  const left = [
    ...(rare > 0 ? [`${rare} seen less than ${minCount} times`] : []),
    ...(cut > 0 ? [`${cut} for want of room`] : []),
  ];
  notes.push(
    `vocabulary of ${vocabulary.size} (room for ${room}) from ${plural(distinct, 'different token')}` +
      (left.length === 0 ? '' : `; left out: ${left.join(', ')}`),
  );
  const labels = target?.kind === 'class' ? collectLabels(parts.train, target.classes, file) : [];
  return { tokenizer: settings, vocabulary, labels };
}

function numberPart(rows: readonly Row[], data: EncoderData, binding: TextBinding, place: string): Part {
  const encode = createEncode(data, binding.sequenceBound, place);
  const encoded = rows.map(({ text }) => encode(text));
  const ids = encoded.map((text) => text.ids);
  if (binding.target !== undefined && rows.some(({ label }) => label === undefined)) {
    failAt(
      place,
      `the source gives no label for the target \`${binding.target.spec.name}\``,
      'write `label="…"`',
    );
  }
  return {
    rows,
    ids,
    lengths: ids.map((row) => row.length),
    targets: binding.target && numberLabels(rows, binding.target, data.labels),
    cut: encoded.filter(({ isCut }) => isCut).length,
    empty: encoded.filter(({ isEmpty }) => isEmpty).length,
  };
}

function noteParts(parts: Readonly<Record<Split, Part>>, notes: string[]): void {
  const { train, validation, test } = parts;
  notes.unshift(
    `${plural(train.rows.length, 'row')} to train on, ${validation.rows.length} for validation, ${test.rows.length} for the test`,
  );
}

/** Counts what a batch does not show: texts that were cut, texts without a token, tokens that are not known. */
function noteTexts(
  parts: Readonly<Record<Split, Part>>,
  data: EncoderData,
  binding: TextBinding,
  notes: string[],
): void {
  const most = Math.min(data.tokenizer.maxLength, binding.sequenceBound);
  const sum = (of: (part: Part) => number): number =>
    Object.values(parts).reduce((total, part) => total + of(part), 0);
  const cut = sum((part) => part.cut);
  const empty = sum((part) => part.empty);
  const total = sum((part) => part.rows.length);
  if (cut > 0)
    notes.push(
      `${cut} of ${plural(total, 'text')} have more than ${most} tokens: their first ${most} are used`,
    );
  if (empty > 0) notes.push(`${plural(empty, 'text')} without any token: each is one <unk>`);
}

/** A test that was seen in training says less than it seems to. */
function noteRepeated(parts: RowsBySplit, notes: string[]): void {
  const seen = new Set(parts.train.map(({ text }) => text));
  for (const split of ['validation', 'test'] as const) {
    const repeated = parts[split].filter(({ text }) => seen.has(text)).length;
    if (repeated > 0) {
      notes.push(
        `${repeated} of ${plural(parts[split].length, `text`)} for ${split} also stand in the training part`,
      );
    }
  }
}
