/** The only list of diagnostics: every code, its severity and its long form. */
import { InternalError, type Severity } from '../diagnostic.ts';
import * as names from './names.ts';
import * as sequences from './sequences.ts';
import * as syntax from './syntax.ts';
import * as tasks from './tasks.ts';
import * as types from './types.ts';

export interface CatalogueEntry {
  readonly code: string;
  readonly severity: Severity;
  readonly explanation: string;
}

export const catalogue: ReadonlyMap<string, CatalogueEntry> = collect([
  syntax,
  names,
  types,
  tasks,
  sequences,
]);

/** The long form of a code (`LM0102`, in any case), or undefined where there is no such code. */
export function explain(code: string): string | undefined {
  return catalogue.get(code.toUpperCase())?.explanation;
}

function collect(modules: readonly object[]): ReadonlyMap<string, CatalogueEntry> {
  const entries = modules.flatMap((module): unknown[] => Object.values(module)).filter(isEntry);
  const byCode = new Map(entries.map((entry) => [entry.code, entry]));
  if (byCode.size !== entries.length) throw new InternalError('two diagnostics share a code');
  return new Map([...byCode].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function isEntry(value: unknown): value is CatalogueEntry {
  return typeof value === 'function' && 'code' in value && 'explanation' in value;
}
