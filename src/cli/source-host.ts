/** How the compiler reads `.lm` files: the user's from the disk, the library's from `src/std/`. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceHost } from '../lower/lowered.ts';

/** The library lies beside the compiler's sources; from `dist/src/cli` that is two levels further up. */
function findLibrary(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const candidates = [path.resolve(here, '../std'), path.resolve(here, '../../../src/std')];
  return (
    candidates.find((folder) => existsSync(path.join(folder, 'nn.lm'))) ??
    path.resolve(here, '../../../src/std')
  );
}

export interface DiskHost extends SourceHost {
  /** The text behind a span's `file`, be it the user's or the library's. */
  readonly readSpanFile: (file: string) => string | undefined;
  /** Files that were read, in order: what a run folder keeps a copy of. */
  readonly filesRead: () => readonly string[];
}

export function createDiskHost(): DiskHost {
  const library = findLibrary();
  const read = new Set<string>();
  const readFile = (file: string): string | undefined => {
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
    read.add(file);
    // An editor's byte order mark is no part of the text.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  };
  const readLibrary = (name: string): string | undefined => {
    if (!/^[A-Za-z_]\w*$/.test(name)) return undefined;
    const file = path.join(library, `${name}.lm`);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  return {
    readFile,
    readLibrary,
    resolve: (from, target) => path.join(path.dirname(from), target),
    readSpanFile: (file) => {
      const name = /^std\/(\w+)\.lm$/.exec(file)?.[1];
      return (name === undefined ? undefined : readLibrary(name)) ?? readFile(file);
    },
    filesRead: () => [...read],
  };
}

/** Copies in place of the user's files: what a run began with, whatever they are now. */
export function withCopies(host: DiskHost, copies: ReadonlyMap<string, string>): DiskHost {
  const readFile = (file: string): string | undefined => copies.get(file) ?? host.readFile(file);
  return { ...host, readFile, readSpanFile: (file) => copies.get(file) ?? host.readSpanFile(file) };
}
