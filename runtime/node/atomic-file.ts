/**
 * A file that is the old one or the whole new one, whatever happens in between: temporary sibling, fsync, rename,
 * fsync of the folder.
 */
import { open, mkdir, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { RuntimeError } from '../session.ts';

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

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'the disk is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'a file of that name is in the way',
  EMFILE: 'too many files are open',
  EFBIG: 'the file would be larger than the system allows',
  EIO: 'the disk reports a fault',
  ERR_FS_FILE_TOO_LARGE: 'the file is too large to be read at once',
};

/** A RuntimeError with exit code 5 for what the system refused; everything else as it is. */
export function explainSystemError(error: unknown, what: string): unknown {
  const code = codeOf(error);
  if (error instanceof RuntimeError || (reasons[code] === undefined && !/^E[A-Z0-9]+$/.test(code)))
    return error;
  return new RuntimeError(5, `${what}: ${reasons[code] ?? code} (${code})`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
