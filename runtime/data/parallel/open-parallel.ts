/** Parallel text as a data set: read, split, numbered by one vocabulary or two. */
import type { Pipeline, StageArguments } from '../arguments.ts';
import type { DataContext, DataFiles, Dataset } from '../dataset.ts';
import { encodingOf, parseEncoder, type EncoderData, type InputEncoding } from '../encoder.ts';
import { learnTokenizer } from '../learn-tokenizer.ts';
import type { Batching } from '../order.ts';
import { collectParts, readParts } from '../parts.ts';
import { failAt } from '../problem.ts';
import type { SplitPlan } from '../split.ts';
import { markedTokens } from '../vocabulary.ts';
import { bindParallel, type ParallelBinding, type SideBinding } from './binding.ts';
import { createPairDataset, type Pairs } from './pair-dataset.ts';
import { readPairs, type SourcePairs } from './read-pairs.ts';

/** Throws a RuntimeError with the file, the line, what is wrong and the cure. */
export async function openParallel(
  source: StageArguments,
  { tokenizer }: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: DataContext & { readonly files: DataFiles },
): Promise<Dataset> {
  if (tokenizer === undefined)
    failAt(source.place, 'text needs a tokeniser', 'write `parallel{…} | bpe{merges=2000} | batches{…}`');
  const binding = bindParallel(context, tokenizer.place);
  const read = (path: string): Promise<SourcePairs> => readPairs(path, source, context.files);
  const path = source.string('path');
  const parts = await readParts(split, ({ pairs }) => pairs.length, await read(path), read);
  const { rows, notes: sourceNotes } = collectParts(parts, ({ pairs }) => pairs, path);
  const notes = [...sourceNotes];
  const encoder =
    context.encoder === undefined
      ? learnEncoder(rows, source, tokenizer, binding, context, notes)
      : parseEncoder(context.encoder);
  const encodings = {
    source: encodingOf(encoder, binding.source.spec.name),
    target: encodingOf(encoder, binding.target.spec.name),
  };
  const skipsLong = source.string('long') === 'skip';
  const settings = { binding, batching, context, encoder, ...encodings, skipsLong };
  return createPairDataset(rows, settings, notes);
}

function learnEncoder(
  { train }: Pairs,
  source: StageArguments,
  tokenizer: StageArguments,
  binding: ParallelBinding,
  { tokenizerFile: file, pretrained }: DataContext,
  notes: string[],
): EncoderData {
  const sources = () => train.map((pair) => pair.source);
  const targets = () => train.map((pair) => pair.target);
  const learn = (side: SideBinding, texts: () => Iterable<string>, into: string[]): InputEncoding => {
    // One place is for the token that begins a text, or ends it.
    const most = Math.max(1, side.bound - 1);
    const special = markedTokens;
    return learnTokenizer(
      tokenizer,
      {
        most,
        input: side.spec,
        texts,
        cutsTexts: false,
        special,
        file,
        ...(pretrained && { pretrained }),
      },
      into,
    );
  };
  const name = (side: SideBinding) => side.spec.name;
  const encoder = (first: InputEncoding, second: InputEncoding): EncoderData => ({
    inputs: new Map([
      [name(binding.source), first],
      [name(binding.target), second],
    ]),
    labels: [],
  });
  // A file is one vocabulary; of two tables the smaller one limits what both share.
  if (source.string('vocabulary') === 'joint' || file !== undefined) {
    const room = (side: SideBinding): number => side.spec.range?.[1] ?? Number.POSITIVE_INFINITY;
    const [less, more] = room(binding.target) < room(binding.source) ? [binding.target, binding.source] : [binding.source, binding.target]; // prettier-ignore
    const learnt = learn(less, () => [...sources(), ...targets()], notes);
    const other = { ...learnt, maxLength: lengthFor(tokenizer, more) };
    return less === binding.source ? encoder(learnt, other) : encoder(other, learnt);
  }
  const side = (each: SideBinding, texts: () => Iterable<string>): InputEncoding => {
    const own: string[] = [];
    const learnt = learn(each, texts, own);
    notes.push(...own.map((note) => `${name(each)}: ${note}`));
    return learnt;
  };
  return encoder(side(binding.source, sources), side(binding.target, targets));
}

function lengthFor(tokenizer: StageArguments, { bound }: SideBinding): number {
  const most = Math.max(1, bound - 1);
  return Math.min(tokenizer.optionalInteger('max_length') ?? most, most, 0x7fffffff);
}
