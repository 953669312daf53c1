/**
 * Finds the chains of a loop that can be one launch. Where every row of the batch goes its own way through a loop, a
 * workgroup can take a few rows and run all positions for them, instead of hundreds of launches that wait for each
 * other. Chains of a loop that do not touch (two directions of a layer) part.
 */
import { equalDims, type Dim } from '../../ir/dim.ts';
import type { LoopKernel, Step } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { extentOf, largest, volumeOf, type ScheduleContext } from '../schedules/context.ts';
import { hasLanes } from '../schedules/subgroup-contraction.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { mergeLaunches, type LoopLaunch } from './merge-launches.ts';

export type Loop = Extract<Step, { kind: 'loop' }>;

export interface Phase {
  /** A kernel of the loop's body, with the chain's numbers of axes, operands and accumulators. */
  readonly kernel: LoopKernel;
  /** Its axis that counts the rows. */
  readonly row: number;
}

export interface Chain {
  /** All of it, with the operands of all phases. */
  readonly kernel: LoopKernel;
  readonly slots: readonly number[];
  readonly phases: readonly Phase[];
  readonly rows: Dim;
  /** What takes its place where a device cannot run it. */
  readonly stepped: Loop;
}

/** Numbers that a GPU's workgroup can read again at every position: more do not stay in its cache. */
const WEIGHTS = 1 << 17;

/** The chains of the loop, in order; those that are to be stepped are loops. */
export function findChains(loop: Loop, ctx: ScheduleContext): readonly (Chain | Loop)[] {
  if (ctx.target.stepped === true) return [loop];
  const launches: LoopLaunch[] = [];
  for (const step of loop.steps) {
    if (step.kind === 'loop' || step.kernel.kind !== 'loops') return [loop];
    launches.push({ ...step, kernel: step.kernel });
  }
  return partLaunches(launches).map((part) => {
    const stepped = { ...loop, steps: part };
    return makeChain(part, stepped, ctx) ?? stepped;
  });
}

/** Launches that share something which one of them writes. */
function partLaunches(launches: readonly LoopLaunch[]): readonly (readonly LoopLaunch[])[] {
  const written = writtenSlots(launches);
  const parts: LoopLaunch[][] = [];
  for (const launch of launches) {
    const touching = parts.filter((part) =>
      part.some((other) => other.slots.some((slot) => written.has(slot) && launch.slots.includes(slot))),
    );
    const [first] = touching;
    if (first === undefined) {
      parts.push([launch]);
      continue;
    }
    for (const other of touching.slice(1)) {
      first.push(...other);
      parts.splice(parts.indexOf(other), 1);
    }
    first.push(launch);
  }
  return parts.map((part) => part.toSorted((a, b) => launches.indexOf(a) - launches.indexOf(b)));
}

function writtenSlots(launches: readonly LoopLaunch[]): ReadonlySet<number> {
  return new Set(
    launches.flatMap(({ kernel, slots }) => slots.filter((_, at) => kernel.operands[at]?.access !== 'read')),
  );
}

function makeChain(launches: readonly LoopLaunch[], stepped: Loop, ctx: ScheduleContext): Chain | undefined {
  const rows = findRows(launches);
  if (rows === undefined) return undefined;
  const merged = mergeLaunches(launches);
  if (merged === undefined) return undefined;
  const phases = merged.kernels.flatMap((kernel, at): readonly Phase[] => {
    const row = kernel.space[launches[at]?.kernel.space.indexOf(rows.axes[at] ?? -1) ?? -1];
    return row === undefined ? [] : [{ kernel, row }];
  });
  if (phases.length < launches.length || !isWorthwhile(phases, ctx)) return undefined;
  return { kernel: merged.whole, slots: merged.slots, phases, rows: rows.extent, stepped };
}

/** On a GPU all that a workgroup reads again at each position must stay close to it, and barriers must be cheap. */
function isWorthwhile(phases: readonly Phase[], ctx: ScheduleContext): boolean {
  if (hasLanes(ctx)) return true;
  if (ctx.target.kind === 'cpu' || ctx.target.portable === true) return false;
  const weights = phases.map(({ kernel }) => {
    const stages = kernel.stages.filter((stage) => stage.kind === 'reduce');
    const others = kernel.space.slice(1);
    return stages.reduce(
      (sum, stage) =>
        sum + largest(ctx, volumeOf(kernel, [...others, ...stage.axes])) * stage.accumulators.length,
      0,
    );
  });
  return weights.reduce((sum, count) => sum + count, 0) <= WEIGHTS;
}

interface Rows {
  /** The axis of each launch that counts the rows. */
  readonly axes: readonly number[];
  readonly extent: Dim;
}

/** An axis of every launch by which all that the chain writes is addressed in the same place, plainly. */
function findRows(launches: readonly LoopLaunch[]): Rows | undefined {
  const [first] = launches;
  for (const candidate of first?.kernel.space ?? []) {
    if (first === undefined) return undefined;
    const extent = extentOf(first.kernel, candidate);
    const axes = launches.map(({ kernel }) =>
      kernel.space.find((axis) => equalDims(extentOf(kernel, axis), extent)),
    );
    const known = axes.filter((axis) => axis !== undefined);
    if (known.length === launches.length && areIndependent(launches, known)) return { axes: known, extent };
  }
  return undefined;
}

function areIndependent(launches: readonly LoopLaunch[], rows: readonly number[]): boolean {
  const written = writtenSlots(launches);
  /** Places of the index that are the row in every access so far. */
  const places = new Map<number, readonly number[]>();
  for (const [at, { kernel, slots }] of launches.entries()) {
    for (const { operand, index } of accessesOf(kernel)) {
      const slot = slots[operand];
      if (slot === undefined || !written.has(slot)) continue;
      const here = index.flatMap((step, place) =>
        step.kind === 'axis' && step.axis === rows[at] ? [place] : [],
      );
      const before = places.get(slot);
      places.set(slot, before === undefined ? here : before.filter((place) => here.includes(place)));
    }
  }
  return [...places.values()].every((list) => list.length > 0);
}

interface Access {
  readonly operand: number;
  readonly index: readonly ScalarExpression[];
}

function accessesOf(kernel: LoopKernel): readonly Access[] {
  const stores = kernel.stages.flatMap((stage) => (stage.kind === 'map' ? stage.stores : []));
  const loads = loadsOf([...kernel.stages.flatMap(stageRoots), ...stores.flatMap(({ index }) => index)]);
  return [...loads.map(({ tensor, index }) => ({ operand: tensor, index })), ...stores];
}
