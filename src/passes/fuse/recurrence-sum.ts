/** A product that sums over axes of a recurrence's state, such as y = Σ C ⊙ h of a state space, as a part of its kernel. */
import { constantOf, type Dim } from '../../ir/dim.ts';
import type { NodeOf, Value } from '../../ir/graph.ts';
import type { RecurrenceSum } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { FusionContext, Item } from './context.ts';
import { basesOf } from './dependencies.ts';
import type { Group, Grouping } from './groups.ts';
import { CannotFuse, isUnit, KernelExpressions } from './kernel-expressions.ts';
import type { Index } from './lowering.ts';
import { stepOf } from './recurrence-emits.ts';

/** States that an invocation steps in registers. */
const MOST_STATES = 16;

/** The groups that would be one, where the history is the sum's alone. */
export function absorbSum(
  grouping: Grouping,
  item: Item,
): { readonly parts: readonly Group[]; readonly union: Group } | undefined {
  const [history] = item.results;
  const [reader, ...others] = (history && grouping.dependencies.readers.get(history)) ?? [];
  if (history === undefined || reader === undefined || others.length > 0) return undefined;
  const [group, sum] = [grouping.groupOf(item), grouping.groupOf(reader)];
  if (group === undefined || sum?.kind !== 'loops' || sum.items.size > 1) return undefined;
  const items = grouping.union(group, sum);
  const { ctx } = grouping;
  const isKept = grouping.isRead(history, items) || ctx.slots[ctx.place(history).slot]?.role !== 'temporary';
  if (isKept || !isSumOf(ctx, reader, history) || grouping.reachesIndirectly(group, sum)) return undefined;
  return { parts: [group, sum], union: { ...group, items } };
}

export function isSumOf(ctx: FusionContext, item: Item, history: Value): boolean {
  if (item.kind !== 'compute' || item.node?.op !== 'dot') return false;
  const reading = item.node.operands.filter((operand) => basesOf(ctx, [operand]).has(history));
  return reading.length === 1 && item.node.attributes.contract.length > 0;
}

export interface SumContext {
  readonly ctx: FusionContext;
  /** Over the positions and the axes of a state. */
  readonly expressions: KernelExpressions;
  readonly items: ReadonlySet<Item>;
  readonly depth: number;
  readonly history: Value;
  readonly reverse: boolean;
  readonly space: readonly Dim[];
}

/** Throws CannotFuse. */
export function buildSum(context: SumContext, item: Item): RecurrenceSum {
  const { ctx, expressions, depth, space } = context;
  const node = item.node as NodeOf<'dot'>;
  const [result] = item.results;
  if (result === undefined) throw new CannotFuse('a sum without a result');
  const { places, inner } = findPlaces(context, result);
  const outer = space.length - inner.length;
  const summed = inner.map((place) => space[place] ?? never());
  const states = summed.reduce((product, dim) => product * (constantOf(dim) ?? Infinity), 1);
  if (states > MOST_STATES) throw new CannotFuse('a sum over more states than an invocation steps');
  if (inner.some((place, at) => place !== outer + at))
    throw new CannotFuse('a sum over other than the last axes');
  expressions.useAxes(summed, inner);
  expressions.atHand = { value: context.history, element: () => scalar.accumulator(0, 'f32') };
  let at = 0;
  const index = result.type.shape.map((dim) =>
    isUnit(dim) ? scalar.integer(0) : scalar.axis(places[at++] ?? never()),
  );
  expressions.read(result, index);
  const [reduction, ...more] = expressions.reductions;
  if (reduction === undefined || more.length > 0 || reduction.node !== node)
    throw new CannotFuse('more than one sum of states');
  const place = ctx.place(result);
  return {
    operand: expressions.operand(place, 'stored'),
    index: place.index(index, depth),
    value: reduction.accumulator.value,
    axes: inner.length,
  };
}

/** Which axis of the recurrence each axis of the sum's result and each summed one is, if it is of all states after steps. */
function findPlaces(
  { ctx, items, depth, history, reverse, space }: SumContext,
  result: Value,
): { readonly places: readonly number[]; readonly inner: readonly number[] } {
  const outer = result.type.shape.filter((dim) => !isUnit(dim));
  const trial = new KernelExpressions(ctx, items, depth, outer);
  const seen: Index[] = [];
  trial.atHand = {
    value: history,
    element: (index) => {
      seen.push(index);
      return scalar.accumulator(0, 'f32');
    },
  };
  let at = 0;
  trial.read(
    result,
    result.type.shape.map((dim) => (isUnit(dim) ? scalar.integer(0) : scalar.axis(at++))),
  );
  const [index, ...more] = seen;
  if (index === undefined || more.length > 0) throw new CannotFuse('states are read in more than one place');
  const [position, ...state] = index.filter(
    (_, axis) => axis === 0 || !isUnit(history.type.shape[axis] ?? never()),
  );
  // The state after the step is in the next place of the history, or in reverse in this one.
  const step = position && stepOf(position);
  const first = step?.offset === (reverse ? 0 : 1) ? step.axis : -1;
  const order = [first, ...state.map((each) => (each.kind === 'axis' ? each.axis : -1))];
  const isWhole = order.length === space.length && order.length === trial.axes.length;
  if (!isWhole || order.includes(-1) || new Set(order).size < order.length)
    throw new CannotFuse('a sum of some of the states');
  const numbers = trial.axes.map((_, axis) => order.indexOf(axis));
  return { places: numbers.slice(0, outer.length), inner: numbers.slice(outer.length) };
}

function never(): never {
  throw new CannotFuse('a sum over axes that nothing has');
}
