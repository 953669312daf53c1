/** `batches{…, balance}`: an epoch in which every class has as many rows, whatever the file has. */
import { range, shuffled, streams } from './random.ts';

/**
 * As many rows as there are, in no order. Each class goes through its rows in one order after another, on from where the
 * epoch before ended: none comes a second time before all have come once, over all epochs together, and a frequent
 * class shows others in the next one. Depends on seed and epoch alone.
 */
export function balanceRows(classes: readonly number[], seed: number, epoch: number): readonly number[] {
  const rowsOf = new Map<number, number[]>();
  classes.forEach((label, row) => {
    const known = rowsOf.get(label);
    if (known === undefined) rowsOf.set(label, [row]);
    else known.push(row);
  });
  const labels = [...rowsOf.keys()].toSorted((a, b) => a - b);
  const { length: count } = labels;
  // The rows that do not divide go to other classes in turn.
  const quotaOf = (at: number, total: number): number => Math.floor((total + count - 1 - at) / count);
  const before = epoch * classes.length;
  return labels.flatMap((label, at) => {
    const rows = rowsOf.get(label) ?? [];
    const from = quotaOf(at, before);
    const to = quotaOf(at, before + classes.length);
    return range(to - from).map((step) => {
      const position = from + step;
      return orderOf(rows, seed, label, Math.floor(position / rows.length))[position % rows.length] ?? 0;
    });
  });
}

/** The order of the last round of each class, which is asked for row by row. */
const known = new WeakMap<readonly number[], { readonly key: string; readonly order: readonly number[] }>();

function orderOf(rows: readonly number[], seed: number, label: number, round: number): readonly number[] {
  const key = `${seed} ${label} ${round}`;
  const last = known.get(rows);
  if (last?.key === key) return last.order;
  const order = shuffled(rows, (seed ^ Math.imul(label + 1, 0x9e3779b1)) >>> 0, streams.classes, round);
  known.set(rows, { key, order });
  return order;
}
