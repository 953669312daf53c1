/** Rows of a Parquet file, by hyparquet: text and label of named columns. */
import type { StageArguments } from './arguments.ts';
import { failAt, findNearest, listNames } from './problem.ts';
import { refuseBlank, type Row, type SourceRows } from './rows.ts';

/**
 * Uncompressed and Snappy, which is what most writers choose. `part`: a column that tells the parts apart. Throws a
 * RuntimeError with the row, what is wrong and the cure.
 */
export async function readParquet(
  bytes: Uint8Array,
  args: StageArguments,
  file: string,
  part: string | undefined,
): Promise<SourceRows> {
  if (bytes.length === 0) failAt(file, 'the file is empty');
  // Only where it is needed: a page in a browser would load it for every model.
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet/src/index.js');
  const content = {
    byteLength: bytes.length,
    slice: (start: number, end?: number) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const codec = /unsupported compression codec: (\w+)/i.exec(reason)?.[1];
      if (codec !== undefined)
        failAt(file, `its columns are compressed with ${codec}`, 'write it with Snappy, or uncompressed');
      failAt(file, `not a Parquet file that can be read: ${reason}`);
    }
  };
  const metadata = await attempt(() => parquetMetadataAsync(content));
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const text = columnOf(args.string('text'), names, file);
  const labelName = args.optionalString('label');
  const label = labelName === undefined ? undefined : columnOf(labelName, names, file);
  const partColumn = part === undefined ? undefined : columnOf(part, names, file);
  const columns = [...new Set([text, label, partColumn].filter((name) => name !== undefined))];
  const records = await attempt(() => parquetReadObjects({ file: content, metadata, columns }));
  if (records.length === 0) failAt(file, 'there are columns, and no row in them');
  const rows = records.map((record, at): Row => {
    const place = { file, line: at + 1 };
    const value: unknown = record[text];
    return {
      text:
        typeof value === 'string' ? value : failAt(place, `\`${text}\` is ${describe(value)}, not a text`),
      label: label === undefined ? undefined : toLabel(record[label], label, place),
      ...(partColumn === undefined ? {} : { part: toLabel(record[partColumn], partColumn, place) }),
      place,
    };
  });
  return refuseBlank(rows, args, file);
}

function columnOf(name: string, names: readonly string[], file: string): string {
  if (names.includes(name)) return name;
  const nearest = findNearest(name, names);
  failAt(
    file,
    `no column is called \`${name}\`; there are ${listNames(names)}`,
    nearest === undefined ? undefined : `did you mean \`${nearest}\`?`,
  );
}

function toLabel(
  value: unknown,
  column: string,
  place: { readonly file: string; readonly line: number },
): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  failAt(place, `\`${column}\` is ${describe(value)}, not a text, a number or a truth value`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'missing';
  return typeof value === 'object' ? 'a list, a structure or bytes' : `a ${typeof value}`;
}
