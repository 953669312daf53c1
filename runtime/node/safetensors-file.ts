/** Safetensors files on disk: read tensor by tensor (files may be larger than memory), written atomically. */
import { open, type FileHandle } from 'node:fs/promises';
import {
  decodeTensor,
  elementBytes,
  encodeHeader,
  type Safetensors,
  type TensorLayout,
} from '../safetensors.ts';
import {
  parseHeader,
  prefixBytes,
  readHeaderLength,
  show,
  type SafetensorsEntry,
} from '../safetensors/header.ts';
import { RuntimeError, type TensorData } from '../session.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { explainSystemError } from './system-errors.ts';

/** Node's limit for one read is 2^31 - 1 bytes. */
const readBytes = 1 << 28;

/** An open file: its header is checked, its tensors are on disk. */
export class SafetensorsFile {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #handle: FileHandle;
  readonly #file: string;
  readonly #dataStart: number;

  private constructor(
    handle: FileHandle,
    file: string,
    header: {
      entries: ReadonlyMap<string, SafetensorsEntry>;
      metadata: ReadonlyMap<string, string>;
      dataStart: number;
    },
  ) {
    this.#handle = handle;
    this.#file = file;
    this.#dataStart = header.dataStart;
    this.entries = header.entries;
    this.metadata = header.metadata;
  }

  /** Throws a RuntimeError (exit code 5) with the reason. */
  static async open(file: string): Promise<SafetensorsFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, 'r');
      const { size } = await handle.stat();
      const prefix = await readRange(handle, 0, Math.min(size, prefixBytes), file);
      const length = readHeaderLength(prefix, size, file);
      const json = await readRange(handle, prefixBytes, length, file);
      return new SafetensorsFile(handle, file, parseHeader(json, size - prefixBytes - length, file));
    } catch (error) {
      await handle?.close();
      throw explainSystemError(error, `cannot read ${file}`);
    }
  }

  /** Throws a RuntimeError where there is no such tensor or its numbers do not fit f32 or i32. */
  async read(name: string): Promise<TensorData> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new RuntimeError(5, `${this.#file}: no tensor \`${show(name)}\``);
    try {
      const start = this.#dataStart + entry.begin;
      const bytes = await readRange(this.#handle, start, entry.end - entry.begin, this.#file);
      return decodeTensor(entry, bytes, this.#file);
    } catch (error) {
      throw explainSystemError(error, `cannot read ${this.#file}`);
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Fills its buffer as the file gives bytes: one that shrank meanwhile is an error, not zeros. */
async function readRange(
  handle: FileHandle,
  start: number,
  length: number,
  file: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(
      bytes,
      filled,
      Math.min(readBytes, length - filled),
      start + filled,
    );
    if (bytesRead === 0) throw new RuntimeError(5, `${file}: ended while it was read`);
    filled += bytesRead;
  }
  return bytes;
}

/** The whole file. Throws a RuntimeError (exit code 5) with the reason. */
export async function readSafetensorsFile(file: string): Promise<Safetensors> {
  const opened = await SafetensorsFile.open(file);
  try {
    const tensors = new Map<string, TensorData>();
    for (const name of opened.entries.keys()) tensors.set(name, await opened.read(name));
    return { tensors, metadata: opened.metadata };
  } finally {
    await opened.close();
  }
}

/** A tensor that is fetched when its turn comes. */
export interface LazyTensor extends TensorLayout {
  readonly load: () => Promise<TensorData>;
}

/**
 * Writes atomically; tensors in the order of their names, one in memory at a time where they are lazy. Throws a
 * RuntimeError (exit code 5) for what the system refuses; the old file is then untouched.
 */
export async function writeSafetensorsFile(
  file: string,
  tensors: ReadonlyMap<string, TensorData> | readonly LazyTensor[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const list = isLazy(tensors) ? tensors : [...tensors].map(([name, tensor]) => eager(name, tensor));
  await writeFileAtomic(file, makeParts(list, metadata));
}

async function* makeParts(
  list: readonly LazyTensor[],
  metadata: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array> {
  const byName = new Map(list.map((tensor) => [tensor.name, tensor]));
  const { bytes, order } = encodeHeader(list, metadata);
  yield bytes;
  for (const name of order) {
    const tensor = byName.get(name);
    yield elementBytes(name, tensor?.shape ?? [], await tensor?.load());
  }
}

function isLazy(
  tensors: ReadonlyMap<string, TensorData> | readonly LazyTensor[],
): tensors is readonly LazyTensor[] {
  return Array.isArray(tensors);
}

function eager(name: string, tensor: TensorData): LazyTensor {
  return { name, dtype: tensor.dtype, shape: tensor.shape, load: () => Promise.resolve(tensor) };
}
