/** JSON Lines, and plain text with one example a line. */
import type { StageArguments } from './arguments.ts';
import { failAt, Faults, findNearest, listNames, plural } from './problem.ts';
import { refuseBlank, type Row, type SourceRows } from './rows.ts';

/** Lines that are not empty, with their numbers from 1. */
export function splitLines(text: string): {
  readonly lines: readonly [text: string, line: number][];
  readonly empty: number;
} {
  const all = text.split(/\r?\n/);
  // What follows the last line feed is no line.
  if (all.at(-1) === '') all.pop();
  const lines = all.map((line, k): [string, number] => [line, k + 1]);
  const kept = lines.filter(([line]) => line.trim() !== '');
  return { lines: kept, empty: lines.length - kept.length };
}

/** `part`: a key that tells the parts apart. Throws a RuntimeError with the line, what is wrong and the cure. */
export function readJsonLines(text: string, args: StageArguments, file: string, part?: string): SourceRows {
  const { lines, empty } = splitLines(text);
  if (lines.length === 0) failAt(file, 'the file is empty');
  const textKey = args.string('text');
  const labelKey = args.optionalString('label');
  const rows = lines.map(([line, number]): Row => {
    const place = { file, line: number };
    const object = parseObject(line, number, file);
    return {
      text: readText(object, textKey, place),
      label: labelKey === undefined ? undefined : readLabel(object, labelKey, place),
      ...(part === undefined ? {} : { part: readLabel(object, part, place) }),
      place,
    };
  });
  const kept = refuseBlank(rows, args, file);
  return { rows: kept.rows, notes: [...kept.notes, ...noteEmpty(file, empty)] };
}

function noteEmpty(file: string, empty: number): readonly string[] {
  return empty === 0 ? [] : [`${file}: ${plural(empty, 'empty line')} skipped`];
}

/** Throws a RuntimeError where the line is no JSON object. */
export function parseObject(line: string, number: number, file: string): object {
  const place = { file, line: number };
  const cure = 'a .jsonl file has one JSON object in every line: {"text": "…", "label": "…"}';
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    failAt(place, `not JSON: ${error instanceof Error ? error.message : String(error)}`, cure);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    failAt(place, 'not a JSON object', cure);
  return value;
}

function readMember(object: object, key: string, place: { file: string; line: number }): unknown {
  const members = new Map<string, unknown>(Object.entries(object));
  if (members.has(key)) return members.get(key);
  const keys = [...members.keys()];
  const nearest = findNearest(key, keys);
  failAt(
    place,
    `no key \`${key}\`; there are ${listNames(keys)}`,
    nearest === undefined ? undefined : `did you mean \`${nearest}\`?`,
  );
}

function readText(object: object, key: string, place: { file: string; line: number }): string {
  const value = readMember(object, key, place);
  return typeof value === 'string' ? value : failAt(place, `\`${key}\` is ${describe(value)}, not a string`);
}

function readLabel(object: object, key: string, place: { file: string; line: number }): string {
  const value = readMember(object, key, place);
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  failAt(place, `\`${key}\` is ${describe(value)}, not a string, a number or a boolean`);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** `label`: of every row, undefined where the file is the only one. */
export function readPlainLines(
  text: string,
  label: string | undefined,
  args: StageArguments,
  file: string,
): SourceRows {
  const { lines, empty } = splitLines(text);
  if (lines.length === 0) failAt(file, 'the file is empty');
  const faults = new Faults(`remove the line, or write \`lines{…, blank=skip}\``);
  if (args.string('blank') === 'error') {
    text.split(/\r?\n/).forEach((line, k, all) => {
      if (line.trim() === '' && k < all.length - 1) faults.add({ file, line: k + 1 }, 'the line is blank');
    });
  }
  faults.check();
  return {
    rows: lines.map(([line, number]) => ({ text: line, label, place: { file, line: number } })),
    notes: noteEmpty(file, empty),
  };
}
