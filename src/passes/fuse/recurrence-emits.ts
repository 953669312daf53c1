/** Pointwise work on the states of a recurrence, as a part of its kernel: no state is stored to be loaded for it. */
import { constantOf, equalDims, printDim, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import type { Store } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { FusionContext, Item } from './context.ts';
import type { Group, Grouping } from './groups.ts';
import { CannotFuse, isUnit, type KernelExpressions } from './kernel-expressions.ts';
import { lowerNode, type Index } from './lowering.ts';

/** Accumulators of a recurrence's kernel. */
const AFTER = scalar.accumulator(0, 'f32');
const BEFORE = scalar.accumulator(1, 'f32');

/** The groups that would be one: the recurrence's, and that of the work that alone reads its history. */
export function absorbEmits(
  grouping: Grouping,
  item: Item,
): { readonly parts: readonly Group[]; readonly union: Group } | undefined {
  const [history] = item.results;
  const group = grouping.groupOf(item);
  if (item.kind !== 'recurrence' || history === undefined || group === undefined) return undefined;
  const readers = (grouping.dependencies.readers.get(history) ?? []).map((each) => grouping.groupOf(each));
  const [work, ...others] = new Set(readers);
  if (work?.kind !== 'loops' || others.length > 0 || ![...work.items].every(isPointwise)) return undefined;
  const [factors] = item.recurrence.operands;
  const space = factors?.type.shape.filter((dim) => !isUnit(dim)) ?? [];
  if (space.map(printDim).join(' ') !== work.space.map(printDim).join(' ')) return undefined;
  const items = grouping.union(group, work);
  if (grouping.isRead(history, items) || grouping.reachesIndirectly(group, work)) return undefined;
  return { parts: [group, work], union: { ...group, items } };
}

/** Without a node it is a view in a buffer of its own. */
function isPointwise(item: Item): boolean {
  if (item.kind === 'copy') return isPlainCopy(item);
  return item.kind === 'compute' && (item.node === undefined || lowerNode(item.node).kind === 'pointwise');
}

function isPlainCopy({ source, target }: Copy): boolean {
  return source !== undefined && !target.accumulate && !target.inPlace;
}

type Copy = Extract<Item, { kind: 'copy' }>;

interface EmitContext {
  readonly ctx: FusionContext;
  readonly expressions: KernelExpressions;
  readonly depth: number;
  readonly history: Value;
  readonly reverse: boolean;
  /** Of the positions and a state, without axes of size 1. */
  readonly space: readonly Dim[];
}

/** Throws CannotFuse. `values` are stored at their own places, besides what copies store at theirs. */
export function buildEmits(
  context: EmitContext,
  values: readonly Value[],
  items: ReadonlySet<Item>,
): readonly Store[] {
  const { ctx, expressions, depth, history, space } = context;
  const stored = values.map((value) => ({ value, place: ctx.place(value), shape: value.type.shape }));
  for (const item of items)
    if (item.kind === 'copy' && item.source !== undefined)
      stored.push({ value: item.source, place: item.target.place, shape: item.type.shape });
  if (stored.length === 0) return [];
  const reductions = expressions.reductions.length;
  if (reductions > 0) throw new CannotFuse('work on states beside their sum');
  expressions.atHand = { value: history, element: (index) => stateAt(context, index) };
  const stores = stored.map(({ value, place, shape }): Store => {
    const index = placeIn(space, shape);
    const made = expressions.read(value, index);
    return { operand: expressions.operand(place, 'stored'), index: place.index(index, depth), value: made };
  });
  if (expressions.reductions.length > 0) throw new CannotFuse('a reduction of what a recurrence makes');
  return stores;
}

/** A value of every point of the kernel. */
function placeIn(space: readonly Dim[], shape: readonly Dim[]): Index {
  let at = 0;
  const index = shape.map((dim) => {
    if (isUnit(dim)) return scalar.integer(0);
    const extent = space[at];
    if (extent === undefined || !equalDims(extent, dim)) throw new CannotFuse('a value of other points');
    return scalar.axis(at++);
  });
  if (at < space.length) throw new CannotFuse('a value of fewer points');
  return index;
}

/** The state before the step or after it; the next place of the history holds the later of the two, in reverse the earlier. */
function stateAt({ history, reverse }: EmitContext, index: Index): ScalarExpression {
  const [position, ...state] = index.filter(
    (_, axis) => axis === 0 || !isUnit(history.type.shape[axis] ?? { terms: [] }),
  );
  const step = position && stepOf(position);
  const here = state.every((each, axis) => each.kind === 'axis' && each.axis === axis + 1);
  if (step === undefined || step.axis !== 0 || !here) throw new CannotFuse('another state than of the step');
  return (step.offset === 1) === reverse ? BEFORE : AFTER;
}

/** `axis` or `axis + 1`. */
export function stepOf(
  position: ScalarExpression,
): { readonly axis: number; readonly offset: 0 | 1 } | undefined {
  if (position.kind === 'axis') return { axis: position.axis, offset: 0 };
  if (position.kind !== 'apply' || position.fn !== 'add') return undefined;
  const [axis, by] = position.args;
  const isOne =
    (by?.kind === 'literal' && by.value === 1) || (by?.kind === 'dim' && constantOf(by.dim) === 1);
  return axis?.kind === 'axis' && isOne ? { axis: axis.axis, offset: 1 } : undefined;
}
