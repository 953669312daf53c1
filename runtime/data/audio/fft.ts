/** The discrete Fourier transform of any size: Cooley and Tukey's for powers of two, Bluestein's for all others. */

/** X_k = Σ_n x_n e^(−2πikn/N), in place on the real and imaginary parts. */
export type Fft = (real: Float64Array, imaginary: Float64Array) => void;

export function createFft(size: number): Fft {
  return (size & (size - 1)) === 0 ? radixTwo(size) : bluestein(size);
}

function radixTwo(size: number): Fft {
  const cosines = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  const order = reversedBits(size);
  return (real, imaginary) => {
    permute(real, order);
    permute(imaginary, order);
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [a, b] = [start + k, start + k + half];
          const [cos, sin] = [cosines[k * step] ?? 0, sines[k * step] ?? 0];
          const [x, y] = [real[b] ?? 0, imaginary[b] ?? 0];
          const [turnedX, turnedY] = [x * cos - y * sin, x * sin + y * cos];
          const [atX, atY] = [real[a] ?? 0, imaginary[a] ?? 0];
          real[a] = atX + turnedX;
          imaginary[a] = atY + turnedY;
          real[b] = atX - turnedX;
          imaginary[b] = atY - turnedY;
        }
      }
    }
  };
}

function reversedBits(size: number): Uint32Array {
  const order = new Uint32Array(size);
  for (let k = 1; k < size; k++) order[k] = ((order[k >>> 1] ?? 0) >>> 1) | (k & 1 ? size >>> 1 : 0);
  return order;
}

function permute(values: Float64Array, order: Uint32Array): void {
  for (let a = 0; a < values.length; a++) {
    const b = order[a] ?? a;
    if (b <= a) continue;
    const kept = values[a] ?? 0;
    values[a] = values[b] ?? 0;
    values[b] = kept;
  }
}

/** As kn = (k² + n² − (k − n)²) / 2, the sum is a convolution with a chirp, which a transform of 2^m ≥ 2N − 1 does. */
function bluestein(size: number): Fft {
  const room = 2 ** Math.ceil(Math.log2(2 * size - 1));
  const fft = radixTwo(room);
  // k² mod 2N: the angle of a large k² would lose its last digits.
  const angles = Array.from({ length: size }, (_, k) => (Math.PI * ((k * k) % (2 * size))) / size);
  const cosines = Float64Array.from(angles, Math.cos);
  const sines = Float64Array.from(angles, Math.sin);
  const chirpX = new Float64Array(room);
  const chirpY = new Float64Array(room);
  for (let k = 0; k < size; k++) {
    chirpX[k] = chirpX[(room - k) % room] = cosines[k] ?? 0;
    chirpY[k] = chirpY[(room - k) % room] = sines[k] ?? 0;
  }
  fft(chirpX, chirpY);
  return (real, imaginary) => {
    const x = new Float64Array(room);
    const y = new Float64Array(room);
    for (let k = 0; k < size; k++) {
      const [cos, sin, a, b] = [cosines[k] ?? 0, sines[k] ?? 0, real[k] ?? 0, imaginary[k] ?? 0];
      x[k] = a * cos + b * sin;
      y[k] = b * cos - a * sin;
    }
    fft(x, y);
    for (let k = 0; k < room; k++) {
      const [a, b, c, d] = [x[k] ?? 0, y[k] ?? 0, chirpX[k] ?? 0, chirpY[k] ?? 0];
      // Real and imaginary parts change places on the way in and out: that makes the transform the inverse one.
      x[k] = a * d + b * c;
      y[k] = a * c - b * d;
    }
    fft(x, y);
    for (let k = 0; k < size; k++) {
      const [a, b, cos, sin] = [(y[k] ?? 0) / room, (x[k] ?? 0) / room, cosines[k] ?? 0, sines[k] ?? 0];
      real[k] = a * cos + b * sin;
      imaginary[k] = b * cos - a * sin;
    }
  };
}
