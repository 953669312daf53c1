/** Files that are larger than what is held in memory: data that is read in chunks, and tokens in a file of their own. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { LargeFile } from '../data/dataset.ts';
import type { TokenSink } from '../data/token-store.ts';
import { explainSystemError } from './system-errors.ts';

const chunkBytes = 1 << 20;

/** `name` is for messages. Throws a RuntimeError (exit code 5) when it cannot be read. */
export function createLargeFile(file: string, name: string): LargeFile {
  return {
    name,
    *chunks() {
      const handle = guard(name, 'read', () => openSync(file, 'r'));
      try {
        for (let position = 0; ;) {
          const bytes = new Uint8Array(chunkBytes);
          const at = position;
          const count = guard(name, 'read', () => readSync(handle, bytes, 0, chunkBytes, at));
          if (count === 0) return;
          yield bytes.subarray(0, count);
          position += count;
        }
      } finally {
        closeSync(handle);
      }
    },
  };
}

/** Tokens are written at once when so many are there, and so many bytes are read at once at most. */
const bufferedTokens = 1 << 18;

/**
 * Tokens in a file below the system's folder for such (`TMPDIR`), with as few bytes each as they need; it is gone when
 * the process ends. Throws a RuntimeError (exit code 5) where the disk is full.
 */
export function createFileSink(size: number): TokenSink {
  const folder = guard(tmpdir(), 'write to', () => mkdtempSync(path.join(tmpdir(), 'lmc-tokens-')));
  const file = path.join(folder, 'tokens');
  const handle = guard(file, 'write', () => openSync(file, 'w+'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    // Where the system lets go of a name while the file is open, a process that is killed leaves nothing either.
    remove();
  } catch {
    process.once('exit', remove);
  }
  const View = size <= 1 << 8 ? Uint8Array : size <= 1 << 16 ? Uint16Array : Int32Array;
  const width = View.BYTES_PER_ELEMENT;
  const buffer = new View(bufferedTokens);
  let [filled, length] = [0, 0];
  const flush = (): void => {
    const bytes = new Uint8Array(buffer.buffer, 0, filled * width);
    guard(file, 'write', () => writeAll(handle, bytes, (length - filled) * width));
    filled = 0;
  };
  return {
    add: (ids) => {
      for (const id of ids) {
        buffer[filled++] = id;
        length++;
        if (filled === bufferedTokens) flush();
      }
    },
    done: () => {
      flush();
      return {
        length,
        subarray: (start, end) => {
          const data = new View(Math.max(0, Math.min(end, length) - start));
          guard(file, 'read', () => readAll(handle, new Uint8Array(data.buffer), start * width));
          return Int32Array.from(data);
        },
      };
    },
  };
}

function writeAll(handle: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at, bytes.length - at, position + at);
}

function readAll(handle: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) {
    const count = readSync(handle, bytes, at, bytes.length - at, position + at);
    if (count === 0) throw new Error('the file of tokens ended while it was read');
    at += count;
  }
}

function guard<T>(name: string, verb: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw explainSystemError(error, `cannot ${verb} ${name}`);
  }
}
