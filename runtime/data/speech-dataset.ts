/** Utterances as a data set: frames and numbered texts, batched, with masks in training. */
import type { StageArguments } from './arguments.ts';
import type { FeatureSettings, Frames } from './audio/features.ts';
import { saveFeatures } from './audio/saved-features.ts';
import { augment, type SpecAugmentSettings } from './audio/spec-augment.ts';
import type { Batch, DataContext, Dataset, Split } from './dataset.ts';
import {
  createEncode,
  encodeOne,
  encodingOf,
  parseEncoder,
  printEncoder,
  type EncoderData,
} from './encoder.ts';
import { learnTokenizer } from './learn-tokenizer.ts';
import { createOrder, type Batching } from './order.ts';
import { failAt, Faults, formatPlace, plural, type Place } from './problem.ts';
import type { Recording } from './recordings.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { SpeechBinding } from './speech-binding.ts';
import { mapSplits } from './text-dataset.ts';
import { specialTokens } from './vocabulary.ts';
import type { TensorData } from '../session.ts';

export interface Utterance extends Recording {
  readonly frames: Frames;
}

export interface SpeechSettings {
  readonly tokenizer: StageArguments;
  readonly binding: SpeechBinding;
  readonly batching: Batching;
  readonly context: DataContext;
  /** Whether rows beyond the bounds are left out. */
  readonly skipsLong: boolean;
  readonly features: FeatureSettings;
  /** Features before stacking. */
  readonly bands: number;
  readonly masks: SpecAugmentSettings | undefined;
}

type Parts = Readonly<Record<Split, readonly Utterance[]>>;

interface Row {
  readonly frames: Frames;
  readonly ids: Int32Array;
  readonly text: string;
  readonly place: Place;
}

/** Throws a RuntimeError where rows do not fit the model's bounds. */
export function createSpeechDataset(
  parts: Parts,
  settings: SpeechSettings,
  sourceNotes: readonly string[],
): Dataset {
  const { binding, batching, context, masks, bands } = settings;
  checkBucket(batching, binding);
  const notes = [...sourceNotes];
  const encoder = makeEncoder(parts, settings, notes);
  const encoding = encodingOf(encoder, binding.labels?.name);
  const encode = createEncode(encoding, Number.POSITIVE_INFINITY);
  const rows = mapSplits((split) => fitRows(parts[split].map((each) => numberRow(each, encode)), settings, split, notes)); // prettier-ignore
  notes.unshift(
    `${plural(rows.train.length, 'recording')} to train on, ${rows.validation.length} for validation, ${rows.test.length} for the test`,
  );
  for (const split of ['train', 'validation', 'test'] as const) noteImpossible(rows[split], split, notes);

  const order = createOrder(
    batching,
    context,
    mapSplits((split) => rows[split].map(({ frames }) => frames.count)),
  );
  return {
    rows: mapSplits((split) => rows[split].length),
    *batches(split, options) {
      const { seed, epoch } = options;
      for (const indices of order(split, options)) {
        const chosen = indices.flatMap((index) => {
          const row = rows[split][index];
          if (row === undefined) return [];
          if (masks === undefined || split !== 'train') return [row];
          return [{ ...row, frames: augment(row.frames, bands, masks, { seed, epoch, row: index }) }];
        });
        yield makeSpeechBatch(binding, chosen, indices);
      }
    },
    batchesPerEpoch: (split) => Math.ceil(rows[split].length / batching.size),
    encoder: printEncoder(encoder),
    labels: [],
    notes,
    text: (split, row) => rows[split][row]?.text ?? '',
    transcripts: {
      frames: (split, row) => rows[split][row]?.frames.count ?? 0,
      decode: (ids) => readCharacters(encoding.tokenizer, ids),
      size: encoding.tokenizer.size,
      trained: () => rows.train.map(({ ids }) => [...ids]),
    },
  };
}

function checkBucket({ bucket, place }: Batching, { frameDim }: SpeechBinding): void {
  if (bucket !== undefined && bucket !== frameDim)
    failAt(place, `recordings are padded along \`${frameDim}\`, not \`${bucket}\``, `write \`bucket=${frameDim}\``); // prettier-ignore
}

/** Of the training part, or of the run whose parameters are used. Number 0 is no character: it is CTC's blank. */
function makeEncoder(
  parts: Parts,
  { tokenizer, binding, context, features }: SpeechSettings,
  notes: string[],
): EncoderData {
  if (tokenizer.stage.name !== 'characters')
    failAt(tokenizer.place, `\`${tokenizer.stage.name}\` cannot be put together to a text again`, 'write `characters{…}`'); // prettier-ignore
  const sound = new Map([[binding.frames.name, features]]);
  if (context.encoder !== undefined) {
    const found = parseEncoder(context.encoder);
    const trained = found.sound?.get(binding.frames.name);
    if (trained !== undefined) noteOtherFeatures(features, trained, notes);
    return found;
  }
  const input = binding.labels ?? binding.frames;
  const texts = () => parts.train.map(({ text }) => text);
  const learning = { most: Number.POSITIVE_INFINITY, input, texts, cutsTexts: false, file: undefined };
  return { ...encodeOne(input.name, learnTokenizer(tokenizer, learning, notes)), sound };
}

