/** Spectra and features against their definitions and against PyTorch's figures (fixture.json, by make-fixture.py). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createFeatures,
  featureSize,
  type FeatureSettings,
} from '../../../../runtime/data/audio/features.ts';
import { createFft } from '../../../../runtime/data/audio/fft.ts';
import { melFilters, toDecibels, computeDeltas, cosineTransform, createProduct } from '../../../../runtime/data/audio/mel.ts'; // prettier-ignore
import { resample } from '../../../../runtime/data/audio/resample.ts';
import { augment } from '../../../../runtime/data/audio/spec-augment.ts';
import { createSpectrogram, type Matrix } from '../../../../runtime/data/audio/spectrogram.ts';
import { RuntimeError } from '../../../../runtime/session.ts';

const someSchema = z.object({
  shape: z.array(z.number()),
  rows: z.array(z.number()),
  values: z.array(z.array(z.number())),
});
const fixture = z
  .record(z.string(), someSchema)
  .parse(JSON.parse(readFileSync(path.join(import.meta.dirname, 'fixture.json'), 'utf8')));

/** The signal of make-fixture.py. */
const signal = (count: number): Float64Array =>
  Float64Array.from(
    { length: count },
    (_, n) => 0.4 * Math.sin(0.05 * n + 2e-4 * n * n) + (n % 700 < 350 ? 0.2 * Math.cos(0.9 * n) : 0),
  );

function expectSome(
  name: string,
  matrix: Omit<Matrix, 'data'> & { data: ArrayLike<number> },
  digits = 8,
): void {
  const { shape, rows, values } = fixture[name] ?? { shape: [], rows: [], values: [] };
  expect([matrix.rows, matrix.columns], name).toEqual(shape);
  expect(rows.length).toBeGreaterThan(1);
  rows.forEach((row, at) => {
    values[at]?.forEach((value, column) => {
      expect(matrix.data[row * matrix.columns + column], `${name}[${row}, ${column}]`).toBeCloseTo(
        value,
        digits,
      );
    });
  });
}

const base: FeatureSettings = {
  kind: 'log_mel',
  sampleRate: 8000,
  channels: 'error',
  minSeconds: 0,
  preemphasis: 0,
  nFft: 64,
  winLength: 50,
  hopLength: 20,
  framing: 'center',
  power: 2,
  nMels: 10,
  fMin: 0,
  fMax: 4000,
  melScale: 'htk',
  melNorm: 'none',
  log: 'natural',
  nMfcc: 6,
  dctNorm: 'ortho',
  deltas: 0,
  deltaWindow: 5,
  normalize: 'none',
  stack: 1,
};

describe('the transform', () => {
  it.each([1, 2, 8, 64, 3, 5, 12, 60, 97, 400])('of %i numbers is the sum of its definition', (size) => {
    const real = Float64Array.from({ length: size }, (_, n) => Math.sin(3 * n * n + 1));
    const imaginary = Float64Array.from({ length: size }, (_, n) => Math.cos(5 * n + n * n));
    const [x, y] = [real.slice(), imaginary.slice()];
    createFft(size)(x, y);
    for (let k = 0; k < size; k++) {
      let [sumX, sumY] = [0, 0];
      for (let n = 0; n < size; n++) {
        const angle = (-2 * Math.PI * ((k * n) % size)) / size;
        sumX += (real[n] ?? 0) * Math.cos(angle) - (imaginary[n] ?? 0) * Math.sin(angle);
        sumY += (real[n] ?? 0) * Math.sin(angle) + (imaginary[n] ?? 0) * Math.cos(angle);
      }
      expect(x[k]).toBeCloseTo(sumX, 9);
      expect(y[k]).toBeCloseTo(sumY, 9);
    }
  });
});

describe('spectra', () => {
  it('are those of torch.stft, centred and not, of any size', () => {
    expectSome('center', createSpectrogram(base)(signal(2000)));
    const odd = { ...base, nFft: 60, winLength: 60, hopLength: 25, framing: 'fft' as const };
    expectSome('inside', createSpectrogram(odd)(signal(2000)));
    const { rows, columns, data } = createSpectrogram({ ...base, winLength: 64, hopLength: 32, power: 1 })(signal(2000)); // prettier-ignore
    const left = Float64Array.from(
      { length: rows * 8 },
      (_, k) => data[Math.floor(k / 8) * columns + (k % 8)] ?? 0,
    );
    expectSome('magnitude', { rows, columns: 8, data: left });
  });
});

describe('filterbanks and cepstra', () => {
  it('are torchaudio’s, on both scales', () => {
    expectSome('htk', melFilters(base, 33, 8000));
    const slaney = { ...base, fMin: 50, fMax: 3500, melScale: 'slaney', melNorm: 'slaney' } as const;
    expectSome('slaney', melFilters(slaney, 33, 8000));
    const power = createSpectrogram(base)(signal(2000));
    const mfcc = createProduct(cosineTransform(6, 10, 'ortho'))(
      toDecibels(createProduct(melFilters(base, 33, 8000))(power), 80),
    );
    expectSome('mfcc', mfcc, 6);
    expectSome('deltas', computeDeltas(mfcc, 5), 6);
    expectSome('second', computeDeltas(computeDeltas(mfcc, 9), 9), 6);
  });

  it('come as MFCC with deltas beside them', () => {
    const settings = { ...base, kind: 'mfcc', log: 'decibels', deltas: 2 } as const;
    const frames = createFeatures(settings, 'x.lm')({ rate: 8000, samples: signal(2000) }, 'x.wav');
    expect(featureSize(settings)).toBe(18);
    const part = (block: number): Matrix => ({
      rows: frames.count,
      columns: 6,
      data: Float64Array.from({ length: frames.count * 6 }, (_, k) => frames.data[Math.floor(k / 6) * 18 + block * 6 + (k % 6)] ?? 0), // prettier-ignore
    });
    expectSome('mfcc', part(0), 4);
    expectSome('deltas', part(1), 4);
  });

  it('take the natural logarithm and the transform without a norm', () => {
    const settings = { ...base, kind: 'mfcc', fMin: 50, fMax: 3500, melScale: 'slaney', melNorm: 'slaney', dctNorm: 'none' } as const; // prettier-ignore
    const { count, data } = createFeatures(settings, 'x.lm')({ rate: 8000, samples: signal(2000) }, 'x.wav');
    expectSome('plain', { rows: count, columns: 6, data }, 3);
  });
});

