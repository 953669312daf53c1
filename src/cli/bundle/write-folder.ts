/** Writes a bundle's folder: it is the old one or the whole new one, and what others put into it stays. */
import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { CommandError, exitCodes } from '../exit.ts';
import type { DataCopy } from './data-files.ts';

/** What a bundle consists of; everything else in its folder is the user's. */
const ownEntries = new Set([
  'README.md',
  'data',
  'index.html',
  'kernels',
  'model.d.ts',
  'model.js',
  'model.ts',
  'package.json',
  'plan.json',
  'runtime',
  'train.js',
]);

/** Throws a CommandError where the folder holds something else, and the system's errors. */
export function writeBundleFolder(
  folder: string,
  files: ReadonlyMap<string, string>,
  copies: readonly DataCopy[],
): void {
  const target = path.resolve(folder);
  refuseForeign(target, folder);
  mkdirSync(path.dirname(target), { recursive: true });
  // Not mkdtemp: its folders are for one user alone, and a bundle is given away.
  const fresh = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}-${randomUUID()}`);
  mkdirSync(fresh);
  try {
    for (const [name, text] of files) {
      const file = path.join(fresh, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    for (const { from, to } of copies) {
      const file = path.join(fresh, to);
      mkdirSync(path.dirname(file), { recursive: true });
      copyFileSync(from, file);
    }
    swap(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
}

function refuseForeign(target: string, named: string): void {
  if (!existsSync(target)) return;
  const entries = readdirSync(target);
  if (entries.length === 0 || isBundle(path.join(target, 'plan.json'))) return;
  throw new CommandError(
    exitCodes.files,
    `${named} exists and is no bundle: name a new folder, so that nothing in it is lost`,
  );
}

function isBundle(plan: string): boolean {
  return existsSync(plan) && readFileSync(plan, 'utf8').slice(0, 100).includes('"lmc-plan"');
}

/** What the user added (`node_modules`, runs, parameters) moves from the old folder to the new one. */
function swap(fresh: string, target: string): void {
  if (!existsSync(target)) {
    renameSync(fresh, target);
    return;
  }
  const old = `${fresh}.old`;
  renameSync(target, old);
  renameSync(fresh, target);
  for (const entry of readdirSync(old))
    if (!ownEntries.has(entry)) renameSync(path.join(old, entry), path.join(target, entry));
  rmSync(old, { recursive: true, force: true });
}
