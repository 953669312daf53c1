/** `recordings{…}`: manifests and folders, parts by a column, what fits and what is said of the rest. */
import { describe, expect, it } from 'vitest';
import type { DataContext, DataFiles } from '../../../runtime/data/dataset.ts';
import { openDataset } from '../../../runtime/data/open-dataset.ts';
import { framesNeeded } from '../../../runtime/data/speech-dataset.ts';
import type { PlanCall } from '../../../runtime/plan.ts';
import { makeWav } from './audio/make-wav.ts';
import { call, constant, memoryFiles, symbol, taskOf } from './support.ts';

const speech: DataContext = {
  inputs: [
    { name: 'frames', dtype: 'f32', shape: [symbol('batch'), symbol('frame'), constant(10)] },
    { name: 'frame_lengths', dtype: 'i32', shape: [symbol('batch')] },
    { name: 'labels', dtype: 'i32', shape: [symbol('batch'), symbol('target')], range: [0, 20] },
    { name: 'label_lengths', dtype: 'i32', shape: [symbol('batch')] },
  ],
  targets: ['labels', 'label_lengths'],
  dims: [
    { name: 'batch', bound: 8 },
    { name: 'frame', bound: 20 },
    { name: 'target', bound: 6 },
  ],
};

const tone = (count: number, step = 0.3): Uint8Array =>
  makeWav(Float64Array.from({ length: count }, (_, n) => 0.5 * Math.sin(step * n)));

/** Seven recordings of 0.1 s and more; the frames of 200 samples begin every 80. */
const clips: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  [0, 1, 2, 3, 4, 5, 6].map((k) => [`clips/${k % 3}_ann_${k}.wav`, tone(800 + 80 * k, 0.2 + 0.1 * k)]),
);

function withFolder(files: Readonly<Record<string, string | Uint8Array>>): DataFiles {
  return {
    ...memoryFiles(files),
    list: (path) => {
      const below = Object.keys(files).filter((name) => name.startsWith(`${path}/`));
      return Promise.resolve(
        below.length === 0 ? undefined : below.map((name) => name.slice(path.length + 1)).toSorted(),
      );
    },
  };
}

const folder = call('recordings', ['clips'], { pattern: '<text>_<who>_<k>.wav', spell: 'no oo yes' });
const features = call('log_mel', [10], {});
const all = call('split', [], { validation: 0, test: 0 });
const characters = call('characters', [20]);
const batches = call('batches', [4]);
const pipeline = [folder, all, features, characters, batches];

function open(
  data: readonly PlanCall[] = pipeline,
  files: Readonly<Record<string, string | Uint8Array>> = clips,
  context: Partial<DataContext> = {},
) {
  return openDataset(taskOf(data), { ...speech, ...context, files: withFolder(files) });
}

const options = { seed: 1, epoch: 0, shuffle: true };

