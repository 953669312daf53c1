/**
 * The header of a safetensors file: 8 bytes of length, JSON, padding. Everything is checked before anything is
 * allocated for a tensor. https://github.com/huggingface/safetensors#format
 */
import { RuntimeError } from '../session.ts';
import { checkJson } from './check-json.ts';
import { byteSizes, isSupportedDType, type SafetensorsDType } from './dtypes.ts';

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Of the product of `shape`. */
  readonly elements: number;
  /** In bytes from the end of the header, the end exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** By name, in the order of their bytes. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Bytes before the first tensor: 8 and the length of the JSON. */
  readonly dataStart: number;
}

/** As in the reference implementation. */
export const maximumHeaderBytes = 100_000_000;
export const prefixBytes = 8;
export const metadataKey = '__metadata__';

/** `file` is for messages. */
export function refuse(file: string, reason: string): never {
  throw new RuntimeError(5, `${file}: ${reason}`);
}

/** The length of the JSON, from the file's first 8 bytes and its size. Throws a RuntimeError. */
export function readHeaderLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < prefixBytes || prefix.length < prefixBytes) {
    refuse(file, `not a safetensors file: ${fileBytes} bytes are too few for one`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixBytes).getBigUint64(0, true);
  if (length > BigInt(maximumHeaderBytes)) {
    refuse(
      file,
      `not a safetensors file, or a damaged one: the header claims ${length} bytes, and ${maximumHeaderBytes} are allowed`,
    );
  }
  if (Number(length) > fileBytes - prefixBytes) {
    refuse(file, `the header claims ${length} bytes, and the file ends after ${fileBytes - prefixBytes}`);
  }
  return Number(length);
}

/** `dataBytes`: what follows the header in the file. Throws a RuntimeError with the reason. */
export function parseHeader(json: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  const parsed = parseJson(json, file);
  const entries: SafetensorsEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(parsed)) {
    if (name === metadataKey) metadata = readMetadata(value, file);
    else entries.push(readEntry(name, value, dataBytes, file));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(entries, dataBytes, file);
  return {
    entries: new Map(entries.map((entry) => [entry.name, entry])),
    metadata,
    dataStart: prefixBytes + json.length,
  };
}

function parseJson(json: Uint8Array, file: string): object {
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    if (!text.startsWith('{')) refuse(file, 'the header does not start with `{`');
    value = JSON.parse(text);
    const problem = checkJson(text);
    if (problem !== undefined) refuse(file, `the header ${problem}`);
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    refuse(file, `the header is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return isObject(value) ? value : refuse(file, 'the header is not a JSON object');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readMetadata(value: unknown, file: string): ReadonlyMap<string, string> {
  if (!isObject(value)) refuse(file, `\`${metadataKey}\` is not an object`);
  const result = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') refuse(file, `\`${metadataKey}\`: \`${show(key)}\` is not a string`);
    result.set(key, text);
  }
  return result;
}

function readEntry(name: string, value: unknown, dataBytes: number, file: string): SafetensorsEntry {
  const what = `tensor \`${show(name)}\``;
  if (!isObject(value)) refuse(file, `${what} is not an object`);
  const known = new Set(['dtype', 'shape', 'data_offsets']);
  const { dtype, shape, data_offsets: offsets } = { ...value } as Partial<Record<string, unknown>>;
  for (const key of Object.keys(value)) {
    if (!known.has(key)) refuse(file, `${what} has a member \`${show(key)}\` that the format does not know`);
  }
  if (typeof dtype !== 'string') refuse(file, `${what} has no \`dtype\``);
  if (!isSupportedDType(dtype)) {
    refuse(file, `${what} has dtype ${show(dtype)}; lmc reads ${Object.keys(byteSizes).join(', ')}`);
  }
  if (!isSizes(shape)) refuse(file, `${what} has a shape that is not a list of whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    refuse(file, `${what} has \`data_offsets\` that are not two whole numbers`);
  }
  const [begin = 0, end = 0] = offsets;
  if (end < begin) refuse(file, `${what} ends at byte ${end}, before it begins at ${begin}`);
  if (end > dataBytes) refuse(file, `${what} ends at byte ${end}, and the file's data at ${dataBytes}`);
  const elements = multiplySizes(shape);
  const bytes = elements === undefined ? undefined : elements * byteSizes[dtype];
  if (elements === undefined || bytes === undefined || !Number.isSafeInteger(bytes)) {
    refuse(file, `${what} of shape [${shape.slice(0, 8).join(', ')}] has more bytes than can be counted`);
  }
  if (bytes !== end - begin) {
    refuse(
      file,
      `${what}: ${dtype}[${shape.slice(0, 8).join(', ')}] has ${bytes} bytes, its offsets leave ${end - begin}`,
    );
  }
  return { name, dtype, shape, elements, begin, end };
}

function isSizes(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.every((size) => Number.isSafeInteger(size) && !Object.is(size, -0) && Number(size) >= 0)
  );
}

/** Undefined where the product is not exact. A 0 anywhere makes it 0, however large the rest. */
function multiplySizes(shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  let product = 1;
  for (const size of shape) {
    product *= size;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}

/** The format allows neither holes nor overlaps: a file must not carry what no reader sees. */
function checkLayout(entries: readonly SafetensorsEntry[], dataBytes: number, file: string): void {
  let position = 0;
  let before = '';
  for (const { name, begin, end } of entries) {
    if (begin < position) {
      refuse(file, `tensors \`${show(before)}\` and \`${show(name)}\` overlap at byte ${begin}`);
    }
    if (begin > position)
      refuse(file, `no tensor owns bytes ${position} to ${begin}, before \`${show(name)}\``);
    position = end;
    before = name;
  }
  if (position < dataBytes) {
    refuse(file, `${dataBytes - position} bytes follow the last tensor and belong to none`);
  }
}

/** A name from a file that nobody vouches for, fit for one line of a terminal. */
export function show(name: string): string {
  const printable = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�');
  return printable.length > 80 ? `${printable.slice(0, 77)}…` : printable;
}