describe('features of an utterance', () => {
  const settings: FeatureSettings = {
    ...base,
    preemphasis: 0.97,
    nFft: 256,
    winLength: 200,
    hopLength: 80,
    framing: 'window',
    nMels: 40,
    normalize: 'utterance',
    stack: 2,
  };

  it('are emphasised, normalised and stacked as the numpy program says', () => {
    const { count, data } = createFeatures(settings, 'x.lm')({ rate: 8000, samples: signal(3001) }, 'x.wav');
    expectSome('whole', { rows: count, columns: 80, data }, 4);
  });

  it('have silence behind a short recording, and refuse one that is too short', () => {
    const short = { rate: 8000, samples: signal(150) };
    const long = createFeatures({ ...settings, minSeconds: 0.4 }, 'x.lm')(short, 'x.wav');
    expect(long.count).toBe(Math.floor((1 + Math.floor((3200 - 200) / 80)) / 2));
    expect(() => createFeatures(settings, 'x.lm')(short, 'x.wav')).toThrow(
      'x.wav: the recording has 150 samples at 8000 Hz, and one frame needs 200\n  help: remove it, or add silence: `min_seconds=0.025`',
    );
    expect(() => createFeatures({ ...settings, stack: 4 }, 'x.lm')({ rate: 8000, samples: signal(300) }, 'x.wav')).toThrow('x.wav: the recording has 2 frames, and 4 are stacked'); // prettier-ignore
  });

  it.each([
    [{ winLength: 300 }, 'win_length is 300, and n_fft 256'],
    [{ fMax: 5000 }, 'f_max is 5000 Hz, and the sampling rate 8000 Hz'],
    [{ fMin: 4000 }, 'f_min is 4000 Hz, and f_max 4000 Hz'],
    [{ nMels: 200 }, 'of 200 mel bands hold no frequency of a transform of 256 samples'],
    [{ kind: 'mfcc', nMfcc: 41 }, 'n_mfcc is 41, and n_mels 40'],
    [{ deltaWindow: 2 }, 'delta_window is 2'],
  ] as const)('cannot be made with %o', (wrong, message) => {
    expect(() => createFeatures({ ...settings, ...wrong }, 'x.lm:3')).toThrow(RuntimeError);
    expect(() => createFeatures({ ...settings, ...wrong }, 'x.lm:3')).toThrow(message);
  });
});

describe('resampling', () => {
  it('is torchaudio’s windowed sinc', () => {
    const down = resample(signal(2000), 8000, 6000);
    expect(down.length).toBe(1500);
    expectSome('down', { rows: 300, columns: 1, data: down });
    const up = resample(signal(2000), 8000, 11025);
    expectSome('up', { rows: up.length, columns: 1, data: up });
    expect(resample(down, 6000, 6000)).toBe(down);
  });
});

describe('SpecAugment', () => {
  const settings = { timeMasks: 1, timeWidth: 6, timeShare: 0.5, frequencyMasks: 1, frequencyWidth: 3 };
  const frames = { count: 10, data: new Float32Array(10 * 8).fill(1) };
  const draw = (row: number, epoch = 0, seed = 1) => augment(frames, 4, settings, { seed, epoch, row }).data;

  it('depends on the seed, the epoch and the row alone', () => {
    expect(draw(3)).toEqual(draw(3));
    const drawn = new Set([draw(3), draw(4), draw(3, 1), draw(3, 0, 2)].map((data) => data.join('')));
    expect(drawn.size).toBeGreaterThan(2);
    expect(frames.data.every((value) => value === 1)).toBe(true);
  });

  it('masks whole frames, and the same bands of all stacked frames, within the widths', () => {
    let [times, bands] = [0, 0];
    for (let row = 0; row < 200; row++) {
      const data = draw(row);
      const zeroFrames = Array.from({ length: 10 }, (_, t) => data.subarray(t * 8, t * 8 + 8).every((value) => value === 0)); // prettier-ignore
      const masked = zeroFrames.filter(Boolean).length;
      expect(masked).toBeLessThanOrEqual(5);
      times = Math.max(times, masked);
      const kept = zeroFrames.indexOf(false);
      const first = [...data.subarray(kept * 8, kept * 8 + 8)];
      expect(first.slice(0, 4)).toEqual(first.slice(4));
      const zeros = first.slice(0, 4).filter((value) => value === 0).length;
      expect(zeros).toBeLessThanOrEqual(3);
      bands = Math.max(bands, zeros);
    }
    expect([times, bands]).toEqual([5, 3]);
  });
});