describe('a folder', () => {
  it('gives texts and columns by the names of its files', async () => {
    const dataset = await open();
    expect([0, 1, 2, 3].map((row) => dataset.text?.('train', row))).toEqual(['no', 'no', 'no', 'oo']);
    const [batch] = [...dataset.batches('train', options)];
    expect(batch?.tensors.get('frames')?.shape).toEqual([4, 14, 10]);
    expect([...(batch?.tensors.get('frame_lengths')?.data ?? [])]).toEqual([8, 11, 14, 9]);
    expect([...(batch?.tensors.get('label_lengths')?.data ?? [])]).toEqual([2, 2, 2, 2]);
    expect([...(batch?.sizes ?? [])]).toEqual([
      ['batch', 4],
      ['frame', 14],
      ['target', 2],
    ]);
    const first = [...(batch?.tensors.get('labels')?.data ?? [])].slice(0, 2);
    expect(dataset.transcripts?.decode(first)).toBe('no');
  });

  it('pads frames with 0 and keeps what was computed', async () => {
    const [batch] = [...(await open()).batches('train', options)];
    const data = batch?.tensors.get('frames')?.data ?? [];
    expect(data.slice(8 * 10, 14 * 10).every((value) => value === 0)).toBe(true);
    expect(data.slice(0, 80).some((value) => value !== 0)).toBe(true);
  });

  it('is divided by a column, and by shares of what is left', async () => {
    const split = call('split', [], { column: 'k', validation: 0.2, test: '5 6' });
    const dataset = await open([folder, split, features, characters, batches]);
    expect(dataset.rows).toEqual({ train: 4, validation: 1, test: 2 });
    expect(dataset.text?.('test', 0)).toBe('no');
    expect(dataset.notes[0]).toBe('4 recordings to train on, 1 for validation, 2 for the test');
  });

  it('puts recordings of like length together', async () => {
    const bucketed = call('batches', [4], { bucket: 'frame' });
    const [first] = [
      ...(await open([folder, all, features, characters, bucketed])).batches('train', options),
    ];
    expect([...(first?.tensors.get('frame_lengths')?.data ?? [])]).toEqual([8, 9, 10, 11]);
  });

  it('masks frames and bands in training alone, by the epoch', async () => {
    const masks = call('spec_augment', [], { time_masks: 2, frequency_masks: 2, time_share: 1 });
    const dataset = await open([folder, call('split', [], { validation: 0, test: 0.3 }), features, masks, characters, batches]); // prettier-ignore
    const frames = (split: 'train' | 'test', epoch: number) =>
      [...dataset.batches(split, { ...options, epoch })].map(({ tensors }) => tensors.get('frames')?.data);
    expect(frames('train', 0)).toEqual(frames('train', 0));
    expect(frames('train', 0)).not.toEqual(frames('train', 1));
    expect(frames('test', 0)).toEqual(frames('test', 1));
  });
});

describe('a manifest', () => {
  const wavs = { 'd/a.wav': tone(800), 'd/b.wav': tone(900) };
  it.each([
    ['d/m.tsv', 'path\ttext\tspeaker\na.wav\tone\tann\nb.wav\ttwo\tbob\n'],
    ['d/m.csv', 'path,text\na.wav,one\n"b.wav",two\n'],
    ['d/m.jsonl', '{"path": "a.wav", "text": "one"}\n{"path": "b.wav", "text": "two"}\n'],
  ])('%s names files beside it', async (path, text) => {
    const dataset = await open([call('recordings', [path]), all, features, characters, batches], { ...wavs, [path]: text }); // prettier-ignore
    expect([0, 1].map((row) => dataset.text?.('train', row))).toEqual(['one', 'two']);
  });

  it.each([
    [
      'file\ttext\na.wav\tone\n',
      'd/m.tsv:2: there is no column `path`; there are `file` and `text`\n  help: write `recordings{…, audio="…"}` with one of them',
    ],
    ['path\ttext\na.wav\n', 'd/m.tsv:2: 1 field, and the header has 2'],
    ['path\ttext\n', 'd/m.tsv: the manifest has no row'],
    ['path\ttext\nc.wav\tone\n', 'd/m.tsv:2: there is no file `d/c.wav`'],
  ])('that says %j is refused', async (text, message) => {
    const files = { ...wavs, 'd/m.tsv': text };
    await expect(
      open([call('recordings', ['d/m.tsv']), all, features, characters, batches], files),
    ).rejects.toThrow(message);
  });
});

