/**
 * A recurrence in one launch. Where every row of the batch goes its own way through a loop, a workgroup takes a few
 * rows and runs all positions of the loop for them, kernel after kernel of the body, instead of hundreds of launches
 * that wait for each other. Chains of a loop that do not touch (two directions of a layer) part.
 */
import { equalDims, type Dim } from '../../ir/dim.ts';
import type { LoopKernel, Stage, Step } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { BlockPrinter, type Block } from './block.ts';
import { countOf, extentOf, largest, launchOf, single, volumeOf, type ScheduleContext } from './context.ts';
import { contractionForm } from './contraction-form.ts';
import { printMap, printReduce, readBeforeStores } from './stages.ts';
import { hasLanes, registersFor, tilesOf } from './subgroup-contraction.ts';

type Loop = Extract<Step, { kind: 'loop' }>;
type Launch = Extract<Step, { kind: 'launch' }>;
interface LoopLaunch extends Launch {
  readonly kernel: LoopKernel;
}

/** Numbers that a GPU's workgroup can read again at every position: more do not stay in its cache. */
const WEIGHTS = 1 << 17;

/** The steps to take in the loop's place; `add` is told how a new kernel runs. */
export function persistLoop(
  loop: Loop,
  ctx: ScheduleContext,
  add: (kernel: LoopKernel, scheduled: ScheduledKernel) => void,
): readonly Step[] {
  const launches: LoopLaunch[] = [];
  for (const step of loop.steps) {
    if (step.kind === 'loop' || step.kernel.kind !== 'loops') return [loop];
    launches.push({ ...step, kernel: step.kernel });
  }
  return chainsOf(launches).map((chain): Step => {
    const merged = mergeChain(chain, loop, ctx);
    if (merged === undefined) return { ...loop, steps: chain };
    add(merged.kernel, merged.scheduled);
    return { kind: 'launch', kernel: merged.kernel, slots: merged.slots };
  });
}

/** Launches that share something which one of them writes. */
function chainsOf(launches: readonly LoopLaunch[]): readonly (readonly LoopLaunch[])[] {
  const written = new Set(
    launches.flatMap(({ kernel, slots }) => slots.filter((_, at) => isWritten(kernel, at))),
  );
  const chains: LoopLaunch[][] = [];
  for (const launch of launches) {
    const touching = chains.filter((chain) =>
      chain.some((other) => other.slots.some((slot) => written.has(slot) && launch.slots.includes(slot))),
    );
    const [first] = touching;
    if (first === undefined) {
      chains.push([launch]);
      continue;
    }
    for (const other of touching.slice(1)) {
      first.push(...other);
      chains.splice(chains.indexOf(other), 1);
    }
    first.push(launch);
  }
  return chains.map((chain) => chain.toSorted((a, b) => launches.indexOf(a) - launches.indexOf(b)));
}

const isWritten = (kernel: LoopKernel, operand: number): boolean =>
  kernel.operands[operand]?.access !== 'read';

interface Merged {
  readonly kernel: LoopKernel;
  readonly slots: readonly number[];
  readonly scheduled: ScheduledKernel;
}

interface Phase {
  /** With the merged kernel's numbers. */
  readonly kernel: LoopKernel;
  readonly row: number;
}

