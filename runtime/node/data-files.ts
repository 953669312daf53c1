/** The files of a task's data on disk. */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { DataFiles } from '../data/dataset.ts';
import { RuntimeError } from '../session.ts';
import { explainSystemError } from './system-errors.ts';
import { identifyBytes, identifyFile, type FileIdentity } from './file-identity.ts';
import { createFileSink, createLargeFile } from './large-files.ts';

/** A file that was read, under the name in messages. */
export type ObserveFile = (name: string, identity: FileIdentity) => void;

/** Larger text is read in chunks. */
const heldBytes = 64 * 1024 * 1024;

/**
 * Paths are looked up relative to the working directory, then to `programFolder`, where the `.lm` file (or the bundle)
 * lies: so a program finds its data wherever it is started from, and a path on the command line means what it says.
 */
export function createDataFiles(
  programFolder: string,
  workingFolder: string = process.cwd(),
  observe?: ObserveFile,
  held = heldBytes,
): DataFiles {
  const candidatesOf = (name: string): readonly string[] => [
    ...new Set([workingFolder, programFolder].map((folder) => path.resolve(folder, name))),
  ];
  return {
    async list(name) {
      for (const candidate of candidatesOf(name)) {
        const found = await stat(candidate).catch(() => undefined);
        if (found?.isDirectory() !== true) continue;
        const entries = await readdir(candidate, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => !entry.isDirectory())
          .map((entry) =>
            path.relative(candidate, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'),
          )
          .toSorted();
      }
      return undefined;
    },
    openTokenSink: createFileSink,
    async openLarge(name) {
      for (const candidate of candidatesOf(name)) {
        const found = await stat(candidate).catch(() => undefined);
        if (found === undefined) continue;
        if (!found.isFile() || found.size <= held || (await isCompressed(candidate))) return undefined;
        const file = createLargeFile(candidate, shorten(candidate, workingFolder));
        observe?.(file.name, await identifyFile(candidate));
        return file;
      }
      return undefined;
    },
    async read(name) {
      const candidates = candidatesOf(name);
      for (const candidate of candidates) {
        try {
          const bytes = await readFile(candidate);
          const file = { name: shorten(candidate, workingFolder), bytes };
          observe?.(file.name, identifyBytes(bytes));
          return file;
        } catch (error) {
          if (isAbsent(error)) continue;
          throw explainSystemError(error, `cannot read ${shorten(candidate, workingFolder)}`);
        }
      }
      const looked = candidates.map((candidate) => `\`${shorten(candidate, workingFolder)}\``).join(' or ');
      throw new RuntimeError(
        5,
        `there is no file ${looked}\n  help: paths of data are relative to the working directory, then to the folder of the program`,
      );
    },
  };
}

/** By gzip. */
async function isCompressed(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** Relative where that is a way down: messages are for reading. */
function shorten(file: string, folder: string): string {
  const relative = path.relative(folder, file);
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}
