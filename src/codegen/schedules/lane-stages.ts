/**
 * Stages of a point that belongs to one lane of a subgroup. Loops are unrolled: on a software adapter going round takes
 * as long as a load. What all lanes load alike (a weight of a normalisation) one gather loads for as many turns of a
 * loop as are unrolled, and broadcasts hand it round.
 */
import { constantOf } from '../../ir/dim.ts';
import type { LoopKernel, Stage } from '../../ir/kernel.ts';
import { reachable } from '../../ir/walk-scalar.ts';
import { ownCost } from '../../passes/fuse/scalar-costs.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots, type Load } from '../wgsl/uses.ts';
import { volumeOf } from './context.ts';
import {
  addTerms,
  bindResults,
  loopGroups,
  printStores,
  readBeforeStores,
  startAccumulators,
} from './stages.ts';

export interface LanePoint {
  readonly lanes: number;
  /** Axes in which the points of the lanes differ. */
  readonly varying: ReadonlySet<number>;
  /** Text of whether the lane has a point at all: others store nothing. */
  readonly guard: string;
}

/** Instructions, roughly, of a loop's body: longer ones compile slowly. */
const LONGEST_BODY = 80;

/** All stages; the axes of the kernel's space are bound. */
export function printLaneStages(p: ScalarPrinter, kernel: LoopKernel, point: LanePoint): void {
  readBeforeStores(p, kernel, kernel.space);
  for (const stage of kernel.stages) printStage(p, kernel, stage, point);
}

function printStage(p: ScalarPrinter, kernel: LoopKernel, stage: Stage, point: LanePoint): void {
  if (stage.kind === 'reduce') {
    const running = startAccumulators(p, stage.accumulators);
    walk(p, kernel, stage, point, () => addTerms(p, stage, running));
    bindResults(p, running);
    return;
  }
  walk(p, kernel, stage, point, () => {
    p.open(`if (${point.guard})`);
    printStores(p, stage.stores);
    p.close();
  });
}

/** The loops of a stage, the innermost unrolled. */
function walk(
  p: ScalarPrinter,
  kernel: LoopKernel,
  stage: Stage,
  { lanes, varying }: LanePoint,
  body: () => void,
): void {
  const groups = loopGroups(kernel, stage);
  const inner = groups.at(-1);
  let turns = 1;
  for (const group of groups) {
    if (group === inner) turns = unrolledTurns(kernel, stage, group, lanes);
    const name = p.scopes.fresh('k');
    const advance = turns === 1 ? `${name}++` : `${name} += ${turns}`;
    // A factor that is always 1, which the compiler cannot know: it would unroll what is unrolled, and compile for long.
    const one = turns === 1 ? '' : ' * i32(workgroups.z)';
    p.open(`for (var ${name} = 0; ${name} < ${p.dim(volumeOf(kernel, group))}${one}; ${advance})`);
    p.bindAxes(group, name);
    if (turns === 1) continue;
    const shared = loadTogether(p, stage, { group, name, turns, varying });
    for (let turn = 0; turn < turns; turn++) {
      if (turn > 0) {
        p.line(`let ${name}_${turn} = ${name} + ${turn};`);
        p.bindAxes(group, `${name}_${turn}`);
      }
      for (const [load, names] of shared) p.bindLoad(load, names[turn] ?? '');
      body();
    }
    p.unbindLoads();
  }
  if (turns === 1) body();
  for (const _ of groups) p.close();
}

/** A power of two that divides the loop, no more than lanes can load together. */
function unrolledTurns(kernel: LoopKernel, stage: Stage, group: readonly number[], lanes: number): number {
  const extent = constantOf(volumeOf(kernel, group)) ?? 1;
  const cost = [...reachable(stageRoots(stage))].reduce((sum, each) => sum + ownCost(each), 1);
  let turns = lanes;
  while (turns > 1 && (extent % turns !== 0 || turns * cost > LONGEST_BODY)) turns /= 2;
  return turns;
}

interface Turns {
  readonly group: readonly number[];
  readonly name: string;
  readonly turns: number;
  readonly varying: ReadonlySet<number>;
}

/** By load that is the same for all lanes, a name for each turn. */
function loadTogether(
  p: ScalarPrinter,
  stage: Stage,
  { group, name, turns, varying }: Turns,
): readonly (readonly [Load, readonly string[]])[] {
  const loads = loadsAlike(stage, group, varying).filter(({ tensor }) => p.isConstant(tensor));
  if (loads.length === 0) return [];
  const together = `${name}_lane`;
  p.line(`let ${together} = ${name} + i32(sub_lane % ${turns}u);`);
  p.bindAxes(group, together);
  const vectors = loads.map((load) => p.name(load, 'x'));
  p.bindAxes(group, name);
  return loads.map((load, at) => {
    const names = Array.from({ length: turns }, (_, turn) => {
      const one = `${vectors[at] ?? ''}_${turn}`;
      p.line(`let ${one} = subgroupBroadcast(${vectors[at] ?? ''}, ${turn}u);`);
      return one;
    });
    return [load, names] as const;
  });
}

/** Numbers that are the same for all lanes, and others in each turn of a loop. */
function loadsAlike(stage: Stage, group: readonly number[], varying: ReadonlySet<number>): readonly Load[] {
  return loadsOf(stageRoots(stage)).filter(({ dtype, index }) => {
    const below = [...reachable(index)];
    const axes = below.flatMap((each) => (each.kind === 'axis' ? [each.axis] : []));
    return (
      dtype === 'f32' &&
      axes.some((axis) => group.includes(axis)) &&
      !axes.some((axis) => varying.has(axis)) &&
      !below.some(({ kind }) => kind === 'load' || kind === 'accumulator')
    );
  });
}

/** Whether lanes that walk the kernel's loops side by side would load together. */
export function sharesLoads(kernel: LoopKernel, lanes: number, varying: ReadonlySet<number>): boolean {
  return kernel.stages.some((stage) => {
    const group = loopGroups(kernel, stage).at(-1) ?? [];
    const loads = loadsAlike(stage, group, varying);
    const isRead = ({ tensor }: Load): boolean => kernel.operands[tensor]?.access === 'read';
    return loads.some(isRead) && unrolledTurns(kernel, stage, group, lanes) > 1;
  });
}
