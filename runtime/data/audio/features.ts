/** From a recording to the rows of numbers that a model sees: log-mel energies or cepstra, normalised, stacked. */
import { failAt } from '../problem.ts';
import {
  computeDeltas,
  cosineTransform,
  createProduct,
  emptyFilters,
  melFilters,
  toDecibels,
  type MelScale,
} from './mel.ts';
import { resample } from './resample.ts';
import { createSpectrogram, shortestSound, type Framing, type Matrix } from './spectrogram.ts';
import type { Channels, Sound } from './wav.ts';

/** As they travel with the parameters. Lengths of windows are in samples of `sampleRate`. */
export interface FeatureSettings {
  readonly kind: 'log_mel' | 'mfcc';
  readonly sampleRate: number;
  readonly channels: Channels;
  /** Shorter recordings get silence at their end. */
  readonly minSeconds: number;
  /** x_t − c · x_(t−1); 0: none. */
  readonly preemphasis: number;
  readonly nFft: number;
  readonly winLength: number;
  readonly hopLength: number;
  readonly framing: Framing;
  readonly power: number;
  readonly nMels: number;
  readonly fMin: number;
  readonly fMax: number;
  readonly melScale: MelScale;
  readonly melNorm: 'none' | 'slaney';
  /** `natural`: log(x + 1e-6). `decibels`: 10 log10, at most 80 below the loudest. */
  readonly log: 'natural' | 'decibels';
  /** Of `mfcc`. */
  readonly nMfcc: number;
  readonly dctNorm: 'none' | 'ortho';
  /** 1: the first derivative beside the numbers, 2: the second as well. */
  readonly deltas: number;
  readonly deltaWindow: number;
  /** `utterance`: every feature has mean 0 and variance 1 over the recording. */
  readonly normalize: 'utterance' | 'none';
  /** Neighbouring frames that become one; what is left over at the end is dropped. */
  readonly stack: number;
}

/** Row by row, one row a frame. */
export interface Frames {
  readonly count: number;
  readonly data: Float32Array;
}

/** Numbers in a frame. */
export function featureSize({ kind, nMels, nMfcc, deltas, stack }: FeatureSettings): number {
  return (kind === 'mfcc' ? nMfcc : nMels) * (1 + deltas) * stack;
}

const logFloor = 1e-6;
const topDecibels = 80;
const varianceFloor = 1e-5;

/** `place`: where the settings were written. Throws a RuntimeError for settings that cannot be. */
export function createFeatures(
  settings: FeatureSettings,
  place: string,
): (sound: Sound, file: string) => Frames {
  checkSettings(settings, place);
  const { sampleRate, minSeconds, preemphasis, deltas, deltaWindow, stack } = settings;
  const spectrogram = createSpectrogram(settings);
  const toFeatures = createBands(settings, place);
  const shortest = shortestSound(settings);
  return ({ rate, samples }, file) => {
    const resampled = resample(samples, rate, sampleRate);
    const padded = lengthen(resampled, Math.round(minSeconds * sampleRate));
    if (padded.length < shortest) {
      failAt(
        file,
        `the recording has ${padded.length} samples at ${sampleRate} Hz, and one frame needs ${shortest}`,
        `remove it, or add silence: \`min_seconds=${(Math.ceil((1000 * shortest) / sampleRate) / 1000).toFixed(3)}\``,
      );
    }
    let features = toFeatures(spectrogram(emphasize(padded, preemphasis)));
    const blocks = [features];
    for (let order = 1; order <= deltas; order++)
      blocks.push((features = computeDeltas(features, deltaWindow)));
    const joined = sideBySide(blocks);
    const stacked = stackFrames(settings.normalize === 'utterance' ? normalize(joined) : joined, stack);
    if (stacked.count === 0) {
      failAt(
        file,
        `the recording has ${joined.rows === 1 ? 'one frame' : `${joined.rows} frames`}, and ${stack} are stacked`,
        'remove it, or add silence with `min_seconds`',
      );
    }
    return stacked;
  };
}

