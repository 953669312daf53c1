/**
 * Merges groups greedily: each item with the groups that read it, consumers first, until nothing changes; then groups
 * over one space that share what they read; then independent loops of one length.
 */
import { equalDims, printDim, type Dim } from '../../ir/dim.ts';
import type { Group, Grouping } from './groups.ts';
import type { Item } from './context.ts';
import { RECOMPUTED } from './recompute.ts';
import { absorbPointwise, absorbPrologues, absorbSums } from './recurrence.ts';

/** A launch costs more than the work on so few elements. */
const SMALL = 1 << 16;

export function mergeGroups(grouping: Grouping): void {
  if (grouping.depth > 0) mergeWholeSteps(grouping);
  absorbSums(grouping);
  mergeEpilogues(grouping);
  absorbPrologues(grouping);
  for (let changed = true; changed;) {
    changed = mergeWithConsumers(grouping);
    changed = mergeSiblings(grouping) || changed;
  }
  absorbPointwise(grouping);
  mergeLoops(grouping);
}

/**
 * Everything of a loop's step over one space at once. Pair by pair, values that are only handed on inside of the step
 * would count as buffers on the way, and there may be too many of those to bind.
 */
function mergeWholeSteps(grouping: Grouping): void {
  for (const groups of groupsBySpace(grouping)) {
    const [first, ...more] = groups;
    if (first === undefined || more.length === 0 || !grouping.isConvex(groups)) continue;
    const whole = more.reduce(
      (union, group): Group => ({ ...union, items: grouping.union(union, group) }),
      first,
    );
    if (grouping.fits(whole.items, whole.space)) grouping.replace(groups, whole);
  }
}

function groupsBySpace(grouping: Grouping): readonly (readonly Group[])[] {
  const bySpace = new Map<string, Group[]>();
  for (const group of grouping.groups()) {
    if (group.kind !== 'loops') continue;
    const key = spaceKey(group.space);
    bySpace.set(key, [...(bySpace.get(key) ?? []), group]);
  }
  return [...bySpace.values()];
}

/** What is computed from a reduction's or product's results at the same points belongs to it, before anything else. */
function mergeEpilogues(grouping: Grouping): void {
  for (const item of grouping.dependencies.order) {
    for (const producer of grouping.dependencies.before.get(item) ?? []) {
      const [first, second] = [grouping.groupOf(producer), grouping.groupOf(item)];
      if (first === undefined || second === undefined || !traitsOf(grouping, first).heavy) continue;
      if (spaceKey(first.space) === spaceKey(second.space)) tryMerge(grouping, first, second);
    }
  }
}

function mergeWithConsumers(grouping: Grouping): boolean {
  let changed = false;
  for (const item of grouping.dependencies.order.toReversed()) {
    for (const consumer of readersOf(grouping, item)) {
      const producer = grouping.groupOf(item);
      const group = grouping.groupOf(consumer);
      if (producer !== undefined && group !== undefined)
        changed = tryMerge(grouping, producer, group) || changed;
    }
  }
  return changed;
}

function readersOf(grouping: Grouping, item: Item): readonly Item[] {
  return item.results.flatMap((value) => grouping.dependencies.readers.get(value) ?? []);
}

const spaceKey = (space: readonly Dim[]): string => space.map(printDim).join(' ');

function tryMerge(grouping: Grouping, producer: Group, consumer: Group): boolean {
  if (producer === consumer || producer.kind !== 'loops' || consumer.kind !== 'loops') return false;
  if (keepsForBackward(grouping, producer, consumer)) return false;
  const spaces = [producer.space, consumer.space];
  if (spaceKey(producer.space) === spaceKey(consumer.space)) spaces.pop();
  if (grouping.isRefused(producer, consumer)) return false;
  // Asked first: to see whether a kernel fits is to build it.
  if (grouping.reachesIndirectly(producer, consumer) || grouping.reachesIndirectly(consumer, producer))
    return false;
  const items = grouping.union(producer, consumer);
  const space = spaces.find((candidate) => grouping.fits(items, candidate));
  if (space === undefined) return grouping.refuse(producer, consumer);
  grouping.replace([producer, consumer], { items, kind: 'loops', space });
  return true;
}

function mergeSiblings(grouping: Grouping): boolean {
  let changed = false;
  for (const groups of groupsBySpace(grouping)) {
    const merged: Group[] = [];
    for (const group of groups) {
      const at = merged.findIndex((other) => areSiblings(grouping, other, group));
      const other = merged[at];
      if (other === undefined) {
        merged.push(group);
        continue;
      }
      const union: Group = { items: grouping.union(other, group), kind: 'loops', space: group.space };
      grouping.replace([other, group], union);
      merged[at] = union;
      changed = true;
    }
  }
  return changed;
}

