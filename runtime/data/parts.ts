/** What trains and what is held out, from one file or from files of their own. */
import type { Split } from './dataset.ts';
import { failAt, listNames } from './problem.ts';
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

/**
 * The parts by the values of a column; a part that is a share takes it of what is left. `values`: by row. Fails where no
 * row has any of a part's values.
 */
export function partsByColumn<T>(
  split: SplitPlan,
  all: T,
  values: readonly string[],
): Readonly<Record<Split, { readonly all: T; readonly rows: readonly number[] }>> {
  const { column = '', validationFile, testFile, place } = split;
  const take = (wanted: string | undefined): readonly number[] => {
    if (wanted === undefined) return [];
    const set = new Set(wanted.split(/\s+/u));
    const rows = values.flatMap((value, row) => (set.has(value) ? [row] : []));
    if (rows.length > 0) return rows;
    const found = listNames([...new Set(values)]);
    failAt(place, `no row has \`${wanted}\` in the column \`${column}\``, `there are ${found}`);
  };
  const [validation, test] = [take(validationFile), take(testFile)];
  const taken = new Set([...validation, ...test]);
  const rest = values.flatMap((_, row) => (taken.has(row) ? [] : [row]));
  const indices = splitRows(rest.length, split);
  const pick = (name: Split): readonly number[] => indices[name].flatMap((at) => rest[at] ?? []);
  return {
    train: { all, rows: pick('train') },
    validation: { all, rows: validationFile === undefined ? pick('validation') : validation },
    test: { all, rows: testFile === undefined ? pick('test') : test },
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
