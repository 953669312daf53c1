/** Errors about data: where, what is wrong, how to mend it. */
import { RuntimeError } from '../session.ts';

/** Where in a file; a line from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
}

export function formatPlace({ file, line }: Place): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** `what` and `cure` are sentences without a final stop. */
export function failAt(place: Place | string, what: string, cure?: string): never {
  const where = typeof place === 'string' ? place : formatPlace(place);
  throw new RuntimeError(5, `${where}: ${what}${cure === undefined ? '' : `\n  help: ${cure}`}`);
}

/** Collects the same fault of several rows, so that one message tells of all of them. */
export class Faults {
  readonly #cure: string;
  #first: { readonly place: Place; readonly what: string } | undefined;
  #last: Place | undefined;
  #count = 0;

  constructor(cure: string) {
    this.#cure = cure;
  }

  add(place: Place, what: string): void {
    this.#first ??= { place, what };
    this.#last = place;
    this.#count++;
  }

  /** Throws a RuntimeError where there was any fault. */
  check(): void {
    if (this.#first === undefined) return;
    const { place, what } = this.#first;
    const more =
      this.#count === 1
        ? ''
        : ` (and ${this.#count - 1} more such ${this.#count === 2 ? 'row' : 'rows'}, the last in line ${this.#last?.line ?? '?'})`;
    failAt(place, what + more, this.#cure);
  }
}

/** `a`, `b` and `c` */
export function listNames(names: readonly string[], limit = 12): string {
  const shown = names.slice(0, limit).map((name) => `\`${shorten(name)}\``);
  if (names.length > limit) return `${shown.join(', ')} and ${names.length - limit} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
}

/** Text from a file, fit for one line of a terminal. */
export function shorten(text: string, limit = 60): string {
  const printable = text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '�');
  return printable.length > limit ? `${printable.slice(0, limit - 1)}…` : printable;
}

/** `row`, `rows` */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** What was probably meant, or undefined: at most a third of the letters differ, or two of four. */
export function findNearest(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(name.length > 3 ? 2 : 1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++) {
      const replaced = (row[k - 1] ?? 0) + (a[i - 1] === b[k - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[k] ?? 0) + 1, (next[k - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
