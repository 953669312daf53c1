/** Windows of one long text: what a language model reads, and the same one token further on, which it predicts. */
import { philox4x32 } from '../philox.ts';
import type { StageArguments } from './arguments.ts';
import { bindMasked, bindWindows, type WindowBinding } from './binding.ts';
import type { Batch, BatchOptions, DataContext, Dataset, Split } from './dataset.ts';
import { encodeOne, encodingOf, parseEncoder, printEncoder, type EncoderData } from './encoder.ts';
import { learnTokenizer } from './learn-tokenizer.ts';
import { piecesOf, type LongText } from './long-text.ts';
import { failAt, plural } from './problem.ts';
import { streams } from './random.ts';
import { createHide, hideInBatch } from './masking/hide-tokens.ts';
import { mapSplits, type TextStages } from './text-dataset.ts';
import type { Batching } from './order.ts';
import { countStreamBatches, cutStreams, noteStreams } from './streams.ts';
import { makeBatch } from './window-batch.ts';
import type { Tokens, TokenSink } from './token-store.ts';
import type { Tokenizer } from './tokenizer.ts';
import { hidingTokens } from './vocabulary.ts';

export interface WindowSettings extends TextStages {
  /** Its `length`: the tokens of a window; by default the bound of the sequence dimension. */
  readonly windows: StageArguments | undefined;
  readonly batching: Batching;
  readonly context: DataContext;
  /** For messages. */
  readonly file: string;
  /** What takes the tokens of a text; `size`: they go from 0 to this, exclusive. */
  readonly openSink: (text: LongText, size: number) => TokenSink;
}

/** Throws a RuntimeError where the text, the stages and the model do not fit each other. */
export function createWindowDataset(
  parts: Readonly<Record<Split, LongText>>,
  settings: WindowSettings,
): Dataset {
  const { tokenizer, masking, windows, batching, context, file } = settings;
  const binding = masking ? bindMasked(context, masking.place) : bindWindows(context, tokenizer.place);
  const length = lengthOf(windows, tokenizer, binding);
  if (batching.balance) failAt(batching.place, '`balance` is for rows with labels; windows have none');
  if (batching.bucket !== undefined)
    failAt(batching.place, '`bucket` sorts texts by length; windows are all of one length');
  const notes: string[] = [];
  const data = makeEncoder(parts.train, { tokenizer, masking }, length, binding, context, notes);
  const { tokenizer: opened } = encodingOf(data, binding.tokens.name);
  const hide = masking && createHide(masking, opened);
  const numbered = mapSplits((split) =>
    numberText(parts[split], opened, settings.openSink(parts[split], opened.size)),
  );
  const ids = mapSplits((split) => numbered[split].ids);
  const count = (split: Split): number => Math.ceil(Math.max(0, ids[split].length - 1) / length);
  if (ids.train.length < length + 1)
    failAt(
      file,
      `the training part has ${plural(ids.train.length, 'token')}, too few for a window of ${length} and the next token`,
      'write a smaller `windows{…}`, or hold out less',
    );
  notes.unshift(
    `${plural(ids.train.length, 'token')} to train on, ${ids.validation.length} for validation, ${ids.test.length} for the test; windows of ${length}`,
  );
  noteUnknown(numbered, notes);

  const isContiguous = windows?.flag('contiguous') ?? false;
  if (isContiguous && batching.shuffle)
    failAt(batching.place, '`shuffle` does not go with windows that are `contiguous`: they have an order');
  if (isContiguous) noteStreams(ids.train.length, length, batching.size, file, notes);
  const isRandom = ({ shuffle }: BatchOptions): boolean =>
    shuffle && batching.shuffle && context.noShuffle !== true;
  const cut = (split: Split, options: BatchOptions): Iterable<Batch> => {
    if (isContiguous) return cutStreams(ids[split], length, batching.size, split === 'train', binding);
    return isRandom(options)
      ? drawWindows(ids[split], length, batching.size, binding, options)
      : cutWindows(ids[split], length, batching.size, binding);
  };
  return {
    rows: mapSplits(count),
    *batches(split, options): Iterable<Batch> {
      for (const batch of cut(split, options)) {
        const lengths = Array.from({ length: batch.rows }, () => batch.sizes.get(binding.sequenceDim) ?? 0);
        yield hide ? hideInBatch(batch, lengths, binding, hide, split, options) : batch;
      }
    },
    batchesPerEpoch: (split, options) => {
      if (isContiguous) return countStreamBatches(ids[split], length, batching.size, split === 'train');
      const whole = Math.floor(Math.max(0, ids[split].length - 1) / length);
      const rest = (ids[split].length - 1) % length > 0 ? 1 : 0;
      return Math.ceil(whole / batching.size) + (isRandom(options) ? 0 : rest);
    },
    encoder: printEncoder(data),
    labels: [],
    notes,
  };
}

