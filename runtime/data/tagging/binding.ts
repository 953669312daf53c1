/** Which of a tagger's inputs holds what of a sentence, by shape, and by name where shapes are equal. */
import type { DataContext, TensorSpec } from '../dataset.ts';
import { printType, symbolOf } from '../dims.ts';
import { failAt, listNames } from '../problem.ts';
import { formKinds, type FormKind } from './word-forms.ts';

export interface TaggingBinding {
  readonly batchDim: string;
  readonly sequenceDim: string;
  readonly sequenceBound: number;
  /** i32[batch, seq] */
  readonly words: TensorSpec;
  /** i32[batch] */
  readonly lengths: TensorSpec | undefined;
  readonly forms: ReadonlyMap<FormKind, TensorSpec>;
  /** i32[batch], the position; i32[batch, seq], 1 there and 0 elsewhere. */
  readonly predicate: TensorSpec | undefined;
  readonly predicateMark: TensorSpec | undefined;
  readonly characters:
    { readonly spec: TensorSpec; readonly dim: string | undefined; readonly bound: number } | undefined;
  /** i32[batch, seq], characters of each word. */
  readonly characterLengths: TensorSpec | undefined;
  /** i32[batch, seq] */
  readonly tags: TensorSpec | undefined;
}

type BindingContext = Pick<DataContext, 'inputs' | 'dims'> & { readonly targets?: readonly string[] };

/** Throws a RuntimeError for a model that tagged sentences cannot feed. */
export function bindTagging(
  { inputs: all, dims, targets = [] }: BindingContext,
  place: string,
): TaggingBinding {
  const inputs = all.filter(({ name }) => !targets.includes(name));
  const words = inputs.find(
    ({ dtype, shape }) =>
      dtype === 'i32' && shape.length === 2 && shape.every((dim) => symbolOf(dim) !== undefined),
  );
  const [batchDim, sequenceDim] = [symbolOf(words?.shape[0]), symbolOf(words?.shape[1])];
  if (words === undefined || batchDim === undefined || sequenceDim === undefined)
    failAt(
      place,
      `no input of the model takes words: there are ${listNames(inputs.map(describe))}`,
      'words go into an input `i32[batch, seq]`',
    );
  const axesOf = ({ dtype, shape }: TensorSpec): number =>
    dtype === 'i32' &&
    symbolOf(shape[0]) === batchDim &&
    (shape.length < 2 || symbolOf(shape[1]) === sequenceDim)
      ? shape.length
      : 0;
  const others = inputs.filter((input) => input !== words);
  const named = (name: string, axes: number): TensorSpec | undefined =>
    others.find((input) => input.name === name && axesOf(input) === axes);
  const predicate = named('predicate', 1);
  const characters = others.find((input) => axesOf(input) === 3);
  const characterDim = symbolOf(characters?.shape[2]);
  const forms = new Map(
    formKinds.flatMap((kind): [FormKind, TensorSpec][] => {
      const spec = named(kind, 2);
      return spec === undefined ? [] : [[kind, spec]];
    }),
  );
  const boundOf = (dim: string | undefined): number =>
    dims.find(({ name }) => name === dim)?.bound ?? Number.POSITIVE_INFINITY;
  const binding: Omit<TaggingBinding, 'tags'> = {
    batchDim,
    sequenceDim,
    sequenceBound: boundOf(sequenceDim),
    words,
    lengths: others.find((input) => input !== predicate && axesOf(input) === 1),
    forms,
    predicate,
    predicateMark: named('predicate', 2),
    characters: characters && {
      spec: characters,
      dim: characterDim,
      bound:
        characterDim === undefined ? (characters.shape[2]?.[0]?.coefficient ?? 1) : boundOf(characterDim),
    },
    characterLengths: named('char_lengths', 2),
  };
  const { lengths, predicateMark, characterLengths } = binding;
  const used = [words, lengths, ...forms.values(), predicate, predicateMark, characters, characterLengths];
  const left = others.filter((input) => !used.includes(input));
  if (left.length > 0)
    failAt(
      place,
      `tagged sentences cannot fill the model's ${listNames(left.map(describe))}`,
      `beside the words and \`i32[${batchDim}]\`, their number, they give \`i32[${batchDim}, ${sequenceDim}]\` called ${listNames([...formKinds, 'predicate', 'char_lengths'])}, \`predicate: i32[${batchDim}]\`, and characters \`i32[${batchDim}, ${sequenceDim}, char]\``,
    );
  const wanted = all.filter(({ name }) => targets.includes(name));
  const [tags] = wanted;
  if (wanted.length > 1 || (tags !== undefined && axesOf(tags) !== 2))
    failAt(
      place,
      `tags of words cannot fill ${listNames(wanted.map(describe))}`,
      `they fill one target \`i32[${batchDim}, ${sequenceDim}]\``,
    );
  return { ...binding, tags };
}

function describe(spec: TensorSpec): string {
  return `${spec.name}: ${printType(spec)}`;
}
