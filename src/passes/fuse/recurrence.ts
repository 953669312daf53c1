/** Kernels of linear recurrences: what is computed for one of them alone is computed as it steps. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Dim } from '../../ir/dim.ts';
import type { KernelOperand, RecurrenceKernel } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import { originsOf } from './build-kernel.ts';
import type { Item } from './context.ts';
import type { Group, Grouping } from './groups.ts';
import { CannotFuse, isUnit, KernelExpressions } from './kernel-expressions.ts';
import { lowerNode } from './lowering.ts';
import { absorbEmits, buildEmits } from './recurrence-emits.ts';
import { absorbSum, buildSum, isSumOf } from './recurrence-sum.ts';

export interface BuiltRecurrence {
  readonly kernel: RecurrenceKernel;
  /** Slot of each operand. */
  readonly slots: readonly number[];
}

/** Throws CannotFuse. */
export function buildRecurrence(grouping: Grouping, items: ReadonlySet<Item>): BuiltRecurrence {
  const { ctx, depth } = grouping;
  const item = [...items].find((each) => each.kind === 'recurrence');
  const [factors, terms, initial] = item?.recurrence.operands ?? [];
  const [history] = item?.results ?? [];
  const [trip, ...rest] = factors?.type.shape ?? [];
  if (item === undefined || factors === undefined || terms === undefined || initial === undefined)
    throw new InternalError('a recurrence without its operands');
  if (history === undefined || trip === undefined) throw new InternalError('a recurrence without steps');
  const space: readonly Dim[] = [trip, ...rest.filter((dim) => !isUnit(dim))];
  const expressions = new KernelExpressions(ctx, items, depth, space);
  let axis = 1;
  const state = rest.map((dim) => (isUnit(dim) ? scalar.integer(0) : scalar.axis(axis++)));
  const here = [scalar.axis(0), ...state];
  const factor = expressions.read(factors, here);
  const term = expressions.read(terms, here);
  const first = expressions.read(initial, state);
  if (expressions.reductions.length > 0) throw new CannotFuse('a reduction inside a recurrence');
  const place = ctx.place(history);
  if (!place.whole) throw new InternalError('a history has a buffer of its own');
  const { reverse } = item.recurrence.attributes;
  const summed = [...items].find((each) => isSumOf(ctx, each, history));
  const sum = summed && buildSum({ ctx, expressions, items, depth, history, reverse, space }, summed);
  const values = grouping.storedValues(items).filter((value) => !(summed?.results.includes(value) ?? false));
  const emits = buildEmits({ ctx, expressions, depth, history, reverse, space }, values, items);
  const isKept = grouping.isRead(history, items) || ctx.slots[place.slot]?.role !== 'temporary';
  const result =
    isKept || (summed === undefined && emits.length === 0) ? expressions.operand(place, 'stored') : undefined;
  const slots = expressions.operands.map(({ slot }) => slot);
  // A schedule in chunks binds one more, for what it knows of each chunk.
  if (slots.length >= ctx.limits.storageBuffers) throw new CannotFuse('more buffers than can be bound');
  const operands = expressions.operands.map(({ slot, shape, stored }): KernelOperand => {
    const { name = 'value', type } = ctx.slots[slot] ?? {};
    return { name, type: { dtype: type?.dtype ?? 'f32', shape }, access: stored ? 'write' : 'read' };
  });
  const kernel: RecurrenceKernel = {
    kind: 'recurrence',
    name: nameOf(item),
    origins: originsOf(items),
    axes: expressions.axes,
    operands,
    reverse,
    factor,
    term,
    initial: first,
    result,
    index: state,
    ...(sum === undefined ? {} : { sum }),
    ...(emits.length === 0 ? {} : { emits }),
  };
  return { kernel, slots };
}

function nameOf({ results, node }: Item): string {
  const derivation = node?.origin.derivation.includes('gradient') === true ? ['gradient'] : [];
  const name = [results[0]?.name ?? 'linear', ...derivation, 'recurrence'].join('_');
  return name.replaceAll(/[^A-Za-z0-9]+/g, '_').replace(/^_+/, '');
}

/** Pointwise work that only a recurrence reads becomes a part of it, where that saves traffic. */
export function absorbPrologues(grouping: Grouping): void {
  for (const item of grouping.dependencies.order) {
    if (item.kind !== 'recurrence') continue;
    for (let changed = true; changed;) {
      const group = grouping.groupOf(item);
      if (group === undefined) return;
      changed = grouping.neighbours(group, 'before').some((before) => absorb(grouping, before, group));
    }
  }
}

function absorb(grouping: Grouping, before: Group, group: Group): boolean {
  if (before.kind !== 'loops' || grouping.isRefused(before, group)) return false;
  if (![...before.items].every(isPointwise)) return false;
  const items = grouping.union(before, group);
  // What the group stored before is a sum of its states.
  const stored = grouping.storedValues(items).length - grouping.storedValues(group.items).length;
  if (stored > 0 || !fits(grouping, items)) return grouping.refuse(before, group);
  if (grouping.traffic(items) > grouping.traffic(before.items) + grouping.traffic(group.items))
    return grouping.refuse(before, group);
  grouping.replace([before, group], { ...group, items });
  return true;
}

/** Without a node it is a buffer that somebody else asked for. A product with nothing to sum is pointwise, too. */
function isPointwise({ kind, node }: Item): boolean {
  if (kind !== 'compute' || node === undefined) return false;
  return node.op === 'dot' ? node.attributes.contract.length === 0 : lowerNode(node).kind === 'pointwise';
}

/** What every step makes of its state by a sum over some of its axes belongs to it, where nobody wants the states. */
export function absorbSums(grouping: Grouping): void {
  absorbEpilogues(grouping, absorbSum);
}

/** So does pointwise work of the same places. */
export function absorbPointwise(grouping: Grouping): void {
  absorbEpilogues(grouping, absorbEmits);
}

function absorbEpilogues(grouping: Grouping, join: typeof absorbSum): void {
  for (const item of grouping.dependencies.order) {
    if (item.kind !== 'recurrence') continue;
    const merged = join(grouping, item);
    if (merged !== undefined && fits(grouping, merged.union.items))
      grouping.replace(merged.parts, merged.union);
  }
}

function fits(grouping: Grouping, items: ReadonlySet<Item>): boolean {
  try {
    buildRecurrence(grouping, items);
    return true;
  } catch (error) {
    if (error instanceof CannotFuse) return false;
    throw error;
  }
}
