/** The files that a task's data names: which they are, and the task with their places in the bundle instead. */
import { statSync } from 'node:fs';
import path from 'node:path';
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
  const place = (name: string): string => {
    const file = folders
      .map((folder) => path.resolve(folder, name))
      .find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
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
  const put = task.data[0]?.builder === 'recordings' ? stay : place;
  return {
    task: { ...task, data: task.data.map((call) => mapPaths(call, put)) },
    copies: [...copies].map(([from, to]) => ({ from, to })),
    notes,
  };
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
