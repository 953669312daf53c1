/** Another sampling rate: the windowed sinc of `torchaudio.functional.resample`, with its default settings. */

/** Zero crossings on each side of the kernel, and the share of the lower rate's half that passes. */
const zeros = 6;
const rolloff = 0.99;

/** ceil(samples · to / from) of them. */
export function resample(samples: Float64Array, from: number, to: number): Float64Array {
  if (from === to) return samples;
  const divisor = greatestDivisor(from, to);
  const [oldRate, newRate] = [from / divisor, to / divisor];
  const base = Math.min(oldRate, newRate) * rolloff;
  const width = Math.ceil((zeros * oldRate) / base);
  const kernels = Array.from({ length: newRate }, (_, phase) => {
    const timeAt = (k: number): number => base * ((k - width) / oldRate - phase / newRate);
    const taps = Array.from({ length: 2 * width + oldRate }, (_unused, k) => k);
    // The window is 0 from the last zero crossing on.
    const inside = taps.filter((k) => Math.abs(timeAt(k)) < zeros);
    return {
      first: (inside[0] ?? 0) - width,
      weights: inside.map((k) => weigh(timeAt(k)) * (base / oldRate)),
    };
  });
  const result = new Float64Array(Math.ceil((newRate * samples.length) / oldRate));
  for (let at = 0; at < result.length; at++) {
    const { first = 0, weights = [] } = kernels[at % newRate] ?? {};
    const start = Math.floor(at / newRate) * oldRate + first;
    let sum = 0;
    for (let k = Math.max(0, -start); k < Math.min(weights.length, samples.length - start); k++)
      sum += (weights[k] ?? 0) * (samples[start + k] ?? 0);
    result[at] = sum;
  }
  return result;
}

/** The windowed sinc at so many zero crossings from its middle. */
function weigh(time: number): number {
  const angle = Math.PI * time;
  return (angle === 0 ? 1 : Math.sin(angle) / angle) * Math.cos(angle / zeros / 2) ** 2;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
