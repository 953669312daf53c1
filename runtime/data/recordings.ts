/** Which recordings there are and what is said in them: a manifest, or a folder whose file names tell it. */
import { readPipeline, type StageArguments } from './arguments.ts';
import type { DataFiles } from './dataset.ts';
import { parseRecords } from './delimited.ts';
import { parseObject, splitLines } from './line-files.ts';
import { failAt, Faults, findNearest, listNames, plural, shorten, type Place } from './problem.ts';
import { decodeText } from './text-file.ts';

export interface Recording {
  /** As `DataFiles.read` takes it. */
  readonly audio: string;
  readonly text: string;
  /** What the manifest or the name says beside it. */
  readonly columns: ReadonlyMap<string, string>;
  readonly place: Place;
}

export interface Recordings {
  readonly rows: readonly Recording[];
  readonly notes: readonly string[];
}

interface Entry {
  readonly columns: ReadonlyMap<string, string>;
  readonly place: Place;
  /** Of a folder's file. */
  readonly file?: string;
}

/** Throws a RuntimeError with the file, the line, what is wrong and the cure. */
export async function readRecordings(
  source: StageArguments,
  path: string,
  files: DataFiles,
): Promise<Recordings> {
  const names = await files.list?.(path);
  const { entries, notes } =
    names === undefined
      ? { entries: await readManifest(source, path, files), notes: [] }
      : readFolder(source, path, names);
  const spell = source.optionalString('spell')?.split(/\s+/u);
  const spellings = new Faults('correct the text, or `spell`');
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
  const rows = entries.map(({ columns, place, file }): Recording => {
    const audio = file ?? columnOf(columns, source.string('audio'), 'audio', place, source);
    const written = columnOf(columns, source.string('text'), 'text', place, source).trim();
    const text = spell === undefined ? written : (spell[/^\d+$/.test(written) ? Number(written) : -1] ?? '');
    if (text === '' && written !== '')
      spellings.add(place, `\`${shorten(written)}\` is no number of the ${plural(spell?.length ?? 0, 'word')} in \`spell\``); // prettier-ignore
    const isAbsolute = /^(?:[/\\]|[A-Za-z]:)/.test(audio);
    return { audio: file !== undefined || isAbsolute ? audio : folder + audio, text, columns, place };
  });
  spellings.check();
  return { rows, notes };
}

function columnOf(
  columns: ReadonlyMap<string, string>,
  name: string,
  option: string,
  place: Place,
  source: StageArguments,
): string {
  const value = columns.get(name);
  if (value !== undefined) return value;
  const names = [...columns.keys()];
  const nearest = findNearest(name, names);
  failAt(
    place,
    `there is no column \`${name}\`; there are ${listNames(names)}`,
    nearest === undefined
      ? `write \`${source.stage.name}{…, ${option}="…"}\` with one of them`
      : `did you mean \`${nearest}\`?`,
  );
}

/** Names that do not fit the pattern are counted: a folder may hold a README as well. */
function readFolder(
  source: StageArguments,
  folder: string,
  names: readonly string[],
): { readonly entries: readonly Entry[]; readonly notes: readonly string[] } {
  const pattern = source.optionalString('pattern');
  if (pattern === undefined) {
    failAt(
      source.place,
      `\`${folder}\` is a folder, and nothing says where the texts are`,
      'write `pattern="<text>_<speaker>_<index>.wav"`, as its files are called, or name a manifest',
    );
  }
  const expression = compilePattern(pattern, source.place);
  const entries: Entry[] = [];
  const others: string[] = [];
  for (const name of names) {
    const groups = expression.exec(name)?.groups;
    if (groups === undefined) others.push(name);
    else {
      const file = `${folder.replace(/\/$/, '')}/${name}`;
      entries.push({ columns: new Map(Object.entries(groups)), place: { file }, file });
    }
  }
  if (entries.length === 0) {
    failAt(
      source.place,
      `none of the ${plural(names.length, 'file')} in \`${folder}\` is called like \`${pattern}\``,
      names[0] === undefined ? undefined : `the first is \`${names[0]}\``,
    );
  }
  return {
    entries,
    notes:
      others.length === 0
        ? []
        : [`${folder}: ${plural(others.length, 'file')} not called like the pattern left out, the first ${others[0] ?? ''}`], // prettier-ignore
  };
}

/** `<text>_<speaker>.wav` -> `^(?<text>[^/]+?)_(?<speaker>[^/]+?)\.wav$` */
function compilePattern(pattern: string, place: string): RegExp {
  const source = pattern
    .split(/(<\w+>)/)
    .map((part) =>
      /^<[A-Za-z_]\w*>$/.test(part)
        ? `(?<${part.slice(1, -1)}>[^/]+?)`
        : part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`),
    )
    .join('');
  try {
    return new RegExp(`^${source}$`, 'u');
  } catch {
    failAt(
      place,
      `the pattern \`${pattern}\` names a part twice`,
      'every name between `<` and `>` stands once',
    );
  }
}

async function readManifest(
  source: StageArguments,
  path: string,
  files: DataFiles,
): Promise<readonly Entry[]> {
  if (source.optionalString('pattern') !== undefined)
    failAt(source.place, `\`pattern\` is for a folder, and \`${path}\` is none`, 'name the folder in which the recordings lie: its path is relative to the working directory, then to the folder of the program'); // prettier-ignore
  const format = /\.(csv|tsv|jsonl)$/i.exec(path)?.[1]?.toLowerCase();
  if (format === undefined) {
    failAt(
      source.place,
      `\`${path}\` is no folder, and no manifest \`.csv\`, \`.tsv\` or \`.jsonl\``,
      'write `recordings{"train.tsv", audio="path", text="text"}`, or name a folder',
    );
  }
  const { name, bytes } = await files.read(path);
  const text = decodeText(bytes, 'utf-8', name);
  const entries = format === 'jsonl' ? readObjects(text, name) : readTable(text, format, name, source);
  if (entries.length === 0) failAt(name, 'the manifest has no row');
  return entries;
}

function readObjects(text: string, file: string): readonly Entry[] {
  return splitLines(text).lines.map(([line, number]) => ({
    columns: new Map(
      Object.entries(parseObject(line, number, file)).map(([key, value]) => [key, String(value)]),
    ),
    place: { file, line: number },
  }));
}

function readTable(text: string, format: string, file: string, source: StageArguments): readonly Entry[] {
  const call = { builder: format, positional: [file], named: { text: 'text' }, place: source.place };
  const args = readPipeline([call]).source;
  const { records } = parseRecords(text, args ?? source, file);
  const names = (records[0]?.fields ?? []).map((each) => each.trim());
  const faults = new Faults('every row has the fields of the header');
  const entries = records.slice(1).map(({ fields, line }): Entry => {
    if (fields.length !== names.length)
      faults.add({ file, line }, `${plural(fields.length, 'field')}, and the header has ${names.length}`);
    return {
      columns: new Map(names.map((each, column) => [each, fields[column] ?? ''])),
      place: { file, line },
    };
  });
  faults.check();
  return entries;
}
