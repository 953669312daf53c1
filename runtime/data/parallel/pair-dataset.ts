/** Pairs in numbers, in batches of like length. */
import type { Batch, DataContext, Dataset, Split } from '../dataset.ts';
import { printEncoder, type EncoderData, type InputEncoding } from '../encoder.ts';
import { createOrder, type Batching } from '../order.ts';
import { failAt, Faults, formatPlace, plural } from '../problem.ts';
import { mapSplits } from '../text-dataset.ts';
import { makePairBatch, type NumberedPair } from './batch.ts';
import type { ParallelBinding } from './binding.ts';
import type { PairRow } from './read-pairs.ts';

export type Pairs = Readonly<Record<Split, readonly PairRow[]>>;

export interface PairSettings {
  readonly binding: ParallelBinding;
  readonly batching: Batching;
  readonly context: DataContext;
  readonly encoder: EncoderData;
  readonly source: InputEncoding;
  readonly target: InputEncoding;
  readonly skipsLong: boolean;
}

interface Numbered extends NumberedPair {
  readonly row: PairRow;
}

/** Throws a RuntimeError where pairs are longer than they may be. */
export function createPairDataset(pairs: Pairs, settings: PairSettings, notes: string[]): Dataset {
  const { binding, batching, context, encoder, source, target } = settings;
  checkBucket(batching, binding);
  const number = createNumber(settings);
  const rows = mapSplits((split) => fitPairs(pairs[split].map(number), settings, split, notes));
  notes.unshift(
    `${plural(rows.train.length, 'pair')} to train on, ${rows.validation.length} for validation, ${rows.test.length} for the test`,
  );
  noteRepeated(rows, notes);
  const padding = { source: source.tokenizer.special.pad ?? 0, target: target.tokenizer.special.pad ?? 0 };
  const order = createOrder(
    batching,
    context,
    mapSplits((split) => rows[split].map((pair) => pair.source.length + pair.target.length)),
  );
  return {
    rows: mapSplits((split) => rows[split].length),
    *batches(split, options): Iterable<Batch> {
      for (const indices of order(split, options)) {
        const chosen = indices.flatMap((index) => rows[split][index] ?? []);
        yield makePairBatch(binding, chosen, padding, indices);
      }
    },
    batchesPerEpoch: (split) => Math.ceil(rows[split].length / batching.size),
    encoder: printEncoder(encoder),
    labels: [],
    notes,
    text: (split, row) => rows[split][row]?.row.source ?? '',
    pair: (split, row) => {
      const { source: from = '', target: to = '' } = rows[split][row]?.row ?? {};
      return { source: from, target: to };
    },
  };
}

function checkBucket({ bucket, place }: Batching, { source, target }: ParallelBinding): void {
  if (bucket !== undefined && bucket !== source.dim && bucket !== target.dim)
    failAt(
      place,
      `pairs are padded along \`${source.dim}\` and \`${target.dim}\`, not \`${bucket}\``,
      `write \`bucket=${target.dim}\``,
    );
}

type Lengths = Readonly<Record<'source' | 'target', number>>;

function createNumber({ source, target }: PairSettings): (row: PairRow) => Numbered {
  const { eos: ends } = source.tokenizer.special;
  // GPT-2's vocabulary begins a text as it ends one.
  const { eos, bos = eos } = target.tokenizer.special;
  if (bos === undefined || eos === undefined)
    failAt('the tokeniser', 'it has no tokens that begin and end a text', '`<s>` and `</s>` do');
  return (row) => ({
    row,
    source: Int32Array.from([...source.tokenizer.encode(row.source), ...(ends === undefined ? [] : [ends])]),
    target: Int32Array.from([bos, ...target.tokenizer.encode(row.target), eos]),
  });
}

/** Tokens of each side that fit, without `<s>` and `</s>`. */
function lengthsOf({ source, target, binding }: PairSettings): Lengths {
  return {
    source: Math.min(source.maxLength, binding.source.bound - 1),
    target: Math.min(target.maxLength, binding.target.bound - 1),
  };
}

/** Pairs beyond the lengths are an error, or left out of training and cut elsewhere, with a note. */
function fitPairs(
  pairs: readonly Numbered[],
  settings: PairSettings,
  split: Split,
  notes: string[],
): readonly Numbered[] {
  const most = lengthsOf(settings);
  const endsSource = settings.source.tokenizer.special.eos === undefined ? 0 : 1;
  const sizeOf = ({ source, target }: NumberedPair): Lengths => ({
    source: source.length - endsSource,
    target: target.length - 2,
  });
  const isLong = (pair: NumberedPair): boolean => {
    const size = sizeOf(pair);
    return size.source > most.source || size.target > most.target;
  };
  const long = pairs.filter(isLong);
  const [first] = long;
  if (first === undefined) return pairs;
  if (settings.skipsLong) {
    const done = split === 'train' ? 'left out' : 'cut';
    notes.push(
      `${plural(long.length, 'pair')} of ${split} longer than ${most.source} and ${most.target} tokens ${done}, the first ${formatPlace(first.row.place)}`,
    );
    return split === 'train'
      ? pairs.filter((pair) => !isLong(pair))
      : pairs.map((pair) => (isLong(pair) ? cutPair(pair, most, endsSource) : pair));
  }
  const longest = (side: 'source' | 'target'): number => Math.max(...long.map((pair) => sizeOf(pair)[side]));
  const faults = new Faults(
    `raise the bounds or \`max_length\` to ${longest('source')} and ${longest('target')} tokens and the one that begins or ends a text, or write \`parallel{…, long=skip}\` to leave such pairs out of training`,
  );
  for (const pair of long) {
    const side = sizeOf(pair).source > most.source ? 'source' : 'target';
    faults.add(pair.row.place, `the ${side} has ${sizeOf(pair)[side]} tokens, and ${most[side]} fit`);
  }
  faults.check();
  return pairs;
}

function cutPair({ row, source, target }: Numbered, most: Lengths, endsSource: number): Numbered {
  const words = source.subarray(0, source.length - endsSource).subarray(0, most.source);
  const written = target.subarray(0, -1).subarray(0, 1 + most.target);
  return {
    row,
    source: Int32Array.from([...words, ...source.subarray(source.length - endsSource)]),
    target: Int32Array.from([...written, ...target.subarray(-1)]),
  };
}

/** A test that was seen in training says less than it seems to. */
function noteRepeated(rows: Readonly<Record<Split, readonly Numbered[]>>, notes: string[]): void {
  const spell = ({ row }: Numbered): string => `${row.source}\n${row.target}`;
  const seen = new Set(rows.train.map(spell));
  for (const split of ['validation', 'test'] as const) {
    const [first, ...more] = rows[split].filter((pair) => seen.has(spell(pair)));
    if (first !== undefined)
      notes.push(
        `${more.length + 1} of ${plural(rows[split].length, 'pair')} for ${split} also stand in the training part, the first in ${formatPlace(first.row.place)}`,
      );
  }
}
