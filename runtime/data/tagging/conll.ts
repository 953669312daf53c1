/** CoNLL files: one word a line with its columns, a blank line between two sentences. */
import type { StageArguments } from '../arguments.ts';
import { failAt, plural } from '../problem.ts';
import type { Sentence, SourceSentences } from './sentences.ts';

interface Line {
  readonly columns: readonly string[];
  readonly line: number;
}

/**
 * Lines of white space alone separate sentences. Columns are divided by tabs where the first word's line has one, else by
 * white space. Throws a RuntimeError with the line, what is wrong and the cure.
 */
export function readConll(text: string, args: StageArguments, file: string): SourceSentences {
  const [wordColumn, tagColumn] = [args.integer('word'), args.optionalInteger('tag')];
  const groups: Line[][] = [[]];
  let [divider, width, documents]: [RegExp | string | undefined, number, number] = [undefined, 0, 0];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = at + 1;
    if (raw.trim() === '') {
      groups.push([]);
      continue;
    }
    if (args.flag('comments') && raw.startsWith('#')) continue;
    divider ??= raw.includes('\t') ? '\t' : /\s+/;
    const columns = (divider === '\t' ? raw : raw.trim()).split(divider);
    if (columns[0] === '-DOCSTART-') {
      documents++;
      groups.push([]);
      continue;
    }
    width ||= columns.length;
    checkColumns({ columns, line }, width, args, file);
    groups.at(-1)?.push({ columns, line });
  }
  const kept = groups.filter((group) => group.length > 0);
  if (kept.length === 0) failAt(file, 'the file has no words');
  const sentences = kept.map((lines, group): Sentence => ({
    words: lines.map(({ columns }) => (columns[wordColumn - 1] ?? '').trim()),
    tags:
      width < 2 ? undefined : lines.map(({ columns }) => (columns[(tagColumn ?? width) - 1] ?? '').trim()),
    predicate: undefined,
    place: { file, line: lines[0]?.line ?? 1 },
    lines: lines.map(({ line }) => line),
    group,
  }));
  return {
    sentences,
    notes:
      documents === 0
        ? []
        : [`${file}: ${plural(documents, 'line')} -DOCSTART- taken as the start of a document`],
  };
}

function checkColumns({ columns, line }: Line, width: number, args: StageArguments, file: string): void {
  const place = { file, line };
  for (const name of ['word', 'tag']) {
    const column = args.optionalInteger(name);
    if (column !== undefined && column > width)
      failAt(
        place,
        `there is no column ${column} for \`${name}\`: the line has ${plural(width, 'column')}`,
        `columns are counted from 1: \`${args.stage.name}{…, ${name}=${width}}\` is the last`,
      );
  }
  if (columns.length !== width)
    failAt(
      place,
      `${plural(columns.length, 'column')}, and the lines before have ${width}`,
      'every word has the same columns, divided by tabs or by spaces all through the file; a blank line ends a sentence',
    );
  for (const [name, column] of [
    ['word', args.integer('word')],
    ['tag', args.optionalInteger('tag') ?? width],
  ] as const)
    if ((columns[column - 1] ?? '').trim() === '')
      failAt(
        place,
        `the ${name} is blank`,
        'a line that is wholly blank ends a sentence; another has every column',
      );
}
