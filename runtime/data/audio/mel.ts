/** Mel filterbanks and cepstra, as `torchaudio.functional` defines them. */
import type { Matrix } from './spectrogram.ts';

/** `htk`: 2595 log10(1 + f/700). `slaney`: straight up to 1 kHz, logarithmic above, as in the Auditory Toolbox. */
export type MelScale = 'htk' | 'slaney';

const slaneyStep = 200 / 3;
const slaneyBreak = 1000 / slaneyStep;
const slaneyLog = Math.log(6.4) / 27;

export function hertzToMel(hertz: number, scale: MelScale): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hertz / 700);
  return hertz < 1000 ? hertz / slaneyStep : slaneyBreak + Math.log(hertz / 1000) / slaneyLog;
}

export function melToHertz(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  return mel < slaneyBreak ? mel * slaneyStep : 1000 * Math.exp(slaneyLog * (mel - slaneyBreak));
}

export interface MelSettings {
  readonly nMels: number;
  readonly fMin: number;
  readonly fMax: number;
  readonly melScale: MelScale;
  /** `slaney`: every triangle has the same area; `none`: the same height. */
  readonly melNorm: 'none' | 'slaney';
}

/** `[n_fft / 2 + 1, n_mels]`: triangles between neighbours of n_mels + 2 points that are even on the mel scale. */
export function melFilters(settings: MelSettings, bins: number, rate: number): Matrix {
  const { nMels, fMin, fMax, melScale, melNorm } = settings;
  const low = hertzToMel(fMin, melScale);
  const step = (hertzToMel(fMax, melScale) - low) / (nMels + 1);
  const points = Array.from({ length: nMels + 2 }, (_, k) => melToHertz(low + k * step, melScale));
  const data = new Float64Array(bins * nMels);
  for (let bin = 0; bin < bins; bin++) {
    const hertz = bins === 1 ? 0 : (bin * Math.floor(rate / 2)) / (bins - 1);
    for (let mel = 0; mel < nMels; mel++) {
      const [left = 0, top = 0, right = 0] = points.slice(mel, mel + 3);
      const height = Math.max(0, Math.min((hertz - left) / (top - left), (right - hertz) / (right - top)));
      data[bin * nMels + mel] = melNorm === 'slaney' ? (height * 2) / (right - left) : height;
    }
  }
  return { rows: bins, columns: nMels, data };
}

/** Filters that no frequency of the transform falls into: there are too many for its size. */
export function emptyFilters({ rows, columns, data }: Matrix): number {
  let empty = 0;
  for (let mel = 0; mel < columns; mel++) {
    let sum = 0;
    for (let bin = 0; bin < rows; bin++) sum += data[bin * columns + mel] ?? 0;
    if (sum === 0) empty++;
  }
  return empty;
}

/** Rows times a matrix that is mostly 0. */
export function createProduct(filters: Matrix): (spectra: Matrix) => Matrix {
  const { columns } = filters;
  const terms: { readonly bin: number; readonly column: number; readonly weight: number }[] = [];
  filters.data.forEach((weight, at) => {
    if (weight !== 0) terms.push({ bin: Math.floor(at / columns), column: at % columns, weight });
  });
  return ({ rows, columns: bins, data }) => {
    const result = new Float64Array(rows * columns);
    for (let row = 0; row < rows; row++)
      for (const { bin, column, weight } of terms)
        result[row * columns + column] = (result[row * columns + column] ?? 0) + weight * (data[row * bins + bin] ?? 0); // prettier-ignore
    return { rows, columns, data: result };
  };
}

/** 10 log10 of powers, nothing more than `topDb` below the largest of the recording. */
export function toDecibels(matrix: Matrix, topDb: number): Matrix {
  const data = matrix.data.map((power) => 10 * Math.log10(Math.max(power, 1e-10)));
  const least = data.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY) - topDb;
  return { ...matrix, data: data.map((value) => Math.max(value, least)) };
}

/** `[n_mels, n_mfcc]`: the cosine transform of type II; `ortho` makes its columns of length 1. */
export function cosineTransform(nMfcc: number, nMels: number, norm: 'none' | 'ortho'): Matrix {
  const data = new Float64Array(nMels * nMfcc);
  for (let mel = 0; mel < nMels; mel++) {
    for (let k = 0; k < nMfcc; k++) {
      const cosine = Math.cos((Math.PI / nMels) * (mel + 0.5) * k);
      const scale = norm === 'none' ? 2 : Math.sqrt((k === 0 ? 1 : 2) / nMels);
      data[mel * nMfcc + k] = scale * cosine;
    }
  }
  return { rows: nMels, columns: nMfcc, data };
}

/** d_t = Σ_n n (c_(t+n) − c_(t−n)) / (2 Σ n²) over n up to (window − 1) / 2; the ends are repeated. */
export function computeDeltas({ rows, columns, data }: Matrix, window: number): Matrix {
  const reach = Math.floor((window - 1) / 2);
  const scale = (reach * (reach + 1) * (2 * reach + 1)) / 3;
  const result = new Float64Array(data.length);
  const at = (row: number, column: number): number =>
    data[Math.min(rows - 1, Math.max(0, row)) * columns + column] ?? 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let n = 1; n <= reach; n++) sum += n * (at(row + n, column) - at(row - n, column));
      result[row * columns + column] = sum / scale;
    }
  }
  return { rows, columns, data: result };
}
