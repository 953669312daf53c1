/** Rows of text: what every source of text gives, and where each came from. */
import { Faults, plural, type Place } from './problem.ts';
import type { StageArguments } from './arguments.ts';

export interface Row {
  readonly text: string;
  readonly label: string | undefined;
  /** Of the column that `split{column=…}` names: which part it is in. */
  readonly part?: string;
  readonly place: Place;
}

/** What a source read, and what a person should know of it. */
export interface SourceRows {
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

/** Applies the option `blank`. Throws a RuntimeError that names the first row without text. */
export function refuseBlank(rows: readonly Row[], args: StageArguments, file: string): SourceRows {
  const isBlank = (row: Row): boolean => row.text.trim() === '';
  if (args.string('blank') === 'skip') {
    const kept = rows.filter((row) => !isBlank(row));
    const skipped = rows.length - kept.length;
    return {
      rows: kept,
      notes: skipped === 0 ? [] : [`${file}: ${plural(skipped, 'row')} without text left out`],
    };
  }
  const faults = new Faults(
    `remove the row, or write \`${args.stage.name}{…, blank=skip}\` to leave such rows out`,
  );
  for (const row of rows) if (isBlank(row)) faults.add(row.place, 'the text is blank');
  faults.check();
  return { rows, notes: [] };
}
