/** Safetensors: round trips, every way a header can lie, mutated files (LMC_FUZZ: how many). */
import process from 'node:process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../runtime/safetensors.ts';
import { RuntimeError, type TensorData } from '../../../runtime/session.ts';

/** A file of this header, which need not be JSON, and so many bytes of data. */
function fileOf(header: string | object, data: Uint8Array | number = 0, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const tail = typeof data === 'number' ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + json.length + tail.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(tail, 8 + json.length);
  return bytes;
}

const entry = (dtype: string, shape: readonly number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors out and in', () => {
  const tensor = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return fc.oneof(
      fc
        .float32Array({ minLength: length, maxLength: length })
        .map((data): TensorData => ({ dtype: 'f32', shape, data })),
      fc
        .int32Array({ minLength: length, maxLength: length })
        .map((data): TensorData => ({ dtype: 'i32', shape, data })),
    );
  });
  const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__');

  it('gives back what went in, bit for bit', () => {
    fc.assert(
      fc.property(
        fc.dictionary(name, tensor, { maxKeys: 5 }),
        fc.dictionary(name, fc.string({ unit: 'grapheme' }), { maxKeys: 3 }),
        (tensors, metadata) => {
          const bytes = writeSafetensors(new Map(Object.entries(tensors)), new Map(Object.entries(metadata)));
          const read = readSafetensors(bytes);
          expect(Object.fromEntries(read.metadata)).toEqual({ ...metadata });
          expect([...read.tensors.keys()].toSorted()).toEqual(Object.keys(tensors).toSorted());
          for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
            const back = read.tensors.get(key);
            expect(back?.dtype).toBe(dtype);
            expect(back?.shape).toEqual(shape);
            expect(Buffer.from(back?.data.buffer ?? new ArrayBuffer(0))).toEqual(
              Buffer.from(data.buffer, data.byteOffset, data.byteLength),
            );
          }
        },
      ),
    );
  });

  it('writes the same bytes whatever the order of insertion, with the data aligned to 8', () => {
    const a: TensorData = { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) };
    const b: TensorData = { dtype: 'i32', shape: [], data: Int32Array.of(7) };
    const one = writeSafetensors(new Map([['a', a], ['b', b]]), new Map([['x', '1'], ['y', '2']])); // prettier-ignore
    const two = writeSafetensors(new Map([['b', b], ['a', a]]), new Map([['y', '2'], ['x', '1']])); // prettier-ignore
    expect(one).toEqual(two);
    expect((one.length - 12) % 8).toBe(0);
    const text = new TextDecoder().decode(one.subarray(8, one.length - 12));
    expect(text.trimEnd()).toBe(
      '{"__metadata__":{"x":"1","y":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
        '"b":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}',
    );
  });

  it('refuses to write elements that are not as many as the shape says', () => {
    const wrong: TensorData = { dtype: 'f32', shape: [3], data: Float32Array.of(1, 2) };
    expect(() => writeSafetensors(new Map([['a', wrong]]))).toThrow('2 elements for shape [3]');
    const reserved: TensorData = { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) };
    expect(() => writeSafetensors(new Map([['__metadata__', reserved]]))).toThrow('__metadata__');
  });
});

describe('element types', () => {
  const read = (dtype: string, count: number, data: Uint8Array): TensorData | undefined =>
    readSafetensors(fileOf({ t: entry(dtype, [count], 0, data.length) }, data)).tensors.get('t');
  const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer);

  it('of whole numbers become i32', () => {
    expect(read('I64', 3, bytesOf(BigInt64Array.of(-5n, 2147483647n, -2147483648n)))?.data).toEqual(
      Int32Array.of(-5, 2147483647, -2147483648),
    );
    expect(read('U8', 3, Uint8Array.of(0, 128, 255))?.data).toEqual(Int32Array.of(0, 128, 255));
    expect(read('I8', 2, Uint8Array.of(127, 128))?.data).toEqual(Int32Array.of(127, -128));
    expect(read('U16', 2, bytesOf(Uint16Array.of(1, 65535)))?.data).toEqual(Int32Array.of(1, 65535));
    expect(read('I16', 2, bytesOf(Int16Array.of(1, -2)))?.data).toEqual(Int32Array.of(1, -2));
    expect(read('BOOL', 3, Uint8Array.of(0, 1, 1))?.data).toEqual(Int32Array.of(0, 1, 1));
  });

  it('of fractions become f32', () => {
    expect(read('F64', 2, bytesOf(Float64Array.of(0.5, 1e300)))?.data).toEqual(
      Float32Array.of(0.5, Number.POSITIVE_INFINITY),
    );
    const half = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0xfc00, 0x8000];
    expect(read('F16', half.length, bytesOf(Uint16Array.from(half)))?.data).toEqual(
      Float32Array.of(1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
    );
    expect(read('F16', 1, bytesOf(Uint16Array.of(0x7e00)))?.data[0]).toBeNaN();
    expect(read('BF16', 3, bytesOf(Uint16Array.of(0x3f80, 0xc000, 0xff80)))?.data).toEqual(
      Float32Array.of(1, -2, Number.NEGATIVE_INFINITY),
    );
  });

  it('say which element does not fit', () => {
    expect(() => read('I64', 2, bytesOf(BigInt64Array.of(1n, 3000000000n)))).toThrow(
      'tensor `t`: element 1 is 3000000000, which does not fit i32',
    );
    expect(() => read('U32', 1, bytesOf(Uint32Array.of(4294967295)))).toThrow('element 0 is 4294967295');
    expect(() => read('U64', 1, bytesOf(BigUint64Array.of(1n << 63n)))).toThrow('does not fit i32');
    expect(() => read('BOOL', 1, Uint8Array.of(2))).toThrow('element 0 is 2, and a BOOL is 0 or 1');
  });

  it('are read where the data is not aligned', () => {
    const data = new Uint8Array(Float32Array.of(1.5).buffer);
    const padded = `${JSON.stringify({ t: entry('F32', [1], 0, 4) })} `;
    for (let spaces = 0; spaces < 8; spaces++) {
      const file = fileOf(padded + ' '.repeat(spaces), data);
      expect(readSafetensors(file).tensors.get('t')?.data).toEqual(Float32Array.of(1.5));
    }
  });
});

