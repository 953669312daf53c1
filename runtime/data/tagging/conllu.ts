/** CoNLL-U (universaldependencies.org/format.html), also with the columns of predicates and roles of Universal PropBank. */
import type { StageArguments } from '../arguments.ts';
import { failAt, findNearest, listNames, plural } from '../problem.ts';
import { outside, type Sentence, type SourceSentences } from './sentences.ts';

const columnNames = [
  'id',
  'form',
  'lemma',
  'upos',
  'xpos',
  'feats',
  'head',
  'deprel',
  'deps',
  'misc',
] as const;

interface Line {
  readonly columns: readonly string[];
  readonly line: number;
}

/**
 * Comments, empty nodes (`10.1`) and ranges (`3-4`) are left out. With `predicates`, one example for each predicate of a
 * sentence, whose tags are the words' roles; otherwise one for each sentence. Throws a RuntimeError with the line, what
 * is wrong and the cure.
 */
export function readConllu(text: string, args: StageArguments, file: string): SourceSentences {
  const groups: Line[][] = [[]];
  let skipped = 0;
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    if (raw.trim() === '') groups.push([]);
    else if (!raw.startsWith('#')) {
      const columns = raw.split('\t');
      if (/^\d+[.-]\d+$/.test(columns[0] ?? '')) skipped++;
      else groups.at(-1)?.push({ columns, line: at + 1 });
    }
  }
  const kept = groups.filter((group) => group.length > 0);
  if (kept.length === 0) failAt(file, 'the file has no words');
  for (const lines of kept) checkLines(lines, file);
  const predicates = args.optionalInteger('predicates');
  const sentences = kept.flatMap((lines, group) =>
    predicates === undefined
      ? [taggedSentence(lines, group, args, file)]
      : roleExamples(lines, group, predicates, file),
  );
  if (sentences.length === 0)
    failAt(file, `no word has a predicate in column ${predicates ?? 0}`, 'a word that is none has `_` there');
  return {
    sentences,
    notes:
      skipped === 0
        ? []
        : [`${file}: ${plural(skipped, 'line')} of ranges (3-4) and empty nodes (10.1) left out`],
  };
}

function checkLines(lines: readonly Line[], file: string): void {
  const width = lines[0]?.columns.length ?? 0;
  for (const { columns, line } of lines) {
    const place = { file, line };
    if (columns.length < columnNames.length)
      failAt(
        place,
        `${plural(columns.length, 'column')}, and CoNLL-U has ${columnNames.length}, divided by tabs`,
        'for files of other columns write `conll{…, word=1, tag=2}`',
      );
    if (columns.length !== width)
      failAt(
        place,
        `${columns.length} columns, and the sentence's first line has ${width}`,
        'every word of a sentence has the same columns; `_` stands for an empty one',
      );
    if ((columns[1] ?? '').trim() === '')
      failAt(place, 'the word (column 2) is blank', 'an empty column is written `_`');
  }
}

function sentenceOf(
  lines: readonly Line[],
  group: number,
  file: string,
): Omit<Sentence, 'tags' | 'predicate'> {
  return {
    words: lines.map(({ columns }) => columns[1] ?? ''),
    place: { file, line: lines[0]?.line ?? 1 },
    lines: lines.map(({ line }) => line),
    group,
  };
}

function taggedSentence(lines: readonly Line[], group: number, args: StageArguments, file: string): Sentence {
  const tag = args.optionalString('tag') ?? 'upos';
  return {
    ...sentenceOf(lines, group, file),
    tags: lines.map(({ columns }) => readTag(columns, tag, args.place)),
    predicate: undefined,
  };
}

/** `upos`, or `misc.NER` for the value of a key in column 10; a word without the key is outside. */
function readTag(columns: readonly string[], tag: string, place: string): string {
  const [name = '', key] = tag.split(/[.:](.*)/, 2);
  const column = columnNames.findIndex((each) => each === name);
  if (column === -1) {
    const nearest = findNearest(name, columnNames);
    failAt(
      place,
      `CoNLL-U has no column \`${name}\``,
      nearest === undefined ? `it has ${listNames(columnNames)}` : `did you mean \`${nearest}\`?`,
    );
  }
  const value = columns[column] ?? '_';
  if (key === undefined) return value;
  const pair = value.split('|').find((each) => each.startsWith(`${key}=`));
  return pair === undefined ? outside : pair.slice(key.length + 1);
}

/** The k-th predicate's roles are in the k-th column behind that of the predicates; `V` is the predicate itself. */
function roleExamples(
  lines: readonly Line[],
  group: number,
  column: number,
  file: string,
): readonly Sentence[] {
  const isEmpty = (value: string | undefined): boolean =>
    value === undefined || value === '_' || value === '';
  const positions = lines.flatMap(({ columns }, at) => (isEmpty(columns[column - 1]) ? [] : [at]));
  const width = lines[0]?.columns.length ?? 0;
  // A sentence without a predicate may have an empty column of roles all the same.
  if (positions.length > 0 && width !== column + positions.length)
    failAt(
      { file, line: lines[0]?.line ?? 1 },
      `a sentence with ${plural(positions.length, 'predicate')} in column ${column} has ${plural(column + positions.length, 'column')}, and this has ${width}`,
      'each predicate has a column of roles behind `predicates`; is that the right number?',
    );
  const base = sentenceOf(lines, group, file);
  return positions.map((predicate, k) => ({
    ...base,
    predicate,
    tags: lines.map(({ columns }) => {
      const role = columns[column + k];
      return isEmpty(role) || role === 'V' ? outside : (role ?? outside);
    }),
  }));
}
