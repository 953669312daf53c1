/** Groups of items, one kernel or loop each, with the one question that merging asks of their order. */
import type { Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { buildKernel, renameKernel, type BuiltKernel } from './build-kernel.ts';
import type { FusionContext, GroupContents, Item } from './context.ts';
import type { Dependencies } from './dependencies.ts';
import { GroupOrder } from './group-order.ts';
import { kernelKey } from './kernel-key.ts';
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
  readonly #readers = new Map<Group, Set<Group>>();
  readonly #slots = new WeakMap<ReadonlySet<Item>, ReadonlySet<number>>();
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

  /** The groups that depend on one, as long as groups are merged: asked for far more often than it changes. */
  #after(group: Group): ReadonlySet<Group> {
    const known = this.#readers.get(group);
    if (known !== undefined) return known;
    const found = new Set(this.neighbours(group, 'after'));
    this.#readers.set(group, found);
    return found;
  }

  /** Whether `to` depends on `from` through a third group. */
  reachesIndirectly(from: Group, to: Group): boolean {
    const last = this.#order.rank(to);
    if (this.#order.rank(from) > last) return false;
    return this.#isOnWay(
      [...this.#after(from)].filter((group) => group !== to),
      new Set([from]),
      last,
      (group) => group === to,
    );
  }

  /** Whether no group outside of these stands between two of them: together they can be one launch. */
  isConvex(groups: readonly Group[]): boolean {
    const inside = new Set(groups);
    const outside = groups.flatMap((group) => [...this.#after(group)].filter((next) => !inside.has(next)));
    const last = Math.max(...groups.map((group) => this.#order.rank(group)));
    return !this.#isOnWay(outside, new Set(), last, (group) => inside.has(group));
  }

  /**
   * Whether a way from one of these groups, which are searched themselves, ends at a wanted one, which is not after
   * `last`. What comes late is looked at first: ways from the forward to the backward are short there.
   */
  #isOnWay(
    starts: readonly Group[],
    seen: Set<Group>,
    last: number,
    isWanted: (group: Group) => boolean,
  ): boolean {
    const rank = (group: Group): number => this.#order.rank(group);
    const early = (groups: readonly Group[]): readonly Group[] =>
      groups.filter((group) => rank(group) <= last).toSorted((lhs, rhs) => rank(lhs) - rank(rhs));
    const stack = [...early(starts)];
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (seen.has(group)) continue;
      seen.add(group);
      const after = this.#after(group);
      for (const next of after) if (isWanted(next)) return true;
      stack.push(...early([...after].filter((next) => !seen.has(next))));
    }
    return false;
  }

  reaches(from: Group, to: Group): boolean {
    return this.#after(from).has(to) || this.reachesIndirectly(from, to);
  }

  replace(groups: readonly Group[], merged: Group): void {
    this.#order.merge(groups, merged, (group) => this.#after(group));
    for (const group of groups) {
      for (const item of group.items) this.#groupOf.set(item, merged);
      this.#readers.delete(group);
    }
    for (const before of this.neighbours(merged, 'before')) {
      const readers = this.#readers.get(before);
      if (readers === undefined) continue;
      for (const group of groups) readers.delete(group);
      readers.add(merged);
    }
  }

  /**
   * Moves items from a group to a later one that alone reads them: `rest` and `grown` take the places of the two. False,
   * and nothing done, where the later one would have to run before something that it needs.
   */
  move({ from, to, rest, grown }: Record<'from' | 'to' | 'rest' | 'grown', Group>): boolean {
    this.#assign(from, rest);
    this.#assign(to, grown);
    if (this.isConvex([grown])) {
      const place = this.#order.rank(grown);
      const early = [...this.#after(grown)].some((group) => this.#order.rank(group) < place);
      if (early) this.#order.sort((group) => this.neighbours(group, 'before'));
      return true;
    }
    this.#assign(grown, to);
    this.#assign(rest, from);
    return false;
  }

  #assign(from: Group, to: Group): void {
    this.#order.replace(from, to);
    for (const item of to.items) this.#groupOf.set(item, to);
    for (const group of [from, to, ...this.neighbours(from, 'before'), ...this.neighbours(to, 'before')])
      this.#readers.delete(group);
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

  /** Kernels of equal keys share their stages, by which code generation sees that they are the same. */
  build(items: ReadonlySet<Item>, space: readonly Dim[]): BuiltKernel {
    const contents = this.#contents(items, space);
    const { text, slots } = kernelKey(this.ctx, contents, true);
    const known = this.ctx.built.get(text);
    if (known !== undefined)
      return renameKernel(
        this.ctx,
        contents,
        known.kernel,
        known.at.map((at) => slots[at] ?? -1),
      );
    const built = buildKernel(this.ctx, contents);
    this.ctx.built.set(text, { kernel: built.kernel, at: built.slots.map((slot) => slots.indexOf(slot)) });
    return built;
  }

  /** Whether the items make one kernel over the space. */
  fits(items: ReadonlySet<Item>, space: readonly Dim[]): boolean {
    if (!this.ctx.canBind([...this.slotsOf(items)], this.depth)) return false;
    const contents = this.#contents(items, space);
    const { text } = kernelKey(this.ctx, contents, false);
    const known = this.ctx.fits.get(text);
    if (known !== undefined) return known;
    const fits = this.#tryBuild(contents);
    this.ctx.fits.set(text, fits);
    return fits;
  }

  #tryBuild(contents: GroupContents): boolean {
    try {
      buildKernel(this.ctx, contents);
      return true;
    } catch (error) {
      if (error instanceof CannotFuse) return false;
      throw error;
    }
  }

  #contents(items: ReadonlySet<Item>, space: readonly Dim[]): GroupContents {
    return { items, stored: this.storedValues(items), space, depth: this.depth };
  }

  /** Elements, at the bounds, of the buffers that a kernel of the items loads or stores. */
  traffic(items: ReadonlySet<Item>): number {
    const { slots } = this.ctx;
    return [...this.slotsOf(items)].reduce(
      (sum, at) => sum + this.ctx.volume(slots[at]?.type.shape ?? []),
      0,
    );
  }

  /** The buffers that a kernel of the items binds: what building it would find out much later. */
  slotsOf(items: ReadonlySet<Item>): ReadonlySet<number> {
    const known = this.#slots.get(items);
    if (known !== undefined) return known;
    const slots = new Set<number>();
    for (const item of items) {
      if (item.kind === 'copy') slots.add(item.target.place.slot);
      for (const base of this.dependencies.bases.get(item) ?? []) {
        const inside = this.ctx.writers.get(base)?.some((writer) => items.has(writer)) === true;
        if (!inside) slots.add(this.ctx.place(base).slot);
      }
    }
    for (const value of this.storedValues(items)) slots.add(this.ctx.place(value).slot);
    this.#slots.set(items, slots);
    return slots;
  }

  /** Whether a kernel of two groups can bind what they bind, where neither reads the other. */
  canBindBoth(lhs: Group, rhs: Group): boolean {
    const slots = new Set(this.slotsOf(lhs.items));
    for (const slot of this.slotsOf(rhs.items)) slots.add(slot);
    return slots.size <= this.ctx.limits.storageBuffers || this.ctx.canBind([...slots], this.depth);
  }
}
