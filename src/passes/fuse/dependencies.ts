/** Which items must run before which: reads of what another item writes, and reads of a state before its update. */
import type { Value } from '../../ir/graph.ts';
import type { FusionContext, Item } from './context.ts';

/**
 * The values with buffers that expressions of these values load; of those in `made`, what they are made from. What the
 * items of `inlined` make is computed where it is read.
 */
export function basesOf(
  ctx: FusionContext,
  values: readonly Value[],
  made: readonly Value[] = [],
  inlined: ReadonlySet<Item> = new Set(),
): ReadonlySet<Value> {
  const bases = new Set<Value>();
  const seen = new Set<Value>();
  const walk = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    const writers = ctx.writers.get(value);
    if (writers !== undefined && !writers.some((writer) => inlined.has(writer))) bases.add(value);
    else expand(value);
  };
  const expand = (value: Value): void => {
    const definition = ctx.definition(value);
    switch (definition.kind) {
      case 'place':
        bases.add(value);
        return;
      case 'scalar':
        return;
      case 'element':
        walk(definition.of);
        return;
      case 'same':
        walk(definition.as);
        return;
      case 'node':
        for (const operand of definition.node.operands) walk(operand);
    }
  };
  for (const value of made) expand(value);
  for (const value of values) walk(value);
  return bases;
}

function basesOfItem(ctx: FusionContext, item: Item): ReadonlySet<Value> {
  switch (item.kind) {
    case 'compute':
      return basesOf(ctx, [], item.results);
    case 'copy':
      return basesOf(ctx, item.source === undefined ? [] : [item.source]);
    case 'attention':
      return basesOf(ctx, item.node?.operands ?? [], [], item.inlined);
    case 'scatter':
      return basesOf(ctx, item.reads);
    case 'recurrence':
      return basesOf(ctx, item.recurrence.operands);
    case 'scan':
      return basesOf(ctx, [...(item.node?.operands ?? []), ...item.reads]);
  }
}

export interface Dependencies {
  /** In an order in which everything follows what it depends on. */
  readonly order: readonly Item[];
  readonly before: ReadonlyMap<Item, ReadonlySet<Item>>;
  readonly after: ReadonlyMap<Item, ReadonlySet<Item>>;
  /** Values with buffers that an item loads. */
  readonly bases: ReadonlyMap<Item, ReadonlySet<Value>>;
  /** Items that load a value. */
  readonly readers: ReadonlyMap<Value, readonly Item[]>;
}

export function findDependencies(ctx: FusionContext, items: readonly Item[]): Dependencies {
  const local = new Set(items);
  const bases = new Map(items.map((item) => [item, basesOfItem(ctx, item)]));
  const before = new Map<Item, Set<Item>>(items.map((item) => [item, new Set()]));
  const after = new Map<Item, Set<Item>>(items.map((item) => [item, new Set()]));
  const readers = new Map<Value, Item[]>();
  const addEdge = (first: Item, second: Item): void => {
    if (first === second) return;
    before.get(second)?.add(first);
    after.get(first)?.add(second);
  };
  const updates = new Map<number, Item[]>();
  for (const item of items) {
    if (item.kind !== 'copy' || !item.target.inPlace) continue;
    const slot = item.target.place.slot;
    updates.set(slot, [...(updates.get(slot) ?? []), item]);
  }
  for (const item of items) {
    for (const base of bases.get(item) ?? []) {
      readers.set(base, [...(readers.get(base) ?? []), item]);
      const writers = ctx.writers.get(base);
      for (const writer of writers ?? []) if (local.has(writer)) addEdge(writer, item);
      const slot = writers === undefined ? ctx.place(base).slot : undefined;
      for (const update of (slot !== undefined && updates.get(slot)) || []) addEdge(item, update);
    }
  }
  return { order: sortItems(items, before), before, after, bases, readers };
}

function sortItems(items: readonly Item[], before: ReadonlyMap<Item, ReadonlySet<Item>>): readonly Item[] {
  const done = new Set<Item>();
  const order: Item[] = [];
  const visit = (item: Item): void => {
    if (done.has(item)) return;
    done.add(item);
    for (const first of before.get(item) ?? []) visit(first);
    order.push(item);
  };
  for (const item of items) visit(item);
  return order;
}
