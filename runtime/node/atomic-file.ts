/**
 * A file that is the old one or the whole new one, whatever happens in between: temporary sibling, fsync, rename,
 * fsync of the folder.
 */
import { access, constants, open, mkdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { codeOf, explainSystemError } from './system-errors.ts';

/** What is written; parts may be made as they are needed. */
export type FileParts = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

let serial = 0;

/**
 * Makes the folder, too. Throws a RuntimeError (exit code 5) that says what the system refused; the old file is then
 * untouched and no temporary one is left.
 */
export async function writeFileAtomic(file: string, parts: FileParts): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}.${serial++}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      for await (const part of parts) await writeWhole(handle, part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explainSystemError(error, `cannot write ${file}`);
  }
}

/**
 * Makes the folder of a file that is to be written later, and throws a RuntimeError (exit code 5) where nothing may be
 * written there: before hours of work, not after them.
 */
export async function checkWritable(file: string): Promise<void> {
  try {
    const folder = path.dirname(file);
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory() === true) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
  } catch (error) {
    throw explainSystemError(error, `cannot write ${file}`);
  }
}

/** Node passes at most 2^31 - 1 bytes to a write, and the system may take fewer. */
const writeBytes = 1 << 28;

/** Throws the system's error. */
export async function writeWhole(handle: FileHandle, part: Uint8Array | string): Promise<void> {
  const bytes = typeof part === 'string' ? Buffer.from(part) : part;
  let position = 0;
  while (position < bytes.length) {
    const length = Math.min(writeBytes, bytes.length - position);
    const { bytesWritten } = await handle.write(bytes, position, length);
    if (bytesWritten === 0) throw Object.assign(new Error('the disk took no bytes'), { code: 'ENOSPC' });
    position += bytesWritten;
  }
}

/** So that the rename outlives a power cut. Not every system opens folders, and those that do not need not. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes(codeOf(error))) throw error;
  } finally {
    await handle?.close();
  }
}