/** What is wrong -> the file, and the words that must be in the reason. */
const hostile: Record<string, [file: Uint8Array, reason: RegExp]> = {
  'an empty file': [new Uint8Array(0), /0 bytes are too few/],
  'a truncated length': [Uint8Array.of(1, 0, 0), /3 bytes are too few/],
  'a header over 100 MB': [
    fileOf('{}', 0, 100_000_001n),
    /claims 100000001 bytes, and 100000000 are allowed/,
  ],
  'a length of 2^64 - 1': [fileOf('{}', 0, (1n << 64n) - 1n), /claims 18446744073709551615 bytes/],
  'a header longer than the file': [fileOf('{}', 0, 500n), /claims 500 bytes, and the file ends after 2/],
  'a header that is not JSON': [fileOf('{"a":'), /not JSON/],
  'a header that is not UTF-8': [notUtf8(), /not JSON/],
  'a header that is a list': [fileOf('[]'), /does not start with `{`/],
  'a header that starts with a space': [fileOf(' {}'), /does not start with `{`/],
  'a name twice': [
    fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    /has the key "a" twice/,
  ], // prettier-ignore
  'a name twice, once escaped': [
    fileOf('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    /has the key "a" twice/,
  ], // prettier-ignore
  'a member twice': [
    fileOf('{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 4),
    /has the key "dtype" twice/,
  ],
  'an unknown member': [
    fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], extra: 1 } }, 4),
    /member `extra`/,
  ],
  'a hole at the start': [
    fileOf({ a: entry('F32', [1], 4, 8) }, 8),
    /no tensor owns bytes 0 to 4, before `a`/,
  ],
  'a hole between': [
    fileOf({ a: entry('F32', [1], 0, 4), b: entry('F32', [1], 8, 12) }, 12),
    /no tensor owns bytes 4 to 8/,
  ],
  'an overlap': [
    fileOf({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, 8),
    /`a` and `b` overlap at byte 4/,
  ],
  'the same bytes twice': [
    fileOf({ a: entry('F32', [1], 0, 4), b: entry('F32', [1], 0, 4) }, 4),
    /overlap at byte 0/,
  ],
  'an offset past the end': [
    fileOf({ a: entry('F32', [2], 0, 8) }, 4),
    /`a` ends at byte 8, and the file's data at 4/,
  ],
  'an end before its beginning': [
    fileOf({ a: entry('F32', [1], 8, 4) }, 8),
    /ends at byte 4, before it begins at 8/,
  ],
  'bytes that do not fit the shape': [
    fileOf({ a: entry('F32', [3], 0, 8) }, 8),
    /F32\[3\] has 12 bytes, its offsets leave 8/,
  ],
  'a shape whose product overflows': [
    fileOf({ a: entry('F32', [4294967296, 4294967296], 0, 4) }, 4),
    /more bytes than can be counted/,
  ],
  'a shape whose bytes overflow': [
    fileOf({ a: entry('F64', [2 ** 52], 0, 8) }, 8),
    /more bytes than can be counted/,
  ],
  'a huge shape': [fileOf({ a: entry('F32', [2 ** 40], 0, 4) }, 4), /has 4398046511104 bytes/],
  'a number above 2^53': [
    fileOf('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
    /9007199254740993, which is not below 2\^53/,
  ],
  'a fraction': [
    fileOf('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4),
    /1\.0, which is not whole/,
  ],
  'an exponent': [
    fileOf('{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4),
    /1e0, which is not whole/,
  ],
  'a negative size': [fileOf({ a: entry('F32', [-1], 0, 4) }, 4), /not a list of whole numbers/],
  'a shape of text': [
    fileOf({ a: { dtype: 'F32', shape: ['1'], data_offsets: [0, 4] } }, 4),
    /not a list of whole/,
  ],
  'three offsets': [
    fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 4] } }, 4),
    /not two whole numbers/,
  ],
  'no element type': [fileOf({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /no `dtype`/],
  'an unknown element type': [
    fileOf({ a: entry('F8_E4M3', [4], 0, 4) }, 4),
    /dtype F8_E4M3; lmc reads BOOL, U8/,
  ],
  'an inherited element type': [fileOf({ a: entry('toString', [4], 0, 4) }, 4), /dtype toString/],
  'a tensor that is a number': [fileOf({ a: 3 }), /`a` is not an object/],
  'a null': [fileOf({ a: null }), /`a` is not an object/],
  'trailing bytes': [fileOf({ a: entry('F32', [1], 0, 4) }, 5), /1 bytes follow the last tensor/],
  'data without tensors': [fileOf({}, 3), /3 bytes follow the last tensor/],
  'metadata that is not text': [fileOf({ __metadata__: { a: 1 } }), /`a` is not a string/],
  'metadata that is a list': [fileOf({ __metadata__: [] }), /not an object/],
  'a name that would redraw the terminal': [fileOf({ '\u001b[2J\n': 3 }), /tensor `�\[2J�` is not/],
  'deep nesting': [fileOf(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`), /not an object/],
};

function notUtf8(): Uint8Array {
  const file = fileOf('{"a ":{}}');
  file[10] = 0xff;
  return file;
}

describe('a safetensors file with', () => {
  it.each(Object.entries(hostile))('%s is refused', (_, [file, reason]) => {
    expect(() => readSafetensors(file, 'weights.safetensors')).toThrow(RuntimeError);
    expect(() => readSafetensors(file, 'weights.safetensors')).toThrow(reason);
    expect(() => readSafetensors(file, 'weights.safetensors')).toThrow('weights.safetensors: ');
  });

  it('a size of 0 and a name like a property of objects is read', () => {
    const header = `{"__proto__":${JSON.stringify(entry('F32', [2 ** 31, 2 ** 31, 0], 0, 0))}}`;
    expect(readSafetensors(fileOf(header)).tensors.get('__proto__')?.shape).toEqual([2 ** 31, 2 ** 31, 0]);
  });

  it('a header of many megabytes of escapes is read without a stack of them', () => {
    const file = fileOf(`{"__metadata__":{"a":"${String.raw`\"`.repeat(2_000_000)}"}}`);
    expect(readSafetensors(file).metadata.get('a')?.length).toBe(2_000_000);
  });
});

describe('mutated safetensors files', () => {
  const good = writeSafetensors(
    new Map<string, TensorData>([
      ['rnn.weight', { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ['steps', { dtype: 'i32', shape: [], data: Int32Array.of(7) }],
      ['tail', { dtype: 'f32', shape: [1], data: Float32Array.of(8) }],
    ]),
    new Map([['format', 'pt']]),
  );

  it('are read or refused with a RuntimeError, and give no tensor larger than the file', () => {
    const edit = fc.record({
      at: fc.nat({ max: good.length - 1 }),
      remove: fc.nat({ max: 6 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc
          .constantFrom(
            '9',
            '99999999999999',
            '-',
            '"',
            '{',
            '}',
            '[',
            ',',
            '0',
            'e9',
            '\\',
            '"a":',
            'F64',
            'I64',
          )
          .map((text) => new TextEncoder().encode(text)),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), (edits, keepLength) => {
        let bytes = [...good];
        for (const { at, remove, insert } of edits) bytes.splice(at, remove, ...insert);
        if (keepLength && bytes.length > 8) {
          // So that most mutations reach the JSON, and not the length before it.
          const header = good.length - 32 - 8 + (bytes.length - good.length);
          const prefix = new Uint8Array(8);
          new DataView(prefix.buffer).setBigUint64(0, BigInt(Math.max(0, header)), true);
          bytes = [...prefix, ...bytes.slice(8)];
        }
        try {
          const { tensors } = readSafetensors(Uint8Array.from(bytes));
          for (const { data } of tensors.values()) expect(data.length).toBeLessThan(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RuntimeError);
        }
      }),
      { numRuns: Number(process.env['LMC_FUZZ'] ?? 2000) },
    );
  });
});
