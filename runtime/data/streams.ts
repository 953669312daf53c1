/**
 * A text as parallel streams: row b of a batch goes on where row b of the batch before ended, so that what a recurrent
 * model knows can be carried from batch to batch (truncated back-propagation through time).
 */
import type { WindowBinding } from './binding.ts';
import type { Batch } from './dataset.ts';
import { failAt, plural } from './problem.ts';
import type { Tokens } from './token-store.ts';
import { makeBatch } from './window-batch.ts';

/** Tokens that are predicted in every stream, and how many streams, the first ones, have one more. */
function divide(ids: Tokens, streams: number): { readonly each: number; readonly more: number } {
  const predicted = Math.max(0, ids.length - 1);
  return { each: Math.floor(predicted / streams), more: predicted % streams };
}

/**
 * `streams` pieces of the text, side by side. In training (`whole`) all batches have all rows and whole windows: less
 * than a window at the end of each stream is left out. Otherwise every token but the first is predicted once: a shorter
 * window follows, then one of a single token for the streams that are longer by one, which are the first rows.
 */
export function* cutStreams(
  ids: Tokens,
  length: number,
  streams: number,
  whole: boolean,
  binding: WindowBinding,
): Iterable<Batch> {
  const { each, more } = divide(ids, streams);
  const startOf = (stream: number): number => stream * each + Math.min(stream, more);
  const all = Array.from({ length: streams }, (_, stream) => stream);
  let batch = 0;
  const cut = (rows: readonly number[], at: number, size: number): Batch => {
    const starts = rows.map((stream) => startOf(stream) + at);
    const indices = rows.map((stream) => batch * streams + stream);
    batch += 1;
    return makeBatch(ids, starts, size, indices, binding);
  };
  const windows = Math.floor(each / length);
  for (let window = 0; window < windows; window++) yield cut(all, window * length, length);
  if (whole) return;
  const rest = each - windows * length;
  if (rest > 0) yield cut(all, windows * length, rest);
  if (more > 0) yield cut(all.slice(0, more), each, 1);
}

export function countStreamBatches(ids: Tokens, length: number, streams: number, whole: boolean): number {
  const { each, more } = divide(ids, streams);
  const windows = Math.floor(each / length);
  return whole ? windows : windows + (each > windows * length ? 1 : 0) + (more > 0 ? 1 : 0);
}

/** Says what is left out of training. Fails where a stream has no whole window. */
export function noteStreams(
  tokens: number,
  length: number,
  streams: number,
  file: string,
  notes: string[],
): void {
  const each = Math.floor(Math.max(0, tokens - 1) / streams);
  if (each < length)
    failAt(
      file,
      `${streams} streams of the training part have ${plural(each, 'token')} each, fewer than a window of ${length}`,
      'write smaller `batches{…}` or `windows{…}`, or hold out less',
    );
  const rest = tokens - 1 - Math.floor(each / length) * length * streams;
  if (rest > 0) notes.push(`${plural(rest, 'token')} at the ends of the ${streams} streams: not trained on`);
}
