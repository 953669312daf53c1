/** Run folders below a place. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { RuntimeError } from '../../../runtime/session.ts';
import { readRun, type Run } from './read-run.ts';

/** Folders below the place that are looked into. */
const depth = 3;
const passedOver = new Set(['node_modules', 'checkpoints', 'sources', 'tensorboard']);

/**
 * Runs in `place` and below it, the oldest first; a folder that only looks like one is told to `onBroken`. Throws a
 * RuntimeError (exit code 5) where there is no such folder.
 */
export function findRuns(place: string, onBroken: (message: string) => void): readonly Run[] {
  if (!existsSync(place) || !statSync(place).isDirectory())
    throw new RuntimeError(5, `there is no folder ${place}`);
  return foldersBelow(place, depth)
    .filter(
      (folder) => existsSync(path.join(folder, 'config.json')) && existsSync(path.join(folder, 'sources')),
    )
    .flatMap((folder) => {
      try {
        return [readRun(folder)];
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        onBroken(error.message);
        return [];
      }
    })
    .toSorted((a, b) => a.started.getTime() - b.started.getTime());
}

function foldersBelow(place: string, levels: number): readonly string[] {
  if (levels === 0) return [place];
  const inner = readdirSync(place, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !passedOver.has(entry.name))
    .flatMap(({ name }) => foldersBelow(path.join(place, name), levels - 1));
  return [place, ...inner];
}