function mergeChain(chain: readonly LoopLaunch[], loop: Loop, ctx: ScheduleContext): Merged | undefined {
  const rows = findRows(chain);
  if (rows === undefined) return undefined;
  const merger = new Merger();
  const phases = chain.map((launch, at): Phase | undefined => {
    const kernel = merger.add(launch);
    const row = kernel?.space[launch.kernel.space.indexOf(rows.axes[at] ?? -1)];
    return kernel === undefined || row === undefined ? undefined : { kernel, row };
  });
  const whole = phases.filter((phase) => phase !== undefined);
  const { operands, slots } = merger;
  if (whole.length < phases.length || operands.length > ctx.target.storageBuffers) return undefined;
  if (!isWorthwhile(whole, ctx)) return undefined;
  const [first] = chain;
  const kernel: LoopKernel = {
    kind: 'loops',
    name: (first?.kernel.name ?? 'loop').replace(/_step$/, '_loop'),
    origins: [...new Set(chain.flatMap((launch) => launch.kernel.origins))],
    axes: merger.axes,
    operands,
    space: [],
    stages: whole.flatMap((phase) => phase.kernel.stages),
  };
  const own = { ...kernel, stages: kernel.stages };
  return { kernel: own, slots, scheduled: scheduleChain(own, whole, loop, rows.extent, ctx) };
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
function findRows(chain: readonly LoopLaunch[]): Rows | undefined {
  const [first] = chain;
  for (const candidate of first?.kernel.space ?? []) {
    if (first === undefined) return undefined;
    const extent = extentOf(first.kernel, candidate);
    const axes = chain.map(({ kernel }) =>
      kernel.space.find((axis) => equalDims(extentOf(kernel, axis), extent)),
    );
    const known = axes.filter((axis) => axis !== undefined);
    if (known.length === chain.length && areIndependent(chain, known)) return { axes: known, extent };
  }
  return undefined;
}

function areIndependent(chain: readonly LoopLaunch[], rows: readonly number[]): boolean {
  const written = new Set(
    chain.flatMap(({ kernel, slots }) => slots.filter((_, at) => isWritten(kernel, at))),
  );
  /** Places of the index that are the row in every access so far. */
  const places = new Map<number, readonly number[]>();
  for (const [at, { kernel, slots }] of chain.entries()) {
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
  readonly index: readonly scalar.Scalar[];
}

function accessesOf(kernel: LoopKernel): readonly Access[] {
  const stores = kernel.stages.flatMap((stage) => (stage.kind === 'map' ? stage.stores : []));
  const loads = loadsOf([...kernel.stages.flatMap(stageRoots), ...stores.flatMap(({ index }) => index)]);
  return [...loads.map(({ tensor, index }) => ({ operand: tensor, index })), ...stores];
}

/** Gives the kernels of a chain one numbering of axes, operands and accumulators. */
class Merger {
  readonly axes: LoopKernel['axes'][number][] = [];
  readonly operands: LoopKernel['operands'][number][] = [];
  readonly slots: number[] = [];
  #accumulators = 0;

  /** Undefined where a buffer is seen under two shapes. */
  add({ kernel, slots }: LoopLaunch): LoopKernel | undefined {
    const firstAxis = this.axes.length;
    this.axes.push(...kernel.axes);
    const firstAccumulator = this.#accumulators;
    const numbers: number[] = [];
    for (const [at, operand] of kernel.operands.entries()) {
      const slot = slots[at] ?? -1;
      const known = this.slots.indexOf(slot);
      const before = this.operands[known];
      if (before === undefined) {
        numbers.push(this.operands.push(operand) - 1);
        this.slots.push(slot);
        continue;
      }
      const same =
        before.type.shape.length === operand.type.shape.length &&
        before.type.shape.every((dim, axis) => equalDims(dim, operand.type.shape[axis] ?? dim));
      if (!same) return undefined;
      if (before.access !== operand.access) this.operands[known] = { ...before, access: 'update' };
      numbers.push(known);
    }
    const shift: Shift = { axis: firstAxis, accumulator: firstAccumulator, operands: numbers };
    const stages = kernel.stages.map((stage) => this.#stage(stage, shift));
    return {
      ...kernel,
      axes: this.axes,
      operands: this.operands,
      space: kernel.space.map((axis) => axis + firstAxis),
      stages,
    };
  }

  #stage(stage: Stage, shift: Shift): Stage {
    const rewrite = rewriter(shift);
    const axes = stage.axes.map((axis) => axis + shift.axis);
    if (stage.kind === 'map') {
      const stores = stage.stores.map(({ operand, index, value }) => ({
        operand: shift.operands[operand] ?? -1,
        index: index.map(rewrite),
        value: rewrite(value),
      }));
      return { kind: 'map', axes, stores };
    }
    const accumulators = stage.accumulators.map((each) => {
      const id = each.id + shift.accumulator;
      this.#accumulators = Math.max(this.#accumulators, id + 1);
      return { ...each, id, value: rewrite(each.value) };
    });
    return { kind: 'reduce', axes, accumulators };
  }
}

interface Shift {
  readonly axis: number;
  readonly accumulator: number;
  readonly operands: readonly number[];
}

function rewriter(shift: Shift): (expression: scalar.Scalar) => scalar.Scalar {
  const memo = new Map<scalar.Scalar, scalar.Scalar>();
  const visit = (expression: scalar.Scalar): scalar.Scalar => {
    const known = memo.get(expression);
    if (known !== undefined) return known;
    const result = once(expression);
    memo.set(expression, result);
    return result;
  };
  const once = (expression: scalar.Scalar): scalar.Scalar => {
    switch (expression.kind) {
      case 'axis':
        return scalar.axis(expression.axis + shift.axis);
      case 'accumulator':
        return { ...expression, id: expression.id + shift.accumulator };
      case 'load':
        return {
          ...expression,
          tensor: shift.operands[expression.tensor] ?? -1,
          index: expression.index.map(visit),
        };
      case 'random':
        return { ...expression, index: visit(expression.index) };
      case 'apply':
        return { ...expression, args: expression.args.map(visit) };
      default:
        return expression;
    }
  };
  return visit;
}

function scheduleChain(
  kernel: LoopKernel,
  phases: readonly Phase[],
  loop: Loop,
  extent: Dim,
  ctx: ScheduleContext,
): ScheduledKernel {
  const lanes = hasLanes(ctx) ? ctx.target.subgroupSize : Math.min(256, ctx.target.invocations);
  const broadcast = hasLanes(ctx) && ctx.target.features.includes('subgroups');
  // Few rows leave no core idle; many make better use of what is loaded.
  const rows = hasLanes(ctx) ? (largest(ctx, extent) >= 32 ? 16 : 8) : 4;
  return single(
    launchOf(
      kernel,
      {
        name: kernel.name,
        schedule: `one workgroup of ${lanes} for ${rows} rows, through all positions of the loop`,
        workgroups: countOf([extent, rows]),
        workgroupSize: lanes,
        ...(broadcast ? { subgroupSize: lanes } : {}),
        body: (printer) => {
          printer.line(`let slice = i32(group) * ${rows};`);
          const limit = printer.dim(extent);
          // The same for the whole workgroup, so that barriers may follow.
          printer.line(`if (slice >= ${limit}) { return; }`);
          printer.line(`let slice_rows = min(${rows}, ${limit} - slice);`);
          const trip = printer.dim(loop.trip);
          printer.open(`for (var step = 0; step < ${trip}; step++)`);
          printer.line(`let t = ${loop.reverse ? `${trip} - 1 - step` : 'step'};`);
          printer.enterLoop('t');
          for (const [at, phase] of phases.entries()) {
            printer.open('');
            printer.volatileLevel = printer.scopes.level;
            printPhase(printer, phase, { rows, lanes, broadcast, suffix: `${at}_` });
            printer.close();
            // The lanes of one subgroup run in step: what one stores, another loads after it. A barrier would make
            // lavapipe run the whole kernel as a coroutine, in twice the time.
            if (!broadcast) printer.line('storageBarrier();');
          }
          printer.close();
        },
      },
      1,
    ),
  );
}

interface PhaseOptions {
  readonly rows: number;
  readonly lanes: number;
  readonly broadcast: boolean;
  readonly suffix: string;
}

/** One kernel of the body, for the rows of the workgroup. */
function printPhase(
  p: ScalarPrinter,
  { kernel, row }: Phase,
  { rows, lanes, broadcast, suffix }: PhaseOptions,
): void {
  const form = contractionForm(kernel);
  if (form !== undefined && form.batch.length === 0 && form.rows.length === 1 && form.rows[0] === row) {
    let columns = 8;
    while (columns > 1 && rows * columns * form.accumulators > registersFor(lanes)) columns /= 2;
    const block: Block = { rows, columns, lanes, broadcast };
    const width = columns * lanes;
    // A factor that is always 1, which the compiler cannot know: unrolled, two tiles took three times as long to compile.
    const tiles = tilesOf(p.dim(form.columnCount), width);
    p.open(`for (var tile = 0; tile < (${tiles}) * i32(workgroups.z); tile++)`);
    new BlockPrinter(p, kernel, form, block).print('slice', `tile * ${width}`, suffix);
    p.close();
    return;
  }
  const rest = kernel.space.filter((axis) => axis !== row);
  const count = p.dim(volumeOf(kernel, rest));
  p.open(`for (var point = i32(lane); point < slice_rows * ${count}; point += ${lanes})`);
  p.line(`let row = slice + point / ${count};`);
  p.line(`let rest = point % ${count};`);
  p.bindAxes([row], 'row');
  p.bindAxes(rest, 'rest');
  readBeforeStores(p, kernel, kernel.space);
  for (const stage of kernel.stages) {
    if (stage.kind === 'reduce') printReduce(p, kernel, stage);
    else printMap(p, kernel, stage);
  }
  p.close();
}
