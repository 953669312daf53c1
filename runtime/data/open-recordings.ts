/** Opens `recordings{…} | log_mel{…} | characters{…} | …`: reads the files, makes the features, divides the parts. */
import { createFeatures, featureSize, type FeatureSettings, type Frames } from './audio/features.ts';
import { readFeatureSettings } from './audio/settings.ts';
import type { SpecAugmentSettings } from './audio/spec-augment.ts';
import { readWav } from './audio/wav.ts';
import type { Pipeline, StageArguments } from './arguments.ts';
import type { DataContext, DataFiles, Dataset, Split } from './dataset.ts';
import { failAt, formatPlace } from './problem.ts';
import { readRecordings, type Recording } from './recordings.ts';
import { bindSpeech } from './speech-binding.ts';
import { createSpeechDataset, type Utterance } from './speech-dataset.ts';
import { splitRows, type SplitPlan } from './split.ts';
import type { Batching } from './order.ts';
import { RuntimeError } from '../session.ts';

/** Throws a RuntimeError with the file, the byte or the line, what is wrong and the cure. */
export async function openRecordings(
  source: StageArguments,
  { features, augment, tokenizer }: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: DataContext & { readonly files: DataFiles },
): Promise<Dataset> {
  if (features === undefined)
    failAt(source.place, 'recordings need features', 'write `recordings{…} | log_mel{40} | characters{…} | …`'); // prettier-ignore
  if (tokenizer === undefined)
    failAt(source.place, 'the texts of recordings need a tokeniser', 'write `recordings{…} | log_mel{40} | characters{…} | …`'); // prettier-ignore
  const binding = bindSpeech(context, features.place);
  const notes: string[] = [];
  const read = async (path: string): Promise<readonly Recording[]> => {
    const found = await readRecordings(source, path, context.files);
    notes.push(...found.notes);
    return found.rows;
  };
  const parts = await divide(await read(source.string('path')), split, read, source.place);
  if (parts.train.length === 0) failAt(source.place, 'the split leaves no recording to train on');
  const { settings, makeFrames } = await createReader(features, parts.train[0], binding.size, context.files);
  const load = async (rows: readonly Recording[]): Promise<readonly Utterance[]> => {
    const utterances: Utterance[] = [];
    const failures: RuntimeError[] = [];
    for (const row of rows) {
      try {
        utterances.push({ ...row, frames: await makeFrames(row) });
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        failures.push(error);
      }
    }
    const [first, ...more] = failures;
    if (first === undefined) return utterances;
    throw more.length === 0
      ? first
      : new RuntimeError(5, `${first.message}\n  and ${more.length} more recordings cannot be used`);
  };
  return createSpeechDataset(
    {
      train: await load(parts.train),
      validation: await load(parts.validation),
      test: await load(parts.test),
    },
    {
      tokenizer,
      binding,
      batching,
      context,
      features: settings,
      skipsLong: source.string('long') === 'skip',
      bands: binding.size / features.integer('stack'),
      masks: augment && readMasks(augment),
    },
    notes,
  );
}

/** By a column's values, by files of their own, and by shares of what is left. */
async function divide(
  rows: readonly Recording[],
  split: SplitPlan,
  read: (path: string) => Promise<readonly Recording[]>,
  place: string,
): Promise<Readonly<Record<Split, readonly Recording[]>>> {
  const { column, validationFile, testFile } = split;
  if (column === undefined) {
    const indices = splitRows(rows.length, split);
    const held = async (name: 'validation' | 'test', file: string | undefined) =>
      file === undefined ? pick(rows, indices[name]) : read(file);
    return {
      train: pick(rows, indices.train),
      validation: await held('validation', validationFile),
      test: await held('test', testFile),
    };
  }
  const take = (values: string | undefined): readonly Recording[] => {
    if (values === undefined) return [];
    const wanted = new Set(values.split(/\s+/u));
    const taken = rows.filter((row) => wanted.has(valueOf(row, column)));
    if (taken.length === 0)
      failAt(place, `no recording has \`${values}\` in the column \`${column}\``, `the first has \`${rows[0]?.columns.get(column) ?? ''}\``); // prettier-ignore
    return taken;
  };
  const [validation, test] = [take(validationFile), take(testFile)];
  const taken = new Set([...validation, ...test]);
  const rest = rows.filter((row) => !taken.has(row));
  const indices = splitRows(rest.length, split);
  return {
    train: pick(rest, indices.train),
    validation: validationFile === undefined ? pick(rest, indices.validation) : validation,
    test: testFile === undefined ? pick(rest, indices.test) : test,
  };
}

function valueOf({ columns, place }: Recording, column: string): string {
  return (
    columns.get(column) ??
    failAt(
      place,
      `there is no column \`${column}\` to split by`,
      `there are ${[...columns.keys()].join(', ')}`,
    )
  );
}

function pick<T>(list: readonly T[], indices: readonly number[]): readonly T[] {
  return indices.flatMap((index) => list[index] ?? []);
}

/** Reads a recording; the first one's sampling rate is that of all, where nothing else is said. */
async function createReader(
  features: StageArguments,
  first: Recording | undefined,
  size: number,
  files: DataFiles,
): Promise<{
  readonly settings: FeatureSettings;
  readonly makeFrames: (row: Recording) => Promise<Frames>;
}> {
  const channels = features.string('channels') === 'mix' ? 'mix' : 'error';
  const open = async ({ audio, place }: Recording) => {
    const { name, bytes } = await files.read(audio).catch((error: unknown) => {
      throw error instanceof RuntimeError
        ? new RuntimeError(5, `${formatPlace(place)}: ${error.message}`)
        : error;
    });
    return { name, sound: readWav(bytes, name, channels) };
  };
  const rate = first === undefined ? 0 : (await open(first)).sound.rate;
  const settings = readFeatureSettings(features, rate);
  const made = featureSize(settings);
  if (made !== size) {
    failAt(
      features.place,
      `the features are ${made} numbers a frame, and the model takes ${size}`,
      `let its input be \`f32[batch, frame, ${made}]\`: where a config entry says it, as in models/speech_ctc.lm, with \`--set n_feat=${made}\``,
    );
  }
  const make = createFeatures(settings, features.place);
  const resamples = features.optionalInteger('sample_rate') !== undefined;
  const makeFrames = async (row: Recording): Promise<Frames> => {
    const { name, sound } = await open(row);
    if (sound.rate !== settings.sampleRate && !resamples) {
      failAt(
        name,
        `${sound.rate} samples a second, and the first recording has ${settings.sampleRate}`,
        `write \`${features.stage.name}{…, sample_rate=${settings.sampleRate}}\` to resample those that differ`,
      );
    }
    return make(sound, name);
  };
  return { settings, makeFrames };
}

function readMasks(args: StageArguments): SpecAugmentSettings {
  return {
    timeMasks: args.integer('time_masks'),
    timeWidth: args.integer('time_width'),
    timeShare: Math.min(1, args.number('time_share')),
    frequencyMasks: args.integer('frequency_masks'),
    frequencyWidth: args.integer('frequency_width'),
  };
}
