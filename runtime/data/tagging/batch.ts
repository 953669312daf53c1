/** Sentences in numbers as a batch, padded to the longest. */
import type { TensorData } from '../../session.ts';
import type { Batch } from '../dataset.ts';
import type { TaggingBinding } from './binding.ts';
import type { EncodedSentence } from './tagger.ts';

/** Padding is 0 everywhere. `words`: instead of the sentences' own, where some are left out in training. */
export function makeTaggingBatch(
  binding: TaggingBinding,
  sentences: readonly EncodedSentence[],
  indices: readonly number[],
  words: readonly Int32Array[] = sentences.map((sentence) => sentence.words),
): Batch {
  const rows = sentences.length;
  const longest = sentences.reduce((most, each) => Math.max(most, each.words.length), 1);
  const tensors = new Map<string, TensorData>();
  const sizes = new Map([
    [binding.batchDim, rows],
    [binding.sequenceDim, longest],
  ]);
  const table = (
    name: string | undefined,
    of: (sentence: EncodedSentence, row: number) => ArrayLike<number>,
  ): void => {
    if (name === undefined) return;
    const data = new Int32Array(rows * longest);
    for (const [row, sentence] of sentences.entries()) data.set(of(sentence, row), row * longest);
    tensors.set(name, { dtype: 'i32', shape: [rows, longest], data });
  };
  const column = (name: string | undefined, of: (sentence: EncodedSentence) => number): void => {
    if (name !== undefined)
      tensors.set(name, { dtype: 'i32', shape: [rows], data: Int32Array.from(sentences, of) });
  };
  table(binding.words.name, (_, row) => words[row] ?? []);
  column(binding.lengths?.name, (sentence) => sentence.words.length);
  for (const [kind, { name }] of binding.forms) table(name, ({ forms }) => forms.get(kind) ?? []);
  column(binding.predicate?.name, ({ predicate = 0 }) => predicate);
  table(binding.predicateMark?.name, (sentence) =>
    sentence.words.map((_, at) => (at === sentence.predicate ? 1 : 0)),
  );
  table(binding.characterLengths?.name, ({ characters }) => characters.map((letters) => letters.length));
  if (binding.tags !== undefined) table(binding.tags.name, ({ tags }) => tags ?? []);
  if (binding.characters !== undefined) {
    const { spec, dim, bound } = binding.characters;
    const width = dim === undefined ? bound : longestWord(sentences);
    const data = new Int32Array(rows * longest * width);
    for (const [row, { characters }] of sentences.entries())
      for (const [at, letters] of characters.entries()) data.set(letters, (row * longest + at) * width);
    tensors.set(spec.name, { dtype: 'i32', shape: [rows, longest, width], data });
    if (dim !== undefined) sizes.set(dim, width);
  }
  return {
    tensors,
    sizes,
    rows,
    tokens: sentences.reduce((sum, each) => sum + each.words.length, 0),
    indices,
  };
}

function longestWord(sentences: readonly EncodedSentence[]): number {
  return sentences.reduce(
    (most, { characters }) => characters.reduce((longest, { length }) => Math.max(longest, length), most),
    1,
  );
}
