/** An order of groups in which each follows what it depends on, kept up to date while groups merge. */

/**
 * After Pearce and Kelly 2006, "A dynamic topological sort algorithm for directed acyclic graphs": a merge moves only
 * what lies between the merged.
 */
export class GroupOrder<Group> {
  /** Undefined: a place that nobody has any more. */
  readonly #order: (Group | undefined)[] = [];
  readonly #ranks = new Map<Group, number>();

  /** The next group; everything that it depends on is there already. */
  push(group: Group): void {
    this.#ranks.set(group, this.#order.push(group) - 1);
  }

  rank(group: Group): number {
    return this.#ranks.get(group) ?? -1;
  }

  /** The other group in the place of the one. */
  replace(group: Group, other: Group): void {
    const rank = this.rank(group);
    this.#ranks.delete(group);
    this.#ranks.set(other, rank);
    this.#order[rank] = other;
  }

  /** Orders all groups anew: only where many have moved, or dependencies have turned. */
  sort(before: (group: Group) => Iterable<Group>): void {
    const groups = this.#order.filter((group): group is Group => group !== undefined);
    this.#order.length = 0;
    this.#ranks.clear();
    const seen = new Set<Group>();
    const visit = (group: Group): void => {
      if (seen.has(group)) return;
      seen.add(group);
      for (const each of before(group)) visit(each);
      this.push(group);
    };
    for (const group of groups) visit(group);
  }

  /**
   * Puts `merged` in the place of some groups that nothing else stands between, by dependencies. `after` gives the
   * groups that read a group's results; it must still know the old groups.
   */
  merge(groups: readonly Group[], merged: Group, after: (group: Group) => Iterable<Group>): void {
    const inside = new Set(groups);
    const ranks = groups.map((group) => this.rank(group));
    const [first, last] = [Math.min(...ranks), Math.max(...ranks)];
    const dependent = new Set<Group>();
    const stack = [...groups];
    for (let group = stack.pop(); group !== undefined; group = stack.pop())
      for (const next of after(group)) {
        if (dependent.has(next) || inside.has(next) || this.rank(next) > last) continue;
        dependent.add(next);
        stack.push(next);
      }
    if (dependent.size === 0) {
      for (const rank of ranks) this.#order[rank] = undefined;
      for (const group of groups) this.#ranks.delete(group);
      this.#order[last] = merged;
      this.#ranks.set(merged, last);
      return;
    }
    const between = this.#order
      .slice(first, last + 1)
      .filter((group): group is Group => group !== undefined && !inside.has(group));
    const segment = [
      ...between.filter((group) => !dependent.has(group)),
      merged,
      ...between.filter((group) => dependent.has(group)),
    ];
    for (const group of groups) this.#ranks.delete(group);
    for (let at = first; at <= last; at++) this.#order[at] = segment[at - first];
    segment.forEach((group, at) => this.#ranks.set(group, first + at));
  }
}
