/** Groups of items, one kernel or loop each, with the one question that merging asks of their order. */
import type { Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { buildKernel, type BuiltKernel } from './build-kernel.ts';
import type { FusionContext, Item } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { GroupOrder } from './group-order.ts';
import { CannotFuse, isUnit } from './kernel-expressions.ts';

export interface Group {
  readonly items: ReadonlySet<Item>;
  readonly kind: 'loops' | 'scatter' | 'attention' | 'scan' | 'recurrence';
  readonly space: readonly Dim[];
}

export class Grouping {
  readonly ctx: FusionContext;
  readonly dependencies: Dependencies;
  readonly depth: number;
  readonly #whole: ReadonlySet<Value>;
  readonly #groupOf = new Map<Item, Group>();
  readonly #order = new GroupOrder<Group>();
  readonly #refused = new Map<Group, Set<Group>>();

  constructor(ctx: FusionContext, dependencies: Dependencies, depth: number, whole: ReadonlySet<Value>) {
    this.ctx = ctx;
    this.dependencies = dependencies;
    this.depth = depth;
    this.#whole = whole;
    for (const item of dependencies.order) {
      const kind = item.kind === 'compute' || item.kind === 'copy' ? 'loops' : item.kind;
      const shape = item.kind === 'copy' ? item.type.shape : (item.results[0]?.type.shape ?? []);
      const space = shape.filter((dim) => !isUnit(dim));
      const group: Group = { items: new Set([item]), kind, space };
      this.#groupOf.set(item, group);
      this.#order.push(group);
    }
  }

  groupOf(item: Item): Group | undefined {
    return this.#groupOf.get(item);
  }

  /** Groups never change: two that make no kernel together never will. */
  isRefused(lhs: Group, rhs: Group): boolean {
    return this.#refused.get(lhs)?.has(rhs) === true;
  }

  refuse(lhs: Group, rhs: Group): false {
    const known = this.#refused.get(lhs) ?? new Set<Group>();
    this.#refused.set(lhs, known.add(rhs));
    return false;
  }

  /** In the order of their first items. */
  groups(): readonly Group[] {
    return [...new Set(this.dependencies.order.flatMap((item) => this.#groupOf.get(item) ?? []))];
  }

  neighbours(group: Group, direction: 'before' | 'after'): readonly Group[] {
    const found = new Set<Group>();
    for (const item of group.items) {
      for (const other of this.dependencies[direction].get(item) ?? []) {
        const otherGroup = this.#groupOf.get(other);
        if (otherGroup !== undefined && otherGroup !== group) found.add(otherGroup);
      }
    }
    return [...found];
  }

  /** Whether `to` depends on `from` through a third group. */
  reachesIndirectly(from: Group, to: Group): boolean {
    // Everything on a way to `to` stands before it.
    const last = this.#order.rank(to);
    if (this.#order.rank(from) > last) return false;
    const seen = new Set<Group>([from]);
    const stack = this.neighbours(from, 'after').filter((group) => group !== to);
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (seen.has(group) || this.#order.rank(group) > last) continue;
      seen.add(group);
      for (const next of this.neighbours(group, 'after')) {
        if (next === to) return true;
        if (!seen.has(next)) stack.push(next);
      }
    }
    return false;
  }

  /** Whether no group outside of these stands between two of them: together they can be one launch. */
  isConvex(groups: readonly Group[]): boolean {
    const inside = new Set(groups);
    const seen = new Set<Group>();
    const stack = groups.flatMap((group) =>
      this.neighbours(group, 'after').filter((next) => !inside.has(next)),
    );
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (inside.has(group)) return false;
      if (seen.has(group)) continue;
      seen.add(group);
      stack.push(...this.neighbours(group, 'after'));
    }
    return true;
  }

  reaches(from: Group, to: Group): boolean {
    return this.neighbours(from, 'after').includes(to) || this.reachesIndirectly(from, to);
  }

  replace(groups: readonly Group[], merged: Group): void {
    this.#order.merge(groups, merged, (group) => this.neighbours(group, 'after'));
    for (const group of groups) for (const item of group.items) this.#groupOf.set(item, merged);
  }

  /** Says where items are from now on, once merging, which asks for the order of groups, is over. */
  assign(group: Group): void {
    for (const item of group.items) this.#groupOf.set(item, group);
  }

  /** In the order in which the items were made, whatever the order of merging. */
  union(lhs: Group, rhs: Group): ReadonlySet<Item> {
    return new Set([...lhs.items, ...rhs.items].toSorted((first, second) => first.id - second.id));
  }

  /** Values of the group that somebody outside loads; copies of the group may stand for them. */
  storedValues(items: ReadonlySet<Item>): readonly Value[] {
    const aliases = this.aliases(items);
    return [...items].flatMap((item) =>
      item.kind !== 'compute'
        ? []
        : item.results.filter((value) => this.isRead(value, items) && !aliases.has(value)),
    );
  }

  /** Values that a copy of the same group stores where others can load them. */
  aliases(items: ReadonlySet<Item>): ReadonlyMap<Value, Extract<Item, { kind: 'copy' }>> {
    const aliases = new Map<Value, Extract<Item, { kind: 'copy' }>>();
    for (const item of items) {
      if (item.kind !== 'copy' || item.source === undefined || aliases.has(item.source)) continue;
      const { target, source } = item;
      if (!target.stable || target.accumulate || (this.#whole.has(source) && !target.place.whole)) continue;
      const [writer] = this.ctx.writers.get(source) ?? [];
      if (writer?.kind === 'compute' && items.has(writer)) aliases.set(source, item);
    }
    return aliases;
  }

  /** Whether somebody outside of the items loads the value. */
  isRead(value: Value, items: ReadonlySet<Item>): boolean {
    return (
      this.#whole.has(value) ||
      (this.dependencies.readers.get(value) ?? []).some((reader) => !items.has(reader))
    );
  }

  build(items: ReadonlySet<Item>, space: readonly Dim[]): BuiltKernel {
    return buildKernel(this.ctx, { items, stored: this.storedValues(items), space, depth: this.depth });
  }

  /** Whether the items make one kernel over the space. */
  fits(items: ReadonlySet<Item>, space: readonly Dim[]): boolean {
    if (!this.ctx.canBind([...this.#slotsOf(items)], this.depth)) return false;
    try {
      this.build(items, space);
      return true;
    } catch (error) {
      if (error instanceof CannotFuse) return false;
      throw error;
    }
  }

  /** Elements, at the bounds, of the buffers that a kernel of the items loads or stores. */
  traffic(items: ReadonlySet<Item>): number {
    const { slots } = this.ctx;
    return [...this.#slotsOf(items)].reduce(
      (sum, at) => sum + this.ctx.volume(slots[at]?.type.shape ?? []),
      0,
    );
  }

  /** The buffers that a kernel of the items binds: what building it would find out much later. */
  #slotsOf(items: ReadonlySet<Item>): ReadonlySet<number> {
    const slots = new Set<number>();
    for (const item of items) {
      if (item.kind === 'copy') slots.add(item.target.place.slot);
      for (const base of this.dependencies.bases.get(item) ?? []) {
        const inside = this.ctx.writers.get(base)?.some((writer) => items.has(writer)) === true;
        if (!inside) slots.add(this.ctx.place(base).slot);
      }
    }
    for (const value of this.storedValues(items)) slots.add(this.ctx.place(value).slot);
    return slots;
  }
}