function checkSettings(
  { nFft, winLength, deltaWindow, fMin, fMax, sampleRate, kind, nMels, nMfcc }: FeatureSettings,
  place: string,
): void {
  // prettier-ignore
  if (winLength > nFft)
    failAt(place, `win_length is ${winLength}, and n_fft ${nFft}`, 'the window fits into the transform: n_fft ≥ win_length');
  if (deltaWindow < 3) failAt(place, `delta_window is ${deltaWindow}`, 'it is at least 3');
  if (fMax > sampleRate / 2)
    failAt(
      place,
      `f_max is ${fMax} Hz, and the sampling rate ${sampleRate} Hz`,
      `frequencies up to ${sampleRate / 2} Hz are there`,
    );
  if (fMin >= fMax) failAt(place, `f_min is ${fMin} Hz, and f_max ${fMax} Hz`, 'f_min is below f_max');
  if (kind === 'mfcc' && nMfcc > nMels)
    failAt(place, `n_mfcc is ${nMfcc}, and n_mels ${nMels}`, 'there are no more cepstra than bands');
}

/** Spectra to log-mel energies or cepstra. */
function createBands(settings: FeatureSettings, place: string): (spectra: Matrix) => Matrix {
  const { kind, nFft, nMels, nMfcc, sampleRate, dctNorm, log } = settings;
  const filters = melFilters(settings, Math.floor(nFft / 2) + 1, sampleRate);
  const empty = emptyFilters(filters);
  if (empty > 0) {
    failAt(
      place,
      `${empty} of ${nMels} mel bands hold no frequency of a transform of ${nFft} samples`,
      `write a larger n_fft, or a smaller n_mels`,
    );
  }
  const toMel = createProduct(filters);
  const toLog = (matrix: Matrix): Matrix =>
    log === 'decibels'
      ? toDecibels(matrix, topDecibels)
      : { ...matrix, data: matrix.data.map((energy) => Math.log(energy + logFloor)) };
  if (kind === 'log_mel') return (spectra) => toLog(toMel(spectra));
  const toCepstra = createProduct(cosineTransform(nMfcc, nMels, dctNorm));
  return (spectra) => toCepstra(toLog(toMel(spectra)));
}

function lengthen(samples: Float64Array, least: number): Float64Array {
  if (samples.length >= least) return samples;
  const result = new Float64Array(least);
  result.set(samples);
  return result;
}

function emphasize(samples: Float64Array, coefficient: number): Float64Array {
  if (coefficient === 0) return samples;
  return samples.map((sample, at) => sample - (at === 0 ? 0 : coefficient * (samples[at - 1] ?? 0)));
}

function sideBySide(blocks: readonly Matrix[]): Matrix {
  const [first] = blocks;
  if (first === undefined || blocks.length === 1)
    return first ?? { rows: 0, columns: 0, data: new Float64Array() };
  const columns = blocks.reduce((sum, block) => sum + block.columns, 0);
  const data = new Float64Array(first.rows * columns);
  let offset = 0;
  for (const block of blocks) {
    for (let row = 0; row < block.rows; row++)
      data.set(block.data.subarray(row * block.columns, (row + 1) * block.columns), row * columns + offset);
    offset += block.columns;
  }
  return { rows: first.rows, columns, data };
}

/** (x − mean) / √(variance + 1e-5) of every column over the rows. */
function normalize({ rows, columns, data }: Matrix): Matrix {
  const result = new Float64Array(data.length);
  for (let column = 0; column < columns; column++) {
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += (data[row * columns + column] ?? 0) / rows;
    let variance = 0;
    for (let row = 0; row < rows; row++) variance += ((data[row * columns + column] ?? 0) - mean) ** 2 / rows;
    const scale = 1 / Math.sqrt(variance + varianceFloor);
    for (let row = 0; row < rows; row++)
      result[row * columns + column] = ((data[row * columns + column] ?? 0) - mean) * scale;
  }
  return { rows, columns, data: result };
}

function stackFrames({ rows, columns, data }: Matrix, stack: number): Frames {
  const count = Math.floor(rows / stack);
  return { count, data: Float32Array.from(data.subarray(0, count * stack * columns)) };
}
