/** Recordings that are tensors already: texts of their labels, for error rates, and rows that no alignment spells. */
import { RuntimeError, type TensorData } from '../session.ts';
import type { DataContext, Dataset } from './dataset.ts';
import { encodingOf, parseEncoder } from './encoder.ts';
import { plural } from './problem.ts';
import { bindSpeech } from './speech-binding.ts';
import { framesNeeded, readCharacters } from './speech-dataset.ts';

/**
 * `dataset`: of all rows of `bound`, the same in each part. Without a vocabulary the symbols 1, 2, … are written a, b, ….
 * Where the inputs are none of a recogniser's, nothing is added but the reason.
 */
export function addTranscripts(
  dataset: Dataset,
  bound: { readonly tensors: ReadonlyMap<string, TensorData>; readonly rows: number },
  context: DataContext,
): Dataset {
  let binding;
  try {
    binding = bindSpeech(context, 'the tensors');
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { ...dataset, notes: [...dataset.notes, `texts are not compared: ${error.message}`] };
  }
  const { frames, frameLengths, labels, labelLengths } = binding;
  const numbers = (name: string | undefined): ArrayLike<number> | undefined =>
    name === undefined ? undefined : bound.tensors.get(name)?.data;
  const [counts, lengths, all] = [frameLengths, labelLengths, labels].map((spec) => numbers(spec?.name));
  if (all === undefined) return dataset;
  const width = bound.tensors.get(labels?.name ?? '')?.shape[1] ?? 0;
  const longest = bound.tensors.get(frames.name)?.shape[1] ?? 0;
  const rowsOf = (row: number): number[] => {
    const ids = Array.from({ length: lengths?.[row] ?? width }, (_, at) => all[row * width + at] ?? 0);
    return lengths === undefined ? ids.filter((id) => id !== 0) : ids;
  };
  const framesOf = (row: number): number => Math.min(counts?.[row] ?? longest, longest);
  const tokenizer =
    context.encoder === undefined
      ? undefined
      : encodingOf(parseEncoder(context.encoder), labels?.name).tokenizer;
  const decode = (ids: readonly number[]): string =>
    tokenizer === undefined
      ? String.fromCodePoint(...ids.map((id) => letterBefore + id))
      : readCharacters(tokenizer, ids);
  const rows = Array.from({ length: bound.rows }, (_, row) => row);
  const impossible = rows.filter((row) => framesNeeded(rowsOf(row)) > framesOf(row));
  const [first = 0] = impossible;
  const note = `${impossible.length} of ${plural(bound.rows, 'row')} need more frames than they have, so that no alignment spells them: the first, row ${first}, has ${plural(rowsOf(first).length, 'label')}, which take ${framesNeeded(rowsOf(first))} frames with a blank between equal ones, and ${plural(framesOf(first), 'frame')}`;
  const blanks = rows.filter((row) => lengths !== undefined && rowsOf(row).includes(0));
  const blankNote = `${blanks.length} of ${plural(bound.rows, 'row')} have the blank, 0, among their labels: the first is row ${blanks[0] ?? 0}`;
  return {
    ...dataset,
    notes: [
      ...dataset.notes,
      ...(impossible.length === 0 ? [] : [note]),
      ...(blanks.length === 0 ? [] : [blankNote]),
    ],
    text: (_split, row) => decode(rowsOf(row)),
    transcripts: {
      frames: (_split, row) => framesOf(row),
      decode,
      size: tokenizer?.size ?? labels?.range?.[1] ?? 0,
      trained: () => rows.map(rowsOf),
    },
  };
}

/** The character before `a`. */
const letterBefore = 0x60;