function lengthOf(
  windows: StageArguments | undefined,
  tokenizer: StageArguments,
  { sequenceBound, sequenceDim }: WindowBinding,
): number {
  const length = windows?.optionalInteger('length') ?? sequenceBound;
  if (length > sequenceBound)
    failAt(
      windows?.place ?? tokenizer.place,
      `windows of ${length} are over the bound of \`${sequenceDim}\`, ${sequenceBound}`,
      `write \`dim ${sequenceDim} <= ${length}\`, or shorter windows`,
    );
  return length;
}

/** From the training part, or from the run whose parameters are used. */
function makeEncoder(
  text: LongText,
  { tokenizer, masking }: TextStages,
  length: number,
  binding: WindowBinding,
  context: DataContext,
  notes: string[],
): EncoderData {
  if (context.encoder !== undefined) return parseEncoder(context.encoder);
  const texts = () => piecesOf(text);
  const learning = {
    most: length,
    input: binding.tokens,
    texts,
    cutsTexts: false,
    file: context.tokenizerFile,
    ...(masking && { special: hidingTokens }),
    ...(context.pretrained && { pretrained: context.pretrained }),
  };
  return encodeOne(binding.tokens.name, learnTokenizer(tokenizer, learning, notes));
}

/** The tokens of a part, and how many of them are `<unk>`. */
interface NumberedText {
  readonly ids: Tokens;
  readonly unknown: number;
}

function numberText(text: LongText, tokenizer: Tokenizer, sink: TokenSink): NumberedText {
  const { unk } = tokenizer.special;
  let [continues, unknown] = [false, 0];
  for (const part of piecesOf(text)) {
    const ids = tokenizer.encode(part, { continues });
    continues ||= ids.length > 0;
    for (const id of ids) if (id === unk) unknown++;
    sink.add(ids);
  }
  return { ids: sink.done(), unknown };
}

function noteUnknown(parts: Readonly<Record<Split, NumberedText>>, notes: string[]): void {
  for (const [split, { unknown }] of Object.entries(parts))
    if (unknown > 0) notes.push(`${plural(unknown, 'token')} of the ${split} part: <unk>`);
}

/** Every token but the first predicted once. The last window is shorter, and so a batch of its own. */
function* cutWindows(ids: Tokens, length: number, size: number, binding: WindowBinding): Iterable<Batch> {
  const predicted = ids.length - 1;
  const whole = Math.floor(Math.max(0, predicted) / length);
  for (let first = 0; first < whole; first += size) {
    const windows = Array.from({ length: Math.min(size, whole - first) }, (_, k) => first + k);
    yield makeBatch(ids, windows.map((window) => window * length), length, windows, binding); // prettier-ignore
  }
  if (predicted > whole * length)
    yield makeBatch(ids, [whole * length], predicted - whole * length, [whole], binding);
}

/** Windows anywhere, as many as the text has side by side; the same for the same seed, epoch and batch. */
function* drawWindows(
  ids: Tokens,
  length: number,
  size: number,
  binding: WindowBinding,
  { seed, epoch }: BatchOptions,
): Iterable<Batch> {
  const places = ids.length - length;
  const whole = Math.floor((ids.length - 1) / length);
  for (let first = 0; first < whole; first += size) {
    const windows = Array.from({ length: Math.min(size, whole - first) }, (_, k) => first + k);
    const starts = windows.map((window) => {
      const words = philox4x32([window, 0, epoch >>> 0, 0], [seed >>> 0, streams.windows]);
      return Math.floor((words[0] / 2 ** 32) * places);
    });
    yield makeBatch(ids, starts, length, windows, binding);
  }
}
