/** RIFF/WAVE files: PCM of 8, 16, 24 and 32 bits and floating point of 32 and 64, chunks in any order. */
import { failAt, plural } from '../problem.ts';

export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  /** One channel, from −1 to 1. */
  readonly samples: Float64Array;
}

/** What to do with more than one channel: refuse, or take the mean of them. */
export type Channels = 'error' | 'mix';

/** Tags of the chunk `fmt `, with what people call them. */
const pcm = 1;
const float = 3;
const extensible = 0xfffe;
const otherFormats: ReadonlyMap<number, string> = new Map([
  [2, 'ADPCM'],
  [6, 'A-law'],
  [7, 'mu-law'],
  [0x11, 'IMA ADPCM'],
  [0x31, 'GSM'],
  [0x50, 'MPEG'],
  [0x55, 'MP3'],
]);

const convert = (options: string): string => `ffmpeg -i IN.wav ${options}-c:a pcm_s16le OUT.wav`;

interface Format {
  readonly tag: number;
  readonly channels: number;
  readonly rate: number;
  /** Bytes of one sample of one channel. */
  readonly width: number;
}

interface Chunk {
  readonly at: number;
  readonly size: number;
}

/** Throws a RuntimeError with the file, the byte, what is wrong and the cure. */
export function readWav(bytes: Uint8Array, file: string, channels: Channels = 'error'): Sound {
  const { format: formatChunk, data } = findChunks(bytes, file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = readFormat(view, formatChunk, file);
  if (format.channels > 1 && channels === 'error') {
    failAt(
      `${file}, byte ${formatChunk.at + 2}`,
      format.channels === 2 ? 'the recording is stereo' : `the recording has ${format.channels} channels`,
      `write \`channels=mix\` in the features' stage to take the mean of them, or convert the file: ${convert('-ac 1 ')}`,
    );
  }
  const block = format.width * format.channels;
  if (data.size === 0) failAt(`${file}, byte ${data.at}`, 'the recording has no samples', 'remove it');
  if (data.size % block !== 0) {
    failAt(
      `${file}, byte ${data.at - 4}`,
      `the chunk \`data\` has ${plural(data.size, 'byte')}, and a sample of all channels has ${block}: the last one is cut off`,
      `the file is damaged: record or copy it again, or repair it: ${convert('')}`,
    );
  }
  return { rate: format.rate, samples: readSamples(view, data, format, file) };
}

function findChunks(bytes: Uint8Array, file: string): { readonly format: Chunk; readonly data: Chunk } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length === 0) failAt(file, 'the file is empty', 'record or copy it again');
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') {
    failAt(
      `${file}, byte ${tag(0) === 'RIFF' ? 8 : 0}`,
      describeStart(tag(0)),
      `convert it: ffmpeg -i IN -c:a pcm_s16le OUT.wav`,
    );
  }
  const found = new Map<string, Chunk>();
  let at = 12;
  while (at + 8 <= bytes.length && !(found.has('fmt ') && found.has('data'))) {
    const [name, size] = [tag(at), view.getUint32(at + 4, true)];
    const rest = bytes.length - at - 8;
    if (size > rest) {
      failAt(
        `${file}, byte ${at + 4}`,
        size === 0xffffffff
          ? `the size of the chunk \`${printTag(name)}\` was never written, as by a program that wrote into a pipe`
          : `the chunk \`${printTag(name)}\` should have ${plural(size, 'byte')}, and the file ends after ${rest} of them`,
        size === 0xffffffff
          ? `write it to a file: ${convert('')}`
          : 'the file is cut off: record or copy it again',
      );
    }
    if (!found.has(name)) found.set(name, { at: at + 8, size });
    // A chunk of an odd size is followed by a byte that is not counted.
    at += 8 + size + (size % 2);
  }
  const [format, data] = [found.get('fmt '), found.get('data')];
  if (format === undefined || data === undefined) {
    const missing = format === undefined ? 'fmt ' : 'data';
    failAt(
      `${file}, byte ${Math.min(at, bytes.length)}`,
      `the file ends without a chunk \`${missing}\``,
      'the file is cut off, or no recording: record or copy it again',
    );
  }
  return { format, data };
}

