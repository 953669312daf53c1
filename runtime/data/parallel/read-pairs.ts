/** Pairs of texts from two files of lines, or from two columns of one. */
import type { StageArguments } from '../arguments.ts';
import type { DataFiles, TextPair } from '../dataset.ts';
import { failAt, Faults, findNearest, listNames, plural, type Place } from '../problem.ts';
import { readTextFile, type TextFile } from '../text-file.ts';
import { languageMark } from './stages.ts';

export interface PairRow extends TextPair {
  /** Where the source stands. */
  readonly place: Place;
}

export interface SourcePairs {
  readonly pairs: readonly PairRow[];
  readonly notes: readonly string[];
}

/** Throws a RuntimeError with the file, the line, what is wrong and the cure. */
export async function readPairs(path: string, args: StageArguments, files: DataFiles): Promise<SourcePairs> {
  const encoding = args.string('encoding');
  const read = (name: string): Promise<TextFile> => readTextFile(files, name, encoding);
  const pairs = path.includes(languageMark)
    ? joinFiles(await read(pathOf(path, 'source', args)), await read(pathOf(path, 'target', args)))
    : splitColumns(await read(path), args);
  return refuseBlank(pairs, args);
}

/** `train.<language>.gz` -> `train.en.gz` */
function pathOf(path: string, side: 'source' | 'target', args: StageArguments): string {
  const language = args.stringOrNumber(side);
  if (typeof language !== 'string')
    failAt(
      args.place,
      `\`${languageMark}\` in \`${path}\` stands for \`${side}\`, which is not given`,
      'write `parallel{"train.<language>.gz", source="en", target="de"}`',
    );
  return path.replaceAll(languageMark, language);
}

/** What follows the last line feed is no line. */
function linesOf({ name, text }: TextFile): readonly string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) failAt(name, 'the file is empty');
  return lines;
}

function joinFiles(source: TextFile, target: TextFile): readonly PairRow[] {
  const [sources, targets] = [linesOf(source), linesOf(target)];
  if (sources.length !== targets.length)
    failAt(
      target.name,
      `${plural(targets.length, 'line')}, and ${source.name} has ${sources.length}`,
      'line k of the one is the translation of line k of the other: find the first pair that is none',
    );
  return sources.map((text, k) => ({
    source: text,
    target: targets[k] ?? '',
    place: { file: source.name, line: k + 1 },
  }));
}

function splitColumns(file: TextFile, args: StageArguments): readonly PairRow[] {
  const rows = linesOf(file).map((line) => line.split('\t'));
  const wanted = [args.stringOrNumber('source'), args.stringOrNumber('target')];
  const header = wanted.some((each) => typeof each === 'string') ? (rows[0] ?? []) : undefined;
  const [source = 0, target = 1] = wanted.map((column) => columnOf(column, header, file.name));
  const least = Math.max(source, target) + 1;
  const faults = new Faults(
    'every line has a source and its translation, with a tab between them; for two files write `<language>` in the path',
  );
  const pairs = rows.flatMap((fields, k): PairRow[] => {
    if (header !== undefined && k === 0) return [];
    const place = { file: file.name, line: k + 1 };
    if (fields.length < least) faults.add(place, `${plural(fields.length, 'column')}, and column ${least} is read`); // prettier-ignore
    return [{ source: fields[source] ?? '', target: fields[target] ?? '', place }];
  });
  faults.check();
  if (pairs.length === 0) failAt(file.name, 'there is a header, and no pair below it');
  return pairs;
}

function columnOf(
  column: string | number | undefined,
  header: readonly string[] | undefined,
  file: string,
): number {
  if (typeof column !== 'string') return (column ?? 1) - 1;
  const names = header ?? [];
  const found = names.indexOf(column);
  if (found >= 0) return found;
  const nearest = findNearest(column, names);
  failAt(
    { file, line: 1 },
    `no column \`${column}\`; there are ${listNames(names)}`,
    nearest === undefined
      ? 'a column is named by the first line, or is a number from 1; for two files write `<language>` in the path'
      : `did you mean \`${nearest}\`?`,
  );
}

function refuseBlank(pairs: readonly PairRow[], args: StageArguments): SourcePairs {
  const isBlank = ({ source, target }: PairRow): boolean => source.trim() === '' || target.trim() === '';
  if (args.string('blank') === 'skip') {
    const kept = pairs.filter((pair) => !isBlank(pair));
    const [first] = pairs.filter(isBlank);
    const left = pairs.length - kept.length;
    const notes = first === undefined ? [] : [`${first.place.file}: ${plural(left, 'pair')} with a blank side left out`]; // prettier-ignore
    return { pairs: kept, notes };
  }
  const faults = new Faults('remove the line from both sides, or write `parallel{…, blank=skip}`');
  for (const pair of pairs)
    if (isBlank(pair)) faults.add(pair.place, pair.source.trim() === '' ? 'the source is blank' : 'its translation is blank'); // prettier-ignore
  faults.check();
  return { pairs, notes: [] };
}
