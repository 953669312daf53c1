/** The files that a task's data names: which they are, and the task with their places in the bundle instead. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { languageMark } from '../../../runtime/data/parallel/stages.ts';
import { findStage, type StageOption } from '../../../runtime/data/stages.ts';
import type { PlanCall, PlanConstant, PlanTask } from '../../../runtime/plan.ts';

export interface DataCopy {
  /** On this machine. */
  readonly from: string;
  /** Relative to the bundle. */
  readonly to: string;
}

export interface BundledData {
  readonly task: PlanTask;
  readonly copies: readonly DataCopy[];
  /** For people. */
  readonly notes: readonly string[];
}

/** Larger files are named, not copied. */
const largest = 256 * 1024 * 1024;

/** Paths are looked up in `folders`, in order, as training does. */
export function bundleData(task: PlanTask, folders: readonly string[], limit = largest): BundledData {
  const copies = new Map<string, string>();
  const notes: string[] = [];
  const find = (name: string): string | undefined =>
    folders
      .map((folder) => path.resolve(folder, name))
      .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
  const place = (name: string): string => {
    const file = find(name);
    if (file === undefined) {
      notes.push(`there is no file ${name}: the bundle trains with --data only, or once the file is there`);
      return name;
    }
    const bytes = statSync(file).size;
    if (bytes > limit) {
      notes.push(
        `${name} has ${Math.round(bytes / 2 ** 20)} MiB and was not copied: the bundle reads it from ${file}`,
      );
      return file;
    }
    const known = copies.get(file) ?? freePlace(file, new Set(copies.values()));
    copies.set(file, known);
    return known;
  };
  // Recordings are many, and a manifest names them relative to itself: they stay where they are.
  const stay = (name: string): string => {
    const found = folders
      .map((folder) => path.resolve(folder, name))
      .find((candidate) => statSync(candidate, { throwIfNoEntry: false }) !== undefined);
    notes.push(
      found === undefined
        ? `there are no recordings ${name}: the bundle trains with --data only, or once they are there`
        : `the recordings of ${name} were not copied: the bundle reads them from ${found}`,
    );
    return found ?? name;
  };
  // Both files of a pair, side by side: the mark stays in their name.
  const placePair = (pattern: string): string => {
    const languages = languagesOf(task);
    const taken = new Set(copies.values());
    const kept = freePattern(pattern, languages, taken);
    for (const language of languages) {
      const name = pattern.replaceAll(languageMark, language);
      const file = find(name);
      if (file === undefined || kept === undefined || statSync(file).size > limit) {
        const whole = file === undefined ? pattern : path.resolve(folderOf(folders, name), pattern);
        notes.push(
          file === undefined
            ? `there is no file ${name}: the bundle trains with --data only, or once the file is there`
            : `the files of ${pattern} were not copied: the bundle reads them from where they are`,
        );
        return whole;
      }
    }
    for (const language of languages) {
      const file = find(pattern.replaceAll(languageMark, language));
      if (file !== undefined) copies.set(file, (kept ?? pattern).replaceAll(languageMark, language));
    }
    return kept ?? pattern;
  };
  const put =
    task.data[0]?.builder === 'recordings'
      ? stay
      : (name: string): string => (name.includes(languageMark) ? placePair(name) : place(name));
  return {
    task: { ...task, data: task.data.map((call) => mapPaths(call, put)) },
    copies: [...copies].map(([from, to]) => ({ from, to })),
    notes,
  };
}

function languagesOf({ data }: PlanTask): readonly string[] {
  return ['source', 'target'].flatMap((side) => {
    const language = data[0]?.named[side];
    return typeof language === 'string' ? [language] : [];
  });
}

function folderOf(folders: readonly string[], name: string): string {
  return folders.find((folder) => statSync(path.resolve(folder, name), { throwIfNoEntry: false })?.isFile()) ?? '.'; // prettier-ignore
}

/** `data/train.<language>.gz`; undefined where a name is not one that every system has. */
function freePattern(
  pattern: string,
  languages: readonly string[],
  taken: ReadonlySet<string>,
): string | undefined {
  const parts = pattern.split(/[\\/]/);
  const tail = parts.slice(parts.findIndex((part) => part.includes(languageMark))).join('/');
  const names = languages.map((language) => tail.replaceAll(languageMark, language));
  if (names.some((name) => name.split('/').some((part) => !/^[\w][\w .+@=,-]*$/u.test(part))))
    return undefined;
  for (let number = 1; ; number++) {
    const folder = number === 1 ? 'data' : `data/${number}`;
    if (names.every((name) => !taken.has(`${folder}/${name}`))) return `${folder}/${tail}`;
  }
}

function mapPaths(call: PlanCall, place: (name: string) => string): PlanCall {
  // Values of a column are no files.
  if (call.builder === 'split' && call.named['column'] !== undefined) return call;
  const options = findStage(call.builder)?.options ?? [];
  const positional = options.filter((option) => option.positional === true);
  const replace = (option: StageOption | undefined, value: PlanConstant): PlanConstant =>
    typeof value === 'string' && (option?.type === 'path' || option?.type === 'share') ? place(value) : value;
  return {
    ...call,
    positional: call.positional.map((value, at) => {
      const last = positional.at(-1);
      return replace(positional[at] ?? (last?.repeated === true ? last : undefined), value);
    }),
    named: Object.fromEntries(
      Object.entries(call.named).map(([name, value]) => [
        name,
        replace(
          options.find((option) => option.name === name),
          value,
        ),
      ]),
    ),
  };
}

/** `data/NAME`, in a folder of its own where the name is taken: a file's name may be the name of its class. */
function freePlace(file: string, taken: ReadonlySet<string>): string {
  const name =
    path
      .basename(file)
      .replaceAll(/[\p{C}\\/:*?"<>|]/gu, '_')
      .replace(/^\.+/, '_')
      .replace(/[. ]+$/, '') || 'data';
  const plain = `data/${name}`;
  if (!taken.has(plain)) return plain;
  for (let number = 2; ; number++) {
    const place = `data/${number}/${name}`;
    if (!taken.has(place)) return place;
  }
}
