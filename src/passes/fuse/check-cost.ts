/** Refuses fusion that would not pay: work done over and over, too little parallelism, contractions of two shapes. */
import { constantDim } from '../../ir/dim.ts';
import type { Stage } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { FusionContext, GroupContents } from './context.ts';
import { CannotFuse, type KernelExpressions } from './kernel-expressions.ts';
import { reachable } from '../../ir/walk-scalar.ts';
import { axesOf, totalCost, varyingWith } from './scalar-costs.ts';

/** Fewer rows than this do not fill a device. */
const FEW_ROWS = 32;
/** A row that one workgroup still walks quickly. */
const SHORT_ROW = 2048;
/** Extra instructions for each element of a value that is computed more than once. */
const REPEATED_COST = 10;
const CHEAP = 2;
/** In instructions. Buffers of a loop's body stay in the cache. */
const LOAD_IN_LOOP = 8;
/** An expression of more than this compiles slowly and spills registers. */
const LARGEST_KERNEL = 600;

export function checkCost(
  ctx: FusionContext,
  expressions: KernelExpressions,
  group: GroupContents,
  stages: readonly Stage[],
): void {
  if (group.items.size === 1) return;
  const rows = ctx.volume(group.space);
  const volumes = stages.map((stage) =>
    ctx.volume(stage.axes.map((axis) => expressions.axes[axis]?.extent ?? unit)),
  );
  const loops = stages.filter((stage) => stage.axes.length > 0).length;
  if (loops > 1 && rows < FEW_ROWS && volumes.some((volume) => volume > SHORT_ROW)) {
    throw new CannotFuse('few long rows');
  }
  checkContractions(ctx, expressions, group, rows);
  checkRepetition(ctx, expressions, group.depth, stages, rows, volumes);
}

const unit = constantDim(1);

/** Each element of a reduction is computed once; a contraction is addressed by plain axes and offsets. */
function checkContractions(
  ctx: FusionContext,
  expressions: KernelExpressions,
  group: GroupContents,
  rows: number,
): void {
  const volumes = new Map<unknown, { used: number; readonly available: number }>();
  const contractionLoops = new Set<string>();
  for (const { node, index, axes, contraction } of expressions.reductions) {
    const available = ctx.volume(node.results[0]?.type.shape ?? []);
    const entry = volumes.get(node) ?? { used: 0, available };
    entry.used += rows;
    volumes.set(node, entry);
    if (entry.used > available)
      throw new CannotFuse('an element of a reduction would be computed more than once');
    if (!contraction) continue;
    contractionLoops.add(axes.join(' '));
    const seen = index.flatMap((step) => plainAxis(step));
    if (seen.length !== group.space.length || new Set(seen).size !== seen.length || seen.includes(-1)) {
      throw new CannotFuse('a contraction is not addressed one to one');
    }
  }
  const otherLoops = expressions.reductions.some((reduction) => !reduction.contraction);
  if (contractionLoops.size > 0 && otherLoops) throw new CannotFuse('a contraction beside a reduction');
  // A step of a recurrence is bound by launches; elsewhere each product deserves its own tiles.
  if (contractionLoops.size > 1 && group.depth === 0)
    throw new CannotFuse('contractions over different sizes');
}

/** The axis of `axis` or `axis + offset`; none for what does not depend on the point; −1 for anything else. */
function plainAxis(step: ScalarExpression): readonly number[] {
  if (step.kind === 'axis') return [step.axis];
  if (axesOf(reachable([step])).size === 0) return [];
  if (step.kind === 'apply' && (step.fn === 'add' || step.fn === 'subtract')) {
    const [first, second] = step.args;
    if (first?.kind === 'axis' && second !== undefined && axesOf(reachable([second])).size === 0)
      return [first.axis];
    if (
      step.fn === 'add' &&
      second?.kind === 'axis' &&
      first !== undefined &&
      axesOf(reachable([first])).size === 0
    ) {
      return [second.axis];
    }
  }
  return [-1];
}

function checkRepetition(
  ctx: FusionContext,
  expressions: KernelExpressions,
  depth: number,
  stages: readonly Stage[],
  rows: number,
  volumes: readonly number[],
): void {
  const evaluations = new Map<ScalarExpression, { count: number; cost: number }>();
  for (const [at, stage] of stages.entries()) {
    const roots = stage.kind === 'reduce' ? stage.accumulators : stage.stores;
    const all = reachable(roots.map((root) => root.value));
    if (all.size > LARGEST_KERNEL) throw new CannotFuse('a very large kernel');
    const varying = varyingWith(stage.axes, all);
    for (const expression of all) {
      if (!expressions.sites.has(expression)) continue;
      const isInner = varying.has(expression);
      const { count, cost } = evaluations.get(expression) ?? { count: 0, cost: 0 };
      evaluations.set(expression, {
        count: count + rows * (isInner ? (volumes[at] ?? 1) : 1),
        cost: Math.max(
          cost,
          totalCost(expression, isInner ? varying : undefined, depth > 0 ? LOAD_IN_LOOP : 1),
        ),
      });
    }
  }
  const byItem = new Map<unknown, { count: number; cost: number; readonly available: number }>();
  for (const [expression, { count, cost }] of evaluations) {
    const item = expressions.sites.get(expression);
    const entry = byItem.get(item) ?? {
      count: 0,
      cost: 0,
      available: Math.max(1, ctx.volume(item?.results[0]?.type.shape ?? [])),
    };
    entry.count += count;
    entry.cost = Math.max(entry.cost, cost);
    byItem.set(item, entry);
  }
  for (const { count, cost, available } of byItem.values()) {
    const extra = count / available - 1;
    if (depth > 0) {
      // The other way is a store, which is as dear as two loads, and a load each time.
      if (extra * cost > (extra + 3) * LOAD_IN_LOOP) throw new CannotFuse('costly work would be repeated');
      continue;
    }
    if (cost > CHEAP && extra * cost > REPEATED_COST) throw new CannotFuse('costly work would be repeated');
  }
}
