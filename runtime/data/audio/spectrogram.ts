/** Short-time spectra of a recording, as `torch.stft` and `torchaudio.transforms.Spectrogram` define them. */
import { createFft } from './fft.ts';

/**
 * Where frames lie. `center`: frame t is around sample t·hop, the ends are mirrored (PyTorch's default). `fft`: frame t
 * starts at t·hop and has `n_fft` samples, with the window in its middle (PyTorch's `center=False`). `window`: it starts
 * there and has as many samples as the window, with zeros behind them (as in Kaldi).
 */
export type Framing = 'center' | 'fft' | 'window';

export interface SpectrogramSettings {
  readonly nFft: number;
  readonly winLength: number;
  readonly hopLength: number;
  readonly framing: Framing;
  /** 1 for magnitudes, 2 for power. */
  readonly power: number;
}

/** Row by row: one row a frame. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** The fewest samples that have a frame. */
export function shortestSound({ framing, nFft, winLength }: SpectrogramSettings): number {
  return framing === 'center' ? Math.floor(nFft / 2) + 1 : framing === 'fft' ? nFft : winLength;
}

/** `[frames, n_fft / 2 + 1]`. `samples` has at least `shortestSound`. */
export function createSpectrogram(settings: SpectrogramSettings): (samples: Float64Array) => Matrix {
  const { nFft, hopLength, framing, power } = settings;
  const fft = createFft(nFft);
  const window = placeWindow(settings);
  const columns = Math.floor(nFft / 2) + 1;
  const toPower = (x: number, y: number): number => (power === 2 ? x * x + y * y : Math.hypot(x, y) ** power);
  return (given) => {
    const samples = framing === 'center' ? mirrorEnds(given, Math.floor(nFft / 2)) : given;
    const rows = Math.floor((samples.length - window.length) / hopLength) + 1;
    const data = new Float64Array(rows * columns);
    const first = new Float64Array(nFft);
    const second = new Float64Array(nFft);
    const fill = (into: Float64Array, frame: number): void => {
      into.fill(0);
      if (frame >= rows) return;
      window.forEach((weight, n) => {
        into[n] = weight * (samples[frame * hopLength + n] ?? 0);
      });
    };
    // Two real frames are one complex transform: of z = a + ib, A_k = (Z_k + Z*_(N−k)) / 2 and B_k = (Z_k − Z*_(N−k)) / 2i.
    for (let frame = 0; frame < rows; frame += 2) {
      fill(first, frame);
      fill(second, frame + 1);
      fft(first, second);
      for (let k = 0; k < columns; k++) {
        const other = (nFft - k) % nFft;
        const [x, y, u, v] = [first[k] ?? 0, second[k] ?? 0, first[other] ?? 0, second[other] ?? 0];
        data[frame * columns + k] = toPower((x + u) / 2, (y - v) / 2);
        if (frame + 1 < rows) data[(frame + 1) * columns + k] = toPower((y + v) / 2, (u - x) / 2);
      }
    }
    return { rows, columns, data };
  };
}

/** The periodic Hann window, 0.5 − 0.5 cos(2πn / N). */
export function hannWindow(length: number): Float64Array {
  return Float64Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length));
}

/** In the middle of the frame, or alone where the frame ends with it. */
function placeWindow({ framing, nFft, winLength }: SpectrogramSettings): Float64Array {
  const window = hannWindow(winLength);
  if (framing === 'window') return window;
  const frame = new Float64Array(nFft);
  frame.set(window, Math.floor((nFft - winLength) / 2));
  return frame;
}

/** c b | a b c d | c b */
function mirrorEnds(samples: Float64Array, width: number): Float64Array {
  const result = new Float64Array(samples.length + 2 * width);
  result.set(samples, width);
  for (let k = 1; k <= width; k++) {
    result[width - k] = samples[k] ?? 0;
    result[width + samples.length - 1 + k] = samples[samples.length - 1 - k] ?? 0;
  }
  return result;
}
