/**
 * Tokens that are hidden for a masked language model (Devlin et al. 2019, BERT: appendix A.1). Which ones depends on the
 * seed, the epoch, the row and the place, and on nothing else: a run that is continued hides what it would have hidden.
 */
import { philox4x32 } from '../../philox.ts';
import type { StageArguments } from '../arguments.ts';
import type { WindowBinding } from '../binding.ts';
import type { Batch, BatchOptions, Split } from '../dataset.ts';
import { failAt } from '../problem.ts';
import { streams } from '../random.ts';
import type { Tokenizer } from '../tokenizer.ts';

/** What `cross_entropy(…, ignore_index=-100)` passes over. */
export const notHidden = -100;

/** Where a row of tokens stands among all draws. */
export interface Draw {
  readonly split: Split;
  readonly row: number;
  readonly seed: number;
  readonly epoch: number;
}

export interface HiddenRow {
  readonly tokens: Int32Array;
  /** The token that was there where one was chosen, `notHidden` elsewhere. */
  readonly labels: Int32Array;
  readonly chosen: number;
}

export type HideTokens = (ids: Int32Array, draw: Draw) => HiddenRow;

const parts: Readonly<Record<Split, number>> = { train: 0, validation: 1, test: 2 };

/** Throws a RuntimeError where the vocabulary has no `<mask>`. */
export function createHide(stage: StageArguments, tokenizer: Tokenizer): HideTokens {
  const [share, mask, random] = ['share', 'mask', 'random'].map((name) => stage.number(name)) as [number, number, number]; // prettier-ignore
  const hidden =
    tokenizer.special.mask ??
    failAt(
      stage.place,
      'the vocabulary has no `<mask>`',
      'one that `words{…}`, `characters{…}` or `bpe{…}` learns for `masking{…}` has',
    );
  const special = new Set<number>(Object.values(tokenizer.special));
  const ordinary = Int32Array.from({ length: tokenizer.size }, (_, id) => id).filter(
    (id) => !special.has(id),
  );
  const replace = (id: number, kind: number, other: number): number => {
    if (kind < mask) return hidden;
    if (kind < mask + random) return ordinary[Math.floor(other * ordinary.length)] ?? id;
    return id;
  };
  return (ids, { split, row, seed, epoch }) => {
    const drawn = Array.from(ids.keys()).flatMap((place) => {
      if (special.has(ids[place] ?? hidden)) return [];
      const words = philox4x32([place, row, epoch >>> 0, parts[split]], [seed >>> 0, streams.hidden]);
      return [{ place, order: words[0], kind: words[1] / 2 ** 32, other: words[2] / 2 ** 32 }];
    });
    const chosen = drawn
      .toSorted((a, b) => a.order - b.order)
      .slice(0, Math.max(1, Math.round(drawn.length * share)));
    const tokens = ids.slice();
    const labels = new Int32Array(ids.length).fill(notHidden);
    for (const { place, kind, other } of chosen) {
      const id = ids[place] ?? hidden;
      labels[place] = id;
      tokens[place] = replace(id, kind, other);
    }
    return { tokens, labels, chosen: chosen.length };
  };
}

/**
 * The batch with tokens hidden. `lengths`: tokens of each row; what is behind them is padding. What is held out is hidden
 * in one way, whatever the seed and the epoch. The batch counts for as much as it has tokens to guess.
 */
export function hideInBatch(
  batch: Batch,
  lengths: readonly number[],
  binding: WindowBinding,
  hide: HideTokens,
  split: Split,
  { seed, epoch }: BatchOptions,
): Batch {
  const given = batch.tensors.get(binding.tokens.name);
  if (given === undefined) return batch;
  const [, width = 0] = given.shape;
  const tokens = Int32Array.from(given.data);
  const labels = new Int32Array(tokens.length).fill(notHidden);
  const draw = split === 'train' ? { seed, epoch } : { seed: 0, epoch: 0 };
  let chosen = 0;
  lengths.forEach((length, k) => {
    const at = k * width;
    const row = hide(tokens.subarray(at, at + length), { split, row: batch.indices[k] ?? k, ...draw });
    tokens.set(row.tokens, at);
    labels.set(row.labels, at);
    chosen += row.chosen;
  });
  const { shape } = given;
  const tensors = new Map([...batch.tensors, [binding.tokens.name, { dtype: 'i32', shape, data: tokens }]]);
  if (binding.target !== undefined) tensors.set(binding.target.name, { dtype: 'i32', shape, data: labels });
  return { ...batch, tensors, weight: chosen };
}