/** Features that are not those of the training are most likely a mistake. */
function noteOtherFeatures(features: FeatureSettings, trained: FeatureSettings, notes: string[]): void {
  const before = new Map(Object.entries(saveFeatures(trained)));
  const others = Object.entries(saveFeatures(features)).filter(([name, value]) => before.get(name) !== value);
  if (others.length > 0)
    notes.push(
      `the features are not those that the parameters were trained with: ${others.map(([name, value]) => `${name} was ${before.get(name)}, and is ${value}`).join('; ')}`,
    );
}

/** Numbers of a vocabulary of characters to a text; what stands for none of them is `�`. */
export function readCharacters(tokenizer: Tokenizer, ids: readonly number[]): string {
  return ids.map((id) => (id < specialTokens.length ? '�' : (tokenizer.token(id) ?? '�'))).join('');
}

function numberRow({ frames, text, place, audio }: Utterance, encode: ReturnType<typeof createEncode>): Row {
  const { ids, isEmpty } = encode(text);
  return {
    frames,
    ids: isEmpty ? new Int32Array() : ids,
    text,
    place: place.line === undefined ? { file: audio } : place,
  };
}

/** Rows beyond the bounds are an error, or left out with a note. */
function fitRows(
  rows: readonly Row[],
  { binding, skipsLong }: SpeechSettings,
  split: Split,
  notes: string[],
): readonly Row[] {
  const { frameBound, frameDim, labelBound, labelDim } = binding;
  const longest = rows.reduce((most, { frames }) => Math.max(most, frames.count), 0);
  const longestText = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const isLong = ({ frames, ids }: Row): boolean => frames.count > frameBound || ids.length > labelBound;
  const long = rows.filter(isLong);
  const [first] = long;
  if (first === undefined) return rows;
  if (skipsLong) {
    notes.push(
      `${plural(long.length, 'recording')} of ${split} longer than the model’s bounds left out, the first ${formatPlace(first.place)}`,
    );
    return rows.filter((row) => !isLong(row));
  }
  const faults = new Faults(
    `write \`dim ${longest > frameBound ? `${frameDim} <= ${longest}` : `${labelDim ?? ''} <= ${longestText}`}\`, more stacked frames, or \`recordings{…, long=skip}\` to leave such rows out`,
  );
  for (const { frames, ids, place } of long)
    faults.add(
      place,
      frames.count > frameBound
        ? `the recording has ${frames.count} frames, and the program bounds \`${frameDim}\` by ${frameBound}`
        : `the text has ${ids.length} characters, and the program bounds \`${labelDim ?? ''}\` by ${labelBound}`,
    );
  faults.check();
  return rows;
}

/** Frames that a text needs: one for each symbol, and a blank between equal ones. */
export function framesNeeded(ids: ArrayLike<number>): number {
  let needed = ids.length;
  for (let at = 1; at < ids.length; at++) if (ids[at] === ids[at - 1]) needed++;
  return needed;
}

function noteImpossible(rows: readonly Row[], split: Split, notes: string[]): void {
  const impossible = rows.filter(({ frames, ids }) => framesNeeded(ids) > frames.count);
  const [first] = impossible;
  if (first === undefined) return;
  notes.push(
    `${impossible.length} of ${plural(rows.length, 'row')} of ${split} need more frames than they have, so that no alignment spells them: the first, ${formatPlace(first.place)}, has ${plural(first.ids.length, 'character')}, which take ${framesNeeded(first.ids)} frames with a blank between equal ones, and ${plural(first.frames.count, 'frame')}; stack fewer frames, or make recordings longer with \`min_seconds\``,
  );
}

/** Padded with zeros to the most frames. */
export function makeSpeechBatch(
  binding: SpeechBinding,
  rows: readonly Pick<Row, 'frames' | 'ids'>[],
  indices: readonly number[],
): Batch {
  const count = rows.length;
  const longest = rows.reduce((most, { frames }) => Math.max(most, frames.count), 1);
  const { size, batchDim, frameDim, labelDim } = binding;
  const data = new Float32Array(count * longest * size);
  rows.forEach(({ frames }, k) => data.set(frames.data, k * longest * size));
  const tensors = new Map<string, TensorData>([
    [binding.frames.name, { dtype: 'f32', shape: [count, longest, size], data }],
  ]);
  const sizes = new Map([
    [batchDim, count],
    [frameDim, longest],
  ]);
  const set = (name: string | undefined, shape: readonly number[], values: Int32Array): void => {
    if (name !== undefined) tensors.set(name, { dtype: 'i32', shape, data: values });
  };
  set(
    binding.frameLengths?.name,
    [count],
    Int32Array.from(rows, ({ frames }) => frames.count),
  );
  set(
    binding.labelLengths?.name,
    [count],
    Int32Array.from(rows, ({ ids }) => ids.length),
  );
  if (binding.labels !== undefined && labelDim !== undefined) {
    const most = rows.reduce((length, { ids }) => Math.max(length, ids.length), 1);
    const labels = new Int32Array(count * most);
    rows.forEach(({ ids }, k) => labels.set(ids, k * most));
    set(binding.labels.name, [count, most], labels);
    sizes.set(labelDim, most);
  }
  const tokens = rows.reduce((sum, { frames }) => sum + frames.count, 0);
  return { tensors, sizes, rows: count, tokens, indices };
}
