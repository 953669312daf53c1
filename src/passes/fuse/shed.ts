/**
 * Moves work out of kernels that merging made too large: what a product's or reduction's kernel computes for one other
 * kernel alone goes there, where that saves traffic. A value is then loaded in one place instead of stored in one and
 * loaded in the other.
 */
import type { Item } from './context.ts';
import type { Group, Grouping } from './groups.ts';

export function shedWork(grouping: Grouping): void {
  for (let changed = true; changed;) {
    changed = false;
    // What is computed last first: what it reads may follow it.
    for (const item of grouping.dependencies.order.toReversed()) changed = shed(grouping, item) || changed;
  }
}

function shed(grouping: Grouping, item: Item): boolean {
  const from = grouping.groupOf(item);
  if (from?.kind !== 'loops' || from.items.size === 1 || !isPointwise(item)) return false;
  const readers = item.results.flatMap((value) => grouping.dependencies.readers.get(value) ?? []);
  const [to, ...others] = new Set(readers.map((reader) => grouping.groupOf(reader)));
  if (to === undefined || others.length > 0 || to === from || to.kind !== 'loops') return false;
  const rest: Group = { ...from, items: new Set([...from.items].filter((each) => each !== item)) };
  const grown: Group = { ...to, items: grouping.union({ ...from, items: new Set([item]) }, to) };
  const before = grouping.traffic(from.items) + grouping.traffic(to.items);
  const after = grouping.traffic(rest.items) + grouping.traffic(grown.items);
  if (after >= before) return false;
  if (!grouping.fits(rest.items, rest.space) || !grouping.fits(grown.items, grown.space)) return false;
  // What reads a state must still come before its update.
  return grouping.move({ from, to, rest, grown });
}

function isPointwise({ kind, node }: Item): boolean {
  return kind === 'compute' && node !== undefined && node.op !== 'reduce' && node.op !== 'dot';
}
