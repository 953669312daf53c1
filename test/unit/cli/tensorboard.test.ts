/** Event files, read back by a parser that shares nothing with the writer but the published format. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeGradient } from '../../../runtime/gradient-stats.ts';
import { runCli } from '../../../src/cli/run.ts';
import { crc32c } from '../../../src/cli/tensorboard/crc32c.ts';
import { encodeEvent, histogram, scalars } from '../../../src/cli/tensorboard/events.ts';
import { enterFakeFolder } from './fake-model.ts';
import { fakeIo } from './fake-io.ts';

const fake = vi.hoisted(() => ({ behaviour: {}, config: {} }));

vi.mock('../../../src/cli/open-model.ts', async () => {
  const { fakeOpenModel } = await import('./fake-model.ts');
  return fakeOpenModel(fake);
});

/** Bit by bit, without a table: RFC 3720's polynomial, the lowest bit first. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f6_3b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffff_ffffn);
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282_ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

type Field = { readonly field: number; readonly value: number | Buffer };

function parseMessage(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let [value, shift] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
      shift *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) fields.push({ field, value: varint() });
    else if (wire === 1) fields.push({ field, value: bytes.readDoubleLE((at += 8) - 8) });
    else if (wire === 5) fields.push({ field, value: bytes.readFloatLE((at += 4) - 4) });
    else if (wire === 2) {
      const length = varint();
      fields.push({ field, value: bytes.subarray(at, (at += length)) });
    } else throw new Error(`wire type ${wire}`);
  }
  return fields;
}

const get = (fields: readonly Field[], field: number) => fields.find((each) => each.field === field)?.value;
const inner = (fields: readonly Field[], field: number): readonly Field[] => {
  const value = get(fields, field);
  return Buffer.isBuffer(value) ? parseMessage(value) : [];
};

/** Events of a file; throws where a checksum is wrong. */
function parseEvents(file: Buffer): readonly (readonly Field[])[] {
  const events: (readonly Field[])[] = [];
  let at = 0;
  while (at < file.length) {
    const length = Number(file.readBigUInt64LE(at));
    expect(unmask(file.readUInt32LE(at + 8))).toBe(slowCrc(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(data.length).toBe(length);
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(slowCrc(data));
    events.push(parseMessage(data));
    at += 16 + length;
  }
  return events;
}

/** `[step, tag, value]` */
function scalarsOf(events: readonly (readonly Field[])[]) {
  return events.flatMap((event) =>
    inner(event, 5).flatMap(({ value }) => {
      const summary = Buffer.isBuffer(value) ? parseMessage(value) : [];
      const simple = get(summary, 2);
      return typeof simple === 'number' ? [[get(event, 2), String(get(summary, 1)), simple] as const] : [];
    }),
  );
}

describe('CRC-32C', () => {
  it('has the values of RFC 3720, B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd_794e);
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe306_9283);
  });

  it('is that of the definition', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32c(bytes) === slowCrc(bytes)));
  });
});

describe('an event', () => {
  it('has time, step and scalars', () => {
    const values = new Map([
      ['train/loss', 0.5],
      ['train/überlr', Number.NaN],
    ]);
    const [event = []] = parseEvents(
      Buffer.from(encodeEvent(1_700_000_000.25, 2 ** 40 + 300, scalars(values))),
    );
    expect([get(event, 1), get(event, 2)]).toEqual([1_700_000_000.25, 2 ** 40 + 300]);
    expect(scalarsOf([event]).map(([, tag, value]) => [tag, value])).toEqual([...values]);
  });

  it('has histograms', () => {
    const stats = describeGradient('w', Float32Array.of(1, -2, 0, Number.NaN));
    const [event = []] = parseEvents(Buffer.from(encodeEvent(0, 7, histogram('gradients/w', stats))));
    const value = inner(inner(event, 5), 1);
    expect(String(get(value, 1))).toBe('gradients/w');
    const histo = inner(value, 5);
    expect([1, 2, 3, 4, 5].map((field) => get(histo, field))).toEqual([-2, 1, 3, -1, 5]);
    const list = (field: number): readonly number[] => {
      const bytes = get(histo, field);
      if (!Buffer.isBuffer(bytes)) throw new Error('no list');
      return Array.from({ length: bytes.length / 8 }, (_, at) => bytes.readDoubleLE(8 * at));
    };
    expect(list(7).reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(list(6)).toHaveLength(list(7).length);
    expect(list(6)).toEqual(list(6).toSorted((a, b) => a - b));
  });
});

describe('the files of a run', () => {
  let leave: () => void;
  beforeEach(() => {
    leave = enterFakeFolder();
  });
  afterEach(() => {
    leave();
  });
  const lmc = (args: string) => runCli(args.split(' '), fakeIo());
  const files = (): readonly (readonly (readonly Field[])[])[] =>
    readdirSync('run/tensorboard')
      .toSorted()
      .map((name) => parseEvents(readFileSync(path.join('run/tensorboard', name))));

  it('have every step that the log has', async () => {
    expect(await lmc('train model.lm --data data.safetensors --batch-size 2 --out run --steps 9')).toBe(0);
    const [events = []] = files();
    expect(String(get(events[0] ?? [], 3))).toBe('brain.Event:2');
    const logged = readFileSync('run/log.jsonl', 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'step')
      .map(({ step, loss }) => [step, 'train/loss', Math.fround(loss)]);
    expect(scalarsOf(events).filter(([, tag]) => tag === 'train/loss')).toEqual(logged);
    const time = get(events.at(-1) ?? [], 1);
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('say where a run goes on', async () => {
    await lmc('train model.lm --data data.safetensors --batch-size 2 --out run --steps 5');
    expect(await lmc('train --resume run --steps 8')).toBe(0);
    const [first = [], second = []] = files();
    expect(first.some((event) => inner(event, 7).length > 0)).toBe(false);
    const start = second.find((event) => inner(event, 7).length > 0);
    expect([get(start ?? [], 2), get(inner(start ?? [], 7), 1)]).toEqual([6, 1]);
    expect(
      scalarsOf(second)
        .filter(([, tag]) => tag === 'train/lr')
        .map(([step]) => step),
    ).toEqual([6, 7, 8]);
  });
});
