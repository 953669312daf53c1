/** Makes the loop nest of a group: what it stores, from which expressions, in which stages; refuses what is no kernel. */
import { equalDims, type Dim } from '../../ir/dim.ts';
import type { Origin } from '../../ir/graph.ts';
import type { KernelOperand, LoopKernel, Stage, Store } from '../../ir/kernel.ts';
import type { Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { FusionContext, GroupContents, Item, Target } from './context.ts';
import { checkCost } from './check-cost.ts';
import { CannotFuse, isUnit, KernelExpressions } from './kernel-expressions.ts';
import type { Index } from './lowering.ts';
import { nameKernel } from './name-kernel.ts';
import { reachable } from '../../ir/walk-scalar.ts';

export interface BuiltKernel {
  readonly kernel: LoopKernel;
  /** Slot of each operand. */
  readonly slots: readonly number[];
}

interface PlacedStore extends Store {
  readonly axes: readonly number[];
  readonly inPlace: boolean;
}

/** Throws CannotFuse. */
export function buildKernel(ctx: FusionContext, group: GroupContents): BuiltKernel {
  const expressions = new KernelExpressions(ctx, group.items, group.depth, group.space);
  const stores: PlacedStore[] = [];
  for (const value of group.stored) {
    const target = { place: ctx.place(value), accumulate: false, inPlace: false };
    stores.push(makeStore(ctx, expressions, group, value.type.shape, value.type.dtype, value, target));
  }
  for (const item of group.items) {
    if (item.kind !== 'copy') continue;
    stores.push(
      makeStore(ctx, expressions, group, item.type.shape, item.type.dtype, item.source, item.target),
    );
  }
  checkHazards(expressions, stores);
  const stages = [...reduceStages(expressions), ...mapStages(stores)];
  checkCost(ctx, expressions, group, stages);
  const slots = expressions.operands.map(({ slot }) => slot);
  if (!ctx.canBind(slots, group.depth)) throw new CannotFuse('more buffers than can be bound');
  const operands = expressions.operands.map((operand): KernelOperand => {
    const slot = ctx.slots[operand.slot];
    return {
      name: slot?.name ?? 'value',
      type: { dtype: slot?.type.dtype ?? 'f32', shape: operand.shape },
      access: operand.stored ? (operand.loaded ? 'update' : 'write') : 'read',
    };
  });
  const kernel: LoopKernel = {
    kind: 'loops',
    name: nameKernel(group.items, group.depth),
    origins: originsOf(group.items),
    axes: expressions.axes,
    operands,
    space: group.space.map((_, axis) => axis),
    stages,
  };
  return { kernel, slots };
}

/** The same kernel for a group with an equal key, over buffers of its own. */
export function renameKernel(
  ctx: FusionContext,
  { items, depth }: GroupContents,
  kernel: LoopKernel,
  slots: readonly number[],
): BuiltKernel {
  const operands = kernel.operands.map((operand, at): KernelOperand => ({
    ...operand,
    name: ctx.slots[slots[at] ?? -1]?.name ?? 'value',
  }));
  return {
    kernel: { ...kernel, name: nameKernel(items, depth), origins: originsOf(items), operands },
    slots,
  };
}

function makeStore(
  ctx: FusionContext,
  expressions: KernelExpressions,
  group: GroupContents,
  shape: readonly Dim[],
  dtype: 'f32' | 'i32' | 'bool',
  source: Value | undefined,
  target: Pick<Target, 'place' | 'accumulate' | 'inPlace'>,
): PlacedStore {
  const { index, axes } = elementIndex(ctx, expressions, group, shape);
  const value = source === undefined ? scalar.literal(0, dtype) : expressions.read(source, index);
  const operand = expressions.operand(target.place, 'stored');
  const at = target.place.index(index, group.depth).map(expressions.intern);
  const stored = target.accumulate ? scalar.add(expressions.load(target.place, dtype, index), value) : value;
  return { operand, index: at, value: expressions.intern(stored), axes, inPlace: target.inPlace };
}

/**
 * How the elements of a stored value lie in the kernel: its axes are the space's, or the space's and those that a
 * reduction of the group sums away (a row of a softmax). Axes of size 1 do not count.
 */
function elementIndex(
  ctx: FusionContext,
  expressions: KernelExpressions,
  group: GroupContents,
  shape: readonly Dim[],
): { readonly index: Index; readonly axes: readonly number[] } {
  const direct = spread(
    shape,
    shape.map(() => false),
    group.space,
    [],
  );
  if (direct !== undefined) return { index: direct, axes: [] };
  for (const item of group.items) {
    const [operand] = item.node?.operands ?? [];
    const reduced = operand && reducedAxes(ctx, item);
    if (operand === undefined || reduced === undefined) continue;
    const full = operand.type.shape.map((dim, axis) => ({ dim, inner: reduced.includes(axis) }));
    const large = full.filter(({ dim }) => !isUnit(dim));
    const mask = alignUnits(shape, large);
    if (mask === undefined) continue;
    const inner = expressions.innerAxes(large.filter((axis) => axis.inner).map(({ dim }) => dim));
    const index = spread(shape, mask, group.space, inner);
    if (index !== undefined) return { index, axes: inner };
  }
  throw new CannotFuse('a stored value has another shape than the space');
}

/** Axes that a reduction item sums away. */
function reducedAxes(ctx: FusionContext, item: Item): readonly number[] | undefined {
  const [result] = item.results;
  const definition = result && ctx.definitions.get(result);
  return definition?.kind === 'node' && definition.lowered.kind === 'reduce'
    ? definition.lowered.axes
    : undefined;
}

/** Which axes of `shape` are inner, where its axes larger than 1 are exactly `large`. */
function alignUnits(
  shape: readonly Dim[],
  large: readonly { readonly dim: Dim; readonly inner: boolean }[],
): readonly boolean[] | undefined {
  let at = 0;
  const mask: boolean[] = [];
  for (const dim of shape) {
    if (isUnit(dim)) {
      mask.push(false);
      continue;
    }
    const axis = large[at++];
    if (axis === undefined || !equalDims(axis.dim, dim)) return undefined;
    mask.push(axis.inner);
  }
  return at === large.length ? mask : undefined;
}

/** An index over `shape`: inner axes where the mask says so, else the space's axes in order, 0 for axes of size 1. */
function spread(
  shape: readonly Dim[],
  mask: readonly boolean[],
  space: readonly Dim[],
  inner: readonly number[],
): Index | undefined {
  const index: ScalarExpression[] = [];
  let spaceAt = 0;
  let innerAt = 0;
  for (const [axis, dim] of shape.entries()) {
    if (mask[axis] === true) {
      const number = inner[innerAt++];
      if (number === undefined) return undefined;
      index.push(scalar.axis(number));
    } else if (isUnit(dim)) {
      index.push(scalar.integer(0));
    } else {
      const extent = space[spaceAt];
      if (extent === undefined || !equalDims(extent, dim)) return undefined;
      index.push(scalar.axis(spaceAt++));
    }
  }
  return spaceAt === space.length ? index : undefined;
}

/** A buffer that is stored to in place is loaded at the stored element only; a stored buffer has one shape. */
function checkHazards(expressions: KernelExpressions, stores: readonly PlacedStore[]): void {
  for (const operand of expressions.operands) {
    const same = expressions.operands.filter((other) => other.slot === operand.slot);
    if (operand.stored && same.length > 1) throw new CannotFuse('a stored buffer is seen under two shapes');
  }
  const inPlace = new Map<number, string>();
  for (const store of stores) {
    if (!store.inPlace) continue;
    const key = expressions.keyOf(store.index);
    if ((inPlace.get(store.operand) ?? key) !== key)
      throw new CannotFuse('two stores in place at different elements');
    inPlace.set(store.operand, key);
  }
  if (inPlace.size === 0) return;
  const roots = [
    ...stores.map((store) => store.value),
    ...expressions.reductions.map((reduction) => reduction.accumulator.value),
  ];
  for (const expression of reachable(roots)) {
    if (expression.kind !== 'load') continue;
    const key = inPlace.get(expression.tensor);
    if (key !== undefined && key !== expressions.keyOf(expression.index)) {
      throw new CannotFuse('another element of an updated buffer is read');
    }
  }
}

/** Reductions of one level over the same axes share a loop. */
function reduceStages(expressions: KernelExpressions): readonly Stage[] {
  const byLoop = new Map<
    string,
    { readonly level: number; readonly stage: Extract<Stage, { kind: 'reduce' }> }
  >();
  for (const { accumulator, axes, level } of expressions.reductions) {
    const key = `${level}: ${axes.join(' ')}`;
    const known = byLoop.get(key)?.stage.accumulators ?? [];
    byLoop.set(key, { level, stage: { kind: 'reduce', axes, accumulators: [...known, accumulator] } });
  }
  return [...byLoop.values()].toSorted((lhs, rhs) => lhs.level - rhs.level).map(({ stage }) => stage);
}

function mapStages(stores: readonly PlacedStore[]): readonly Stage[] {
  const byAxes = new Map<string, { readonly axes: readonly number[]; readonly stores: Store[] }>();
  for (const { axes, operand, index, value } of stores) {
    const key = axes.join(' ');
    const stage = byAxes.get(key) ?? { axes, stores: [] };
    stage.stores.push({ operand, index, value });
    byAxes.set(key, stage);
  }
  return [...byAxes.values()]
    .toSorted((lhs, rhs) => lhs.axes.length - rhs.axes.length)
    .map(({ axes, stores: all }) => ({ kind: 'map', axes, stores: all }));
}

export function originsOf(items: ReadonlySet<Item>): readonly Origin[] {
  const origins = new Map<string, Origin>();
  for (const item of items) {
    const origin = item.node?.origin;
    if (origin === undefined) continue;
    const key = `${origin.span.file}:${origin.span.start.offset}:${origin.derivation.join()}`;
    if (!origins.has(key)) origins.set(key, origin);
  }
  return [...origins.values()];
}
