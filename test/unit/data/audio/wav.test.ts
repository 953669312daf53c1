/** WAVE files of every kind that is read, and what is said of those that are not. */
import { describe, expect, it } from 'vitest';
import { readWav } from '../../../../runtime/data/audio/wav.ts';
import { makeWav } from './make-wav.ts';

const samples = [0, 0.5, -0.5, 0.25, -1, 0.125];

describe('samples', () => {
  it.each([
    [{ bits: 8 }],
    [{ bits: 16 }],
    [{ bits: 24 }],
    [{ bits: 32 }],
    [{ tag: 3, bits: 32 }],
    [{ tag: 3, bits: 64 }],
    [{ bits: 24, extensible: true }],
    [{ tag: 3, bits: 32, extensible: true }],
    [{ before: [['LIST', [1, 2, 3]]], between: [['fact', [1, 2, 3, 4]]] }],
    [{ dataFirst: true, bits: 24 }],
  ] as const)('come out of %o', (options) => {
    const sound = readWav(makeWav(samples, { rate: 11025, ...options }), 'x.wav');
    expect(sound.rate).toBe(11025);
    expect([...sound.samples]).toEqual(samples);
  });

  it('of several channels are their mean, where that is wanted', () => {
    const sound = readWav(makeWav([0.5, 0.25, -1, 0], { channels: 2 }), 'x.wav', 'mix');
    expect([...sound.samples]).toEqual([0.375, -0.5]);
  });

  it('come from a part of a larger buffer', () => {
    const wav = makeWav(samples);
    const buffer = new Uint8Array(wav.length + 7);
    buffer.set(wav, 7);
    expect([...readWav(buffer.subarray(7), 'x.wav').samples]).toEqual(samples);
  });
});

describe('a file that cannot be read', () => {
  const wav = makeWav(samples);
  const change = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const copy = wav.slice();
    copy.set(bytes, at);
    return copy;
  };
  const changeFirst = (at: number, byte: number): Uint8Array => {
    const copy = makeWav(samples, { dataFirst: true });
    copy[at] = byte;
    return copy;
  };
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  it.each([
    ['nothing in it', new Uint8Array(), 'x.wav: the file is empty'],
    [
      'a text',
      text('path\ttext\n1.wav\tone'),
      'x.wav, byte 0: this is no WAVE file\n  help: convert it: ffmpeg',
    ],
    ['an MP3', text('ID3.............'), 'this is an MP3 file'],
    ['a FLAC', text('fLaC............'), 'this is a FLAC file'],
    ['another RIFF', text('RIFF....AVI ....'), 'x.wav, byte 8: a RIFF file, but not of the kind WAVE'],
    [
      'its end cut off',
      wav.slice(0, 50),
      'x.wav, byte 40: the chunk `data` should have 12 bytes, and the file ends after 6 of them\n  help: the file is cut off: record or copy it again',
    ],
    ['its data cut off', wav.slice(0, 36), 'x.wav, byte 36: the file ends without a chunk `data`'],
    ['its header cut off', wav.slice(0, 12), 'x.wav, byte 12: the file ends without a chunk `fmt `'],
    [
      'a size that was never written',
      change(40, 0xff, 0xff, 0xff, 0xff),
      'byte 40: the size of the chunk `data` was never written, as by a program that wrote into a pipe',
    ],
    ['no samples', makeWav([]), 'x.wav, byte 44: the recording has no samples'],
    [
      'half a sample',
      change(40, 11),
      'x.wav, byte 40: the chunk `data` has 11 bytes, and a sample of all channels has 2: the last one is cut off',
    ],
    [
      'two channels',
      makeWav(samples, { channels: 2 }),
      'x.wav, byte 22: the recording is stereo\n  help: write `channels=mix`',
    ],
    ['six channels', makeWav(samples, { channels: 6 }), 'the recording has 6 channels'],
    ['no channel', change(22, 0), 'x.wav, byte 22: the recording has 0 channels'],
    ['no rate', change(24, 0, 0), 'x.wav, byte 24: the recording has 0 samples a second'],
    ['mu-law', change(20, 7), 'x.wav, byte 20: the samples are mu-law, and PCM or floating point is read'],
    ['another format', change(20, 99), 'the samples are format 99'],
    ['40 bits', change(34, 40), 'x.wav, byte 34: samples of 40 bits: 8, 16, 24 and 32 are read'],
    [
      'a block that does not fit',
      change(32, 4),
      'x.wav, byte 32: a block of 4 bytes does not hold 1 channel of 16 bits',
    ],
    ['a short format', changeFirst(36, 14), 'x.wav, byte 36: the chunk `fmt ` has 14 bytes, and needs 16'],
    [
      'numbers that are none',
      makeWav([0, Number.NaN], { tag: 3, bits: 32 }),
      'x.wav, byte 48: sample 1 is not a finite number',
    ],
  ])('has %s', (_what, bytes, message) => {
    expect(() => readWav(bytes, 'x.wav')).toThrow(message);
  });
});