function areSiblings(grouping: Grouping, lhs: Group, rhs: Group): boolean {
  if (grouping.isRefused(lhs, rhs) || keepsForBackward(grouping, lhs, rhs)) return false;
  const [left, right] = [traitsOf(grouping, lhs), traitsOf(grouping, rhs)];
  const whole = grouping.depth === 0;
  if (whole && (left.product || right.product)) return false;
  const shared = haveCommon(left.bases, right.bases);
  const small = !whole || grouping.ctx.volume(lhs.space) <= SMALL;
  // Where an element lies takes longer to find than to store it.
  if (!shared && !small && !(left.storesInPlace && right.storesInPlace)) return false;
  // Filled early, a loop's buffers would be kept from the first loop on.
  if (whole && left.bases.size === 0 && !fillSameLoop(lhs, rhs)) return false;
  if (whole && !shared && (left.heavy || right.heavy)) return false;
  if (!grouping.canBindBoth(lhs, rhs)) return false;
  if (grouping.reaches(lhs, rhs) || grouping.reaches(rhs, lhs)) return false;
  return grouping.fits(grouping.union(lhs, rhs), lhs.space) || grouping.refuse(lhs, rhs);
}

function haveCommon<T>(lhs: ReadonlySet<T>, rhs: ReadonlySet<T>): boolean {
  const [few, many] = lhs.size < rhs.size ? [lhs, rhs] : [rhs, lhs];
  for (const each of few) if (many.has(each)) return true;
  return false;
}

function isStoreInPlace(item: Item): boolean {
  return item.kind === 'copy' && item.target.inPlace && item.node?.op === 'update-slice';
}

function fillSameLoop(lhs: Group, rhs: Group): boolean {
  const nodes = new Set([...lhs.items, ...rhs.items].map((item) => item.node));
  return nodes.size === 1;
}

/** What the backward is to compute again must not be computed beside the forward, and kept, after all. */
function keepsForBackward(grouping: Grouping, lhs: Group, rhs: Group): boolean {
  const [left, right] = [traitsOf(grouping, lhs), traitsOf(grouping, rhs)];
  return (left.forward && right.recomputed) || (left.recomputed && right.forward);
}

function isRecomputed({ node }: Item): boolean {
  return node?.origin.derivation.includes(RECOMPUTED) === true;
}

function isOfForward({ node }: Item): boolean {
  const derived = ['gradient', 'optimizer', RECOMPUTED];
  return node !== undefined && !node.origin.derivation.some((word) => derived.includes(word));
}

interface Traits {
  readonly product: boolean;
  /** Reductions and contractions outside of loops choose their own tiles. */
  readonly heavy: boolean;
  readonly storesInPlace: boolean;
  /** Computes something of the forward, or something of it again for the backward. */
  readonly forward: boolean;
  readonly recomputed: boolean;
  /** Values with buffers that the group loads. */
  readonly bases: ReadonlySet<unknown>;
}

/** Groups never change, and each is compared with many others. */
const traitsByGroup = new WeakMap<Group, Traits>();

function traitsOf(grouping: Grouping, group: Group): Traits {
  const known = traitsByGroup.get(group);
  if (known !== undefined) return known;
  const items = [...group.items];
  const product = items.some((item) => item.node?.op === 'dot');
  const traits: Traits = {
    product,
    heavy: product || items.some((item) => item.node?.op === 'reduce'),
    storesInPlace: items.every(isStoreInPlace),
    forward: items.some(isOfForward),
    recomputed: items.some(isRecomputed),
    bases: new Set(items.flatMap((item) => [...(grouping.dependencies.bases.get(item) ?? [])])),
  };
  traitsByGroup.set(group, traits);
  return traits;
}

/** Two directions of one layer run in one loop, which leaves the device two independent launches a step. */
function mergeLoops(grouping: Grouping): void {
  const merged: Group[] = [];
  for (const group of grouping.groups()) {
    if (group.kind !== 'scan') continue;
    const at = merged.findIndex((other) => sameTrip(other, group) && areIndependent(grouping, other, group));
    const other = merged[at];
    if (other === undefined) {
      merged.push(group);
      continue;
    }
    const union: Group = { items: grouping.union(other, group), kind: 'scan', space: [] };
    grouping.replace([other, group], union);
    merged[at] = union;
  }
}

function sameTrip(lhs: Group, rhs: Group): boolean {
  const [first, second] = [tripOf(lhs), tripOf(rhs)];
  return first !== undefined && second !== undefined && equalDims(first, second);
}

function tripOf(group: Group): Dim | undefined {
  const [item] = group.items;
  return item?.kind === 'scan' ? item.scan.trip : undefined;
}

function areIndependent(grouping: Grouping, lhs: Group, rhs: Group): boolean {
  return !grouping.reaches(lhs, rhs) && !grouping.reaches(rhs, lhs);
}