function describeStart(tag: string): string {
  switch (tag) {
    case 'RIFF':
      return 'a RIFF file, but not of the kind WAVE';
    case 'RIFX':
      return 'a WAVE file with its bytes in big-endian order';
    case 'RF64':
      return 'a WAVE file of the kind RF64, for more than 4 GB';
    case 'fLaC':
      return 'this is a FLAC file, not WAVE';
    case 'OggS':
      return 'this is an Ogg file, not WAVE';
    default:
      return tag.startsWith('ID3') ? 'this is an MP3 file, not WAVE' : 'this is no WAVE file';
  }
}

function printTag(tag: string): string {
  return tag.replaceAll(/[^\x20-\x7e]/g, '?');
}

function readFormat(view: DataView, { at, size }: Chunk, file: string): Format {
  const damaged = 'the header is damaged: record or copy the file again';
  if (size < 16)
    failAt(`${file}, byte ${at - 4}`, `the chunk \`fmt \` has ${size} bytes, and needs 16`, damaged);
  const written = view.getUint16(at, true);
  const isExtensible = written === extensible;
  if (isExtensible && size < 40)
    failAt(
      `${file}, byte ${at - 4}`,
      `the extensible chunk \`fmt \` has ${size} bytes, and needs 40`,
      damaged,
    );
  // The first two bytes of the sub-format's identifier are the tag.
  const tag = isExtensible ? view.getUint16(at + 24, true) : written;
  const channels = view.getUint16(at + 2, true);
  const rate = view.getUint32(at + 4, true);
  const block = view.getUint16(at + 12, true);
  const bits = view.getUint16(at + 14, true);
  if (tag !== pcm && tag !== float) {
    const name = otherFormats.get(tag) ?? `format ${tag}`;
    failAt(
      `${file}, byte ${isExtensible ? at + 24 : at}`,
      `the samples are ${name}, and PCM or floating point is read`,
      `convert it: ${convert('')}`,
    );
  }
  if (channels === 0) failAt(`${file}, byte ${at + 2}`, 'the recording has 0 channels', damaged);
  if (rate === 0) failAt(`${file}, byte ${at + 4}`, 'the recording has 0 samples a second', damaged);
  const width = Math.ceil(bits / 8);
  if (!(tag === pcm ? [1, 2, 3, 4] : [4, 8]).includes(width)) {
    failAt(
      `${file}, byte ${at + 14}`,
      `samples of ${bits} bits${tag === float ? ' in floating point' : ''}: 8, 16, 24 and 32 are read, and 32 and 64 in floating point`,
      `convert it: ${convert('')}`,
    );
  }
  if (block !== width * channels)
    failAt(
      `${file}, byte ${at + 12}`,
      `a block of ${block} bytes does not hold ${plural(channels, 'channel')} of ${bits} bits`,
      damaged,
    );
  return { tag, channels, rate, width };
}

function readSamples(view: DataView, data: Chunk, format: Format, file: string): Float64Array {
  const { channels, width } = format;
  const read = sampleReader(view, format);
  const samples = new Float64Array(data.size / (width * channels));
  for (let at = 0; at < samples.length; at++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += read(data.at + (at * channels + channel) * width);
    if (!Number.isFinite(sum)) {
      failAt(
        `${file}, byte ${data.at + at * channels * width}`,
        `sample ${at} is not a finite number`,
        'the file is damaged: record or copy it again',
      );
    }
    samples[at] = sum / channels;
  }
  return samples;
}

function sampleReader(view: DataView, { tag, width }: Format): (at: number) => number {
  if (tag === float)
    return width === 4 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  switch (width) {
    // The only width that is unsigned.
    case 1:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 2:
      return (at) => view.getInt16(at, true) / 2 ** 15;
    case 3:
      return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
    default:
      return (at) => view.getInt32(at, true) / 2 ** 31;
  }
}
