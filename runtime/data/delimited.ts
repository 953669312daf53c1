/** Comma- and tab-separated files, by csv-parse; columns by name or number. */
import { parse, type CsvError } from 'csv-parse/browser/esm/sync';
import type { StageArguments } from './arguments.ts';
import { failAt, Faults, findNearest, listNames, plural } from './problem.ts';
import { refuseBlank, type Row, type SourceRows } from './rows.ts';

interface ParsedRecord {
  readonly fields: readonly string[];
  /** Where it begins. */
  readonly line: number;
}

/** `part`: a column that tells the parts apart. Throws a RuntimeError with the line, what is wrong and the cure. */
export function readDelimited(text: string, args: StageArguments, file: string, part?: string): SourceRows {
  const { records, emptyLines } = parseRecords(text, args, file);
  const [first] = records;
  if (first === undefined) failAt(file, 'the file is empty');
  const hasHeader = args.flag('header');
  const names = hasHeader ? first.fields : undefined;
  const body = hasHeader ? records.slice(1) : records;
  if (body.length === 0) failAt(file, 'there is a header, and no row below it');
  const find = (option: string, column = args.stringOrNumber(option)): number | undefined =>
    findColumn(args, { option, column }, names, first.fields.length, file);
  const textColumn = find('text') ?? failAt(args.place, `\`${args.stage.name}\` needs \`text\``);
  const labelColumn = find('label');
  const partColumn =
    part === undefined ? undefined : find('column', /^\d+$/.test(part) ? Number(part) : part);

  const faults = new Faults(
    args.flag('quotes')
      ? `a text that contains \`${shownDelimiter(args)}\` stands between double quotes`
      : `with \`quotes=false\` a text cannot contain \`${shownDelimiter(args)}\``,
  );
  const rows: Row[] = [];
  for (const { fields, line } of body) {
    if (fields.length !== first.fields.length) {
      faults.add(
        { file, line },
        `${plural(fields.length, 'field')}, and the ${hasHeader ? 'header' : 'first row'} has ${first.fields.length}`,
      );
    }
    rows.push({
      text: fields[textColumn] ?? '',
      label: labelColumn === undefined ? undefined : (fields[labelColumn] ?? '').trim(),
      ...(partColumn === undefined ? {} : { part: (fields[partColumn] ?? '').trim() }),
      place: { file, line },
    });
  }
  faults.check();
  const kept = refuseBlank(rows, args, file);
  return emptyLines === 0
    ? kept
    : { rows: kept.rows, notes: [...kept.notes, `${file}: ${plural(emptyLines, 'empty line')} skipped`] };
}

/** Fields as they stand, the header's among them. Throws a RuntimeError with the line. */
export function parseRecords(
  text: string,
  args: StageArguments,
  file: string,
): { readonly records: readonly ParsedRecord[]; readonly emptyLines: number } {
  const records: ParsedRecord[] = [];
  let ended = 0;
  let emptyLines = 0;
  try {
    parse(text, {
      delimiter: args.string('delimiter'),
      quote: args.flag('quotes') ? '"' : null,
      // A Macintosh file of before 2001 has no line feed at all.
      record_delimiter: text.includes('\n') ? ['\r\n', '\n'] : ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (fields: readonly string[], { lines, empty_lines }) => {
        const inside = fields.reduce((sum, field) => sum + countLineFeeds(field), 0);
        records.push({ fields, line: lines - inside });
        ended = lines;
        emptyLines = empty_lines;
        return null;
      },
    });
  } catch (error) {
    explainFailure(error, args, file, ended + 1);
  }
  return { records, emptyLines };
}

function countLineFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

function explainFailure(error: unknown, args: StageArguments, file: string, line: number): never {
  if (!isCsvError(error)) throw error;
  const asText = `if quotes are text in this file, write \`${args.stage.name}{…, quotes=false}\``;
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      failAt({ file, line }, 'a quote is opened in this row and never closed', asText);
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
      failAt(
        { file, line },
        'a quote stands inside a field',
        `write it twice, \`""\`, between quotes; ${asText}`,
      );
    default:
      failAt(String(error.code).startsWith('CSV_OPTION') ? args.place : { file, line }, error.message);
  }
}

function findColumn(
  args: StageArguments,
  { option, column }: { readonly option: string; readonly column: string | number | undefined },
  names: readonly string[] | undefined,
  count: number,
  file: string,
): number | undefined {
  if (column === undefined) return undefined;
  if (typeof column === 'number') {
    if (column <= count) return column - 1;
    failAt(
      { file, line: 1 },
      `there is no column ${column}: the file has ${count}`,
      fewColumnsCure(args, count),
    );
  }
  if (names === undefined) {
    failAt(
      args.place,
      `\`${option}="${column}"\` names a column, and with \`header=false\` columns have numbers only`,
      `write \`${option}=2\`, say, for the second`,
    );
  }
  const trimmed = names.map((name) => name.trim());
  const index = trimmed.indexOf(column);
  if (index === -1) {
    const nearest = findNearest(column, trimmed);
    failAt(
      { file, line: 1 },
      `no column is called \`${column}\`; there are ${listNames(trimmed)}`,
      nearest === undefined
        ? (fewColumnsCure(args, count) ??
            'if the first row is not a header, write `header=false` and give the columns by number')
        : `did you mean \`${nearest}\`?`,
    );
  }
  if (trimmed.includes(column, index + 1)) {
    failAt(
      { file, line: 1 },
      `two columns are called \`${column}\``,
      `give the number: \`${option}=${index + 1}\``,
    );
  }
  return index;
}

function fewColumnsCure(args: StageArguments, count: number): string | undefined {
  return count > 1
    ? undefined
    : `is \`${shownDelimiter(args)}\` what stands between the fields? Otherwise write \`delimiter=";"\`, say, or use \`tsv\``;
}

function shownDelimiter(args: StageArguments): string {
  const delimiter = args.string('delimiter');
  return delimiter === '\t' ? 'TAB' : delimiter;
}
