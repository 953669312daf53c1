/** What trains and what is held out, from one file or from files of their own. */
import type { Split } from './dataset.ts';
import { failAt } from './problem.ts';
import { splitRows, type SplitPlan } from './split.ts';
import { mapSplits } from './text-dataset.ts';

/** The parts of a source with, perhaps, files of their own for what is held out. */
export async function readParts<T>(
  split: SplitPlan,
  rowsOf: (all: T) => number,
  main: T,
  readOther: (path: string) => Promise<T>,
): Promise<Readonly<Record<Split, { readonly all: T; readonly rows: readonly number[] }>>> {
  const indices = splitRows(rowsOf(main), split);
  const held = async (name: 'validation' | 'test', file: string | undefined) => {
    if (file === undefined) return { all: main, rows: indices[name] };
    const all = await readOther(file);
    return { all, rows: Array.from({ length: rowsOf(all) }, (_, k) => k) };
  };
  return {
    train: { all: main, rows: indices.train },
    validation: await held('validation', split.validationFile),
    test: await held('test', split.testFile),
  };
}

/** The rows of the parts, and the notes of every file that they come from. Fails where none is left to train on. */
export function collectParts<T extends { readonly notes: readonly string[] }, Row>(
  parts: Awaited<ReturnType<typeof readParts<T>>>,
  rowsOf: (all: T) => readonly Row[],
  place: string,
): { readonly rows: Readonly<Record<Split, readonly Row[]>>; readonly notes: readonly string[] } {
  const { all, rows } = parts.train;
  if (rows.length === 0)
    failAt(
      place,
      `${rowsOf(all).length} rows leave none to train on after the split`,
      'hold out less: `split{validation=0, test=0.1}`',
    );
  const sources = new Set(Object.values(parts).map((part) => part.all));
  return {
    rows: mapSplits((name) => parts[name].rows.flatMap((row) => rowsOf(parts[name].all)[row] ?? [])),
    notes: [...sources].flatMap(({ notes }) => notes),
  };
}
