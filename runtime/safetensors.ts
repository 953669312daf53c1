/** Named tensors in and out of safetensors bytes. Files larger than memory: `runtime/node/safetensors-file.ts`. */
import { RuntimeError, type TensorData } from './session.ts';
import { decodeElements } from './safetensors/dtypes.ts';
import {
  metadataKey,
  parseHeader,
  prefixBytes,
  readHeaderLength,
  refuse,
  show,
  type SafetensorsEntry,
} from './safetensors/header.ts';

export interface Safetensors {
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Throws a RuntimeError (exit code 5) with the reason; `file` names the bytes in it. */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors'): Safetensors {
  const length = readHeaderLength(bytes, bytes.length, file);
  const dataStart = prefixBytes + length;
  const { entries, metadata } = parseHeader(
    bytes.subarray(prefixBytes, dataStart),
    bytes.length - dataStart,
    file,
  );
  const tensors = new Map<string, TensorData>();
  for (const entry of entries.values()) {
    tensors.set(
      entry.name,
      decodeTensor(entry, bytes.subarray(dataStart + entry.begin, dataStart + entry.end), file),
    );
  }
  return { tensors, metadata };
}

/** `bytes`: the entry's own. */
export function decodeTensor(entry: SafetensorsEntry, bytes: Uint8Array, file: string): TensorData {
  const tensor = decodeElements(entry.dtype, entry.shape, bytes);
  if (typeof tensor === 'string') refuse(file, `tensor \`${show(entry.name)}\`: ${tensor}`);
  return tensor;
}

export interface TensorLayout {
  readonly name: string;
  readonly dtype: TensorData['dtype'];
  readonly shape: readonly number[];
}

/**
 * The header, its length before it and padded to 8 bytes. Tensors lie in the order of their names. Equal arguments
 * give equal bytes. Throws a RuntimeError for a name that the format reserves.
 */
export function encodeHeader(
  layouts: readonly TensorLayout[],
  metadata: ReadonlyMap<string, string>,
): { readonly bytes: Uint8Array; readonly order: readonly string[] } {
  const sorted = layouts.toSorted((a, b) => compare(a.name, b.name));
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].toSorted(([a], [b]) => compare(a, b));
    members.push(`${JSON.stringify(metadataKey)}:{${pairs.map(([key, text]) => pair(key, text)).join(',')}}`);
  }
  let position = 0;
  for (const { name, dtype, shape } of sorted) {
    if (name === metadataKey) throw new RuntimeError(5, `safetensors: no tensor may be named ${metadataKey}`);
    const end = position + 4 * shape.reduce((product, size) => product * size, 1);
    const value = { dtype: dtype === 'f32' ? 'F32' : 'I32', shape, data_offsets: [position, end] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    position = end;
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(prefixBytes + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, prefixBytes);
  return { bytes, order: sorted.map(({ name }) => name) };
}

/** f32 as F32, i32 as I32. See `encodeHeader`. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const layouts = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const { bytes: header, order } = encodeHeader(layouts, metadata);
  const parts = order.map((name) => elementBytes(name, tensors.get(name)?.shape ?? [], tensors.get(name)));
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, header.length));
  result.set(header);
  let position = header.length;
  for (const part of parts) {
    result.set(part, position);
    position += part.length;
  }
  return result;
}

/** The elements' memory, not a copy. Throws an Error where they are not as many as the shape says. */
export function elementBytes(
  name: string,
  shape: readonly number[],
  tensor: TensorData | undefined,
): Uint8Array {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (tensor?.data.length !== elements) {
    throw new Error(`tensor ${name}: ${tensor?.data.length ?? 0} elements for shape [${shape.join(', ')}]`);
  }
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

function pair(key: string, text: string): string {
  return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
