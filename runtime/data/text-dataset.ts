/** Rows of text as a data set: split, numbered, batched. */
import type { StageArguments } from './arguments.ts';
import { bindMasked, bindText, type TextBinding } from './binding.ts';
import type { Batch, DataContext, Dataset, Split } from './dataset.ts';
import {
  createEncode,
  encodeOne,
  encodingOf,
  parseEncoder,
  printEncoder,
  type EncoderData,
} from './encoder.ts';
import { collectLabels, describeLabels, numberLabels } from './labels.ts';
import { learnTokenizer } from './learn-tokenizer.ts';
import { createHide, hideInBatch } from './masking/hide-tokens.ts';
import { createOrder, type Batching } from './order.ts';
import { failAt, formatPlace, plural } from './problem.ts';
import type { Row } from './rows.ts';
import { makeTextBatch } from './text-batch.ts';
import { hidingTokens } from './vocabulary.ts';

export type RowsBySplit = Readonly<Record<Split, readonly Row[]>>;

interface Part {
  readonly rows: readonly Row[];
  readonly ids: readonly Int32Array[];
  readonly lengths: readonly number[];
  readonly targets: readonly number[] | undefined;
  /** Rows of texts with more tokens than are kept, and with none. */
  readonly cut: readonly Row[];
  readonly empty: readonly Row[];
}

/** `masking`: hides tokens, which the target is then; labels of rows are not looked at. */
export interface TextStages {
  readonly tokenizer: StageArguments;
  readonly masking?: StageArguments | undefined;
}

/** `file`: what the training rows came from, for messages about all of them. */
export function createTextDataset(
  parts: RowsBySplit,
  { tokenizer, masking }: TextStages,
  batching: Batching,
  context: DataContext,
  file: string,
  sourceNotes: readonly string[],
): Dataset {
  const masked = masking && bindMasked(context, masking.place);
  const binding = masked ? { ...masked, target: undefined } : bindText(context, tokenizer.place);
  checkStages(tokenizer, batching, binding);
  const notes = [...sourceNotes];
  const data = makeEncoder(parts, { tokenizer, masking }, binding, context, file, notes);
  const hide = masking && createHide(masking, encodingOf(data, binding.tokens.name).tokenizer);
  const numbered = {
    train: numberPart(parts.train, data, binding, tokenizer.place),
    validation: numberPart(parts.validation, data, binding, tokenizer.place),
    test: numberPart(parts.test, data, binding, tokenizer.place),
  };
  noteParts(numbered, notes);
  if (binding.target?.kind === 'class' && numbered.train.targets !== undefined) {
    notes.push(describeLabels(data.labels, numbered.train.targets, binding.target.classes));
  }
  noteTexts(numbered, data, binding, notes);
  noteRepeated(parts, notes);

  const order = createOrder(
    batching,
    context,
    mapSplits((split) => numbered[split].lengths),
    binding.target?.kind === 'class' ? numbered.train.targets : undefined,
  );
  return {
    rows: mapSplits((split) => numbered[split].rows.length),
    *batches(split, options): Iterable<Batch> {
      const { ids, targets } = numbered[split];
      for (const indices of order(split, options)) {
        const rows = pick(ids, indices);
        const batch = makeTextBatch(binding, rows, targets && pick(targets, indices), indices);
        const lengths = rows.map((row) => row.length);
        yield hide && masked ? hideInBatch(batch, lengths, masked, hide, split, options) : batch;
      }
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

function checkStages(tokenizer: StageArguments, { bucket, place }: Batching, binding: TextBinding): void {
  const { sequenceDim, sequenceBound } = binding;
  if (bucket !== undefined && bucket !== sequenceDim) {
    failAt(
      place,
      `texts are padded along \`${sequenceDim}\`, not \`${bucket}\``,
      `write \`bucket=${sequenceDim}\``,
    );
  }
  const most = tokenizer.optionalInteger('max_length') ?? sequenceBound;
  if (most > sequenceBound) {
    failAt(
      tokenizer.place,
      `max_length is ${most}, and the program bounds \`${sequenceDim}\` by ${sequenceBound}`,
      `write \`dim ${sequenceDim} <= ${most}\`, or a smaller max_length`,
    );
  }
}

function pick<T>(list: readonly T[], indices: readonly number[]): readonly T[] {
  return indices.map((index) => list[index] as T);
}

/** From the training part, or from the run whose parameters are used. */
function makeEncoder(
  parts: RowsBySplit,
  { tokenizer, masking }: TextStages,
  binding: TextBinding,
  context: DataContext,
  file: string,
  notes: string[],
): EncoderData {
  if (context.encoder !== undefined) return parseEncoder(context.encoder);
  const { sequenceBound, target, tokens } = binding;
  const texts = () => parts.train.map(({ text }) => text);
  const learning = {
    most: sequenceBound,
    input: tokens,
    texts,
    cutsTexts: true,
    file: context.tokenizerFile,
    ...(masking && { special: hidingTokens }),
    ...(context.pretrained && { pretrained: context.pretrained }),
  };
  const learnt = learnTokenizer(tokenizer, learning, notes);
  const labels = target?.kind === 'class' ? collectLabels(parts.train, target.classes, file) : [];
  return encodeOne(tokens.name, learnt, labels);
}

function numberPart(rows: readonly Row[], data: EncoderData, binding: TextBinding, place: string): Part {
  const encode = createEncode(encodingOf(data, binding.tokens.name), binding.sequenceBound);
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
    cut: rows.filter((_, k) => encoded[k]?.isCut === true),
    empty: rows.filter((_, k) => encoded[k]?.isEmpty === true),
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
  const most = Math.min(encodingOf(data, binding.tokens.name).maxLength, binding.sequenceBound);
  const all = Object.values(parts);
  const cut = all.flatMap((part) => part.cut);
  const empty = all.flatMap((part) => part.empty);
  const total = all.reduce((sum, part) => sum + part.rows.length, 0);
  if (cut.length > 0) {
    notes.push(
      `${cut.length} of ${plural(total, 'text')} have more than ${most} tokens, the first in ${firstPlace(cut)}: their first ${most} are used`,
    );
  }
  if (empty.length > 0) {
    notes.push(
      `${plural(empty.length, 'text')} without any token, the first in ${firstPlace(empty)}: each is one <unk>`,
    );
  }
}

function firstPlace(rows: readonly Row[]): string {
  const [first] = rows;
  return first === undefined ? '' : formatPlace(first.place);
}

/** A test that was seen in training says less than it seems to. */
function noteRepeated(parts: RowsBySplit, notes: string[]): void {
  const seen = new Set(parts.train.map(({ text }) => text));
  for (const split of ['validation', 'test'] as const) {
    const repeated = parts[split].filter(({ text }) => seen.has(text));
    if (repeated.length > 0) {
      notes.push(
        `${repeated.length} of ${plural(parts[split].length, 'text')} for ${split} also stand in the training part, the first in ${firstPlace(repeated)}`,
      );
    }
  }
}
