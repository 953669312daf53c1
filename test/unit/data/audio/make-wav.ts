/** WAVE files for tests, byte by byte. */

export interface WavOptions {
  /** 1 for PCM, 3 for floating point. */
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly extensible?: boolean;
  /** Chunks before `fmt ` and between it and `data`. */
  readonly before?: readonly (readonly [string, readonly number[]])[];
  readonly between?: readonly (readonly [string, readonly number[]])[];
  readonly dataFirst?: boolean;
}

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, k) => Math.floor(value / 2 ** (8 * k)) & 0xff);

function chunk(name: string, body: readonly number[]): number[] {
  return [...ascii(name), ...little(body.length, 4), ...body, ...(body.length % 2 === 1 ? [0] : [])];
}

/** `samples`: channels interleaved, from −1 to 1. */
export function makeWav(samples: ArrayLike<number>, options: WavOptions = {}): Uint8Array {
  const { tag = 1, channels = 1, rate = 8000, bits = 16, extensible = false } = options;
  const { before = [], between = [], dataFirst = false } = options;
  const width = bits / 8;
  const format = [
    ...little(extensible ? 0xfffe : tag, 2),
    ...little(channels, 2),
    ...little(rate, 4),
    ...little(rate * channels * width, 4),
    ...little(channels * width, 2),
    ...little(bits, 2),
    ...(extensible
      ? [
          ...little(22, 2),
          ...little(bits, 2),
          ...little(4, 4),
          ...little(tag, 2),
          ...Array.from({ length: 14 }, () => 0),
        ]
      : []),
  ];
  const data = Array.from(samples).flatMap((sample) => sampleBytes(sample, tag, width));
  const parts = [chunk('fmt ', format), ...between.map((each) => chunk(...each)), chunk('data', data)];
  const body = [...before.map((each) => chunk(...each)), ...(dataFirst ? parts.toReversed() : parts)].flat();
  return Uint8Array.from([...ascii('RIFF'), ...little(body.length + 4, 4), ...ascii('WAVE'), ...body]);
}

function sampleBytes(sample: number, tag: number, width: number): number[] {
  if (tag === 3) {
    const view = new DataView(new ArrayBuffer(width));
    if (width === 4) view.setFloat32(0, sample, true);
    else view.setFloat64(0, sample, true);
    return [...new Uint8Array(view.buffer)];
  }
  const value = Math.round(sample * 2 ** (8 * width - 1));
  return width === 1 ? [value + 128] : little(value, width);
}
