/** Element types of safetensors, and how they become the runtime's f32 and i32. */
import type { TensorData } from '../session.ts';

/** Bytes of an element. */
export const byteSizes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type SafetensorsDType = keyof typeof byteSizes;

export function isSupportedDType(name: string): name is SafetensorsDType {
  return Object.hasOwn(byteSizes, name);
}

const asInteger: Partial<Record<SafetensorsDType, (view: DataView, at: number) => number | bigint>> = {
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  U16: (view, at) => view.getUint16(at, true),
  I16: (view, at) => view.getInt16(at, true),
  U32: (view, at) => view.getUint32(at, true),
  U64: (view, at) => view.getBigUint64(at, true),
  I64: (view, at) => view.getBigInt64(at, true),
};

const asFloat: Partial<Record<SafetensorsDType, (view: DataView, at: number) => number>> = {
  F16: (view, at) => float16(view.getUint16(at, true)),
  F64: (view, at) => view.getFloat64(at, true),
};

/**
 * Row-major elements to f32 (F64 rounded, F16 and BF16 exact) or i32 (BOOL as 0 and 1). `bytes` has exactly the
 * tensor's bytes. Returns a reason where a number does not fit.
 */
export function decodeElements(
  dtype: SafetensorsDType,
  shape: readonly number[],
  bytes: Uint8Array,
): TensorData | string {
  const size = byteSizes[dtype];
  const elements = bytes.length / size;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'F32') return { dtype: 'f32', shape, data: new Float32Array(copyWords(bytes)) };
  if (dtype === 'I32') return { dtype: 'i32', shape, data: new Int32Array(copyWords(bytes)) };
  if (dtype === 'BF16') {
    const words = new Uint32Array(elements);
    for (let k = 0; k < elements; k++) words[k] = view.getUint16(2 * k, true) << 16;
    return { dtype: 'f32', shape, data: new Float32Array(words.buffer) };
  }
  const readFloat = asFloat[dtype];
  if (readFloat !== undefined) {
    const data = new Float32Array(elements);
    for (let k = 0; k < elements; k++) data[k] = readFloat(view, size * k);
    return { dtype: 'f32', shape, data };
  }
  const data = new Int32Array(elements);
  if (dtype === 'BOOL') {
    for (let k = 0; k < elements; k++) {
      const value = bytes[k] ?? 0;
      if (value > 1) return `element ${k} is ${value}, and a BOOL is 0 or 1`;
      data[k] = value;
    }
    return { dtype: 'i32', shape, data };
  }
  const readInteger = asInteger[dtype];
  if (readInteger === undefined) return `${dtype} cannot be read`;
  for (let k = 0; k < elements; k++) {
    const value = readInteger(view, size * k);
    if (value > 2147483647 || value < -2147483648) return `element ${k} is ${value}, which does not fit i32`;
    data[k] = Number(value);
  }
  return { dtype: 'i32', shape, data };
}

/** A buffer of its own, aligned. WebGPU's hosts are little-endian, as the format is. */
function copyWords(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** IEEE 754 binary16. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