describe('rows that cannot be', () => {
  it('need more frames than they have: counted, and told', async () => {
    expect([[], [1], [1, 2], [1, 1], [1, 1, 1, 2, 2]].map(framesNeeded)).toEqual([0, 1, 2, 3, 8]);
    const stacked = call('log_mel', [5], { stack: 2 });
    const long = call('recordings', ['clips'], { pattern: '<text>_<who>_<k>.wav', spell: 'no ooooo yes' });
    const dataset = await open([long, all, stacked, characters, batches]);
    expect(dataset.notes.find((note) => note.includes('need more frames'))).toBe(
      '2 of 7 rows of train need more frames than they have, so that no alignment spells them: the first, clips/1_ann_1.wav, has 5 characters, which take 9 frames with a blank between equal ones, and 4 frames; stack fewer frames, or make recordings longer with `min_seconds`',
    );
  });

  it('are longer than the bounds: an error, or left out and counted', async () => {
    const files = { ...clips, 'clips/2_bob_9.wav': tone(4000) };
    await expect(open(pipeline, files)).rejects.toThrow(
      'clips/2_bob_9.wav: the recording has 48 frames, and the program bounds `frame` by 20\n  help: write `dim frame <= 48`',
    );
    const skip = call('recordings', ['clips'], { ...folder.named, long: 'skip' });
    const dataset = await open([skip, all, features, characters, batches], files);
    expect(dataset.rows.train).toBe(7);
    expect(dataset.notes).toContain(
      '1 recording of train longer than the model’s bounds left out, the first clips/2_bob_9.wav',
    );
  });
});

describe('what cannot be read', () => {
  const stereo = { ...clips, 'clips/0_bob_8.wav': makeWav(new Float64Array(1600), { channels: 2 }) };
  const cut = { ...clips, 'clips/0_bob_8.wav': tone(900).slice(0, 500) };
  const faster = {
    ...clips,
    'clips/0_bob_8.wav': makeWav(new Float64Array(1600).fill(0.5), { rate: 16000 }),
  };
  it.each([
    [
      'stereo',
      stereo,
      pipeline,
      'clips/0_bob_8.wav, byte 22: the recording is stereo\n  help: write `channels=mix`',
    ],
    [
      'truncated',
      cut,
      pipeline,
      'clips/0_bob_8.wav, byte 40: the chunk `data` should have 1800 bytes, and the file ends after 456 of them',
    ],
    [
      'another rate',
      faster,
      pipeline,
      'clips/0_bob_8.wav: 16000 samples a second, and the first recording has 8000\n  help: write `log_mel{…, sample_rate=8000}`',
    ],
    [
      'another size',
      clips,
      [folder, all, call('log_mel', [10], { stack: 2 }), characters, batches],
      'the features are 20 numbers a frame, and the model takes 10',
    ],
    ['no features', clips, [folder, all, characters, batches], 'recordings need features'],
    [
      'no pattern',
      clips,
      [call('recordings', ['clips']), all, features, characters, batches],
      '`clips` is a folder, and nothing says where the texts are',
    ],
    [
      'another pattern',
      clips,
      [call('recordings', ['clips'], { pattern: '<text>.flac' }), all, features, characters, batches],
      'none of the 7 files in `clips` is called like `<text>.flac`',
    ],
    [
      'no manifest',
      clips,
      [call('recordings', ['m.txt']), all, features, characters, batches],
      '`m.txt` is no folder, and no manifest',
    ],
    [
      'no number',
      clips,
      [
        call('recordings', ['clips'], { pattern: '<k>_<text>_<n>.wav', spell: 'a b' }),
        all,
        features,
        characters,
        batches,
      ],
      '`ann` is no number of the 2 words in `spell`',
    ],
    [
      'a value that no row has',
      clips,
      [folder, call('split', [], { column: 'k', validation: 0, test: '77' }), features, characters, batches],
      'no recording has `77` in the column `k`',
    ],
  ])('%s', async (_what, files, data, message) => {
    await expect(open(data, files)).rejects.toThrow(message);
  });

  it('is read where it is asked for', async () => {
    const mixed = call('log_mel', [10], { channels: 'mix', sample_rate: 8000 });
    const dataset = await open([folder, all, mixed, characters, batches], { ...stereo, ...faster });
    expect(dataset.rows.train).toBe(8);
  });
});
