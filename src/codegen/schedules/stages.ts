/** Stages as loops in one invocation. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Accumulator, LoopKernel, Stage, Store } from '../../ir/kernel.ts';
import { affineOffset, axisRuns, type Affine } from '../wgsl/affine.ts';
import { scalarDType } from '../../ir/scalar-builder.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { reachable } from '../../ir/walk-scalar.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { extentOf, volumeOf } from './context.ts';

export type ReduceStage = Extract<Stage, { kind: 'reduce' }>;
export type MapStage = Extract<Stage, { kind: 'map' }>;

/** Runs of the stage's axes that can be one loop each: no position tells its axes apart. */
export function loopGroups(kernel: LoopKernel, stage: Stage): readonly (readonly number[])[] {
  const { axes } = stage;
  if (axes.length < 2) return axes.map((axis) => [axis]);
  const roots = stageRoots(stage);
  const offsets = loadsOf(roots).map((load) => offsetOf(kernel, load.tensor, load.index));
  if (stage.kind === 'map')
    for (const { operand, index } of stage.stores) offsets.push(offsetOf(kernel, operand, index));
  const extents = axes.map((axis) => extentOf(kernel, axis));
  const plain = plainAxes(kernel, roots);
  const flat =
    !axes.some((axis) => plain.has(axis)) &&
    offsets.every((offset) => {
      const runs = axisRuns(offset, axes, extents);
      return (
        runs.length === 0 || (runs.length === 1 && runs[0]?.first === 0 && runs[0].last === axes.length - 1)
      );
    });
  return flat ? [axes] : axes.map((axis) => [axis]);
}

export function offsetOf(
  kernel: LoopKernel,
  operand: number,
  index: Parameters<typeof affineOffset>[0],
): Affine {
  return affineOffset(index, kernel.operands[operand]?.type.shape ?? []);
}

/** Axes whose own index is a number in an expression, besides sums that are positions of loads. */
function plainAxes(kernel: LoopKernel, roots: Parameters<typeof reachable>[0]): ReadonlySet<number> {
  const plain = new Set<number>();
  const inPositions = new Set<unknown>();
  for (const load of loadsOf(roots)) {
    for (const { factor } of offsetOf(kernel, load.tensor, load.index).terms) {
      if (factor.kind === 'axis') inPositions.add(factor);
      else for (const below of reachable([factor])) if (below.kind === 'axis') plain.add(below.axis);
    }
  }
  const visited = new Set<unknown>();
  const visit = (expression: (typeof roots)[number]): void => {
    if (visited.has(expression)) return;
    visited.add(expression);
    if (expression.kind === 'axis') plain.add(expression.axis);
    else if (expression.kind === 'random') visit(expression.index);
    else if (expression.kind === 'apply') expression.args.forEach(visit);
  };
  roots.forEach(visit);
  return plain;
}

export interface Cover {
  /** First index and step of the outermost loop. */
  readonly from: string;
  readonly step: string;
}

const SERIAL: Cover = { from: '0', step: '1' };

/** Opens the loops over a stage's axes; gives how many blocks to close. */
export function openLoops(
  printer: ScalarPrinter,
  kernel: LoopKernel,
  stage: Stage,
  cover: Cover = SERIAL,
): number {
  const groups = loopGroups(kernel, stage);
  for (const [at, group] of groups.entries()) {
    const name = printer.scopes.fresh('k');
    const extent = printer.dim(volumeOf(kernel, group));
    const { from, step } = at === 0 ? cover : SERIAL;
    const advance = step === '1' ? `${name}++` : `${name} += ${step}`;
    printer.open(`for (var ${name} = ${from}; ${name} < ${extent}; ${advance})`);
    printer.bindAxes(group, name);
  }
  return groups.length;
}

export function closeLoops(printer: ScalarPrinter, count: number): void {
  for (let at = 0; at < count; at++) printer.close();
}

export interface Running {
  readonly accumulator: Accumulator;
  readonly value: string;
  /** Of an argmax: the position of the best value so far. */
  readonly place?: string;
}

/** Declares variables for accumulators, at what combines to nothing. */
export function startAccumulators(
  printer: ScalarPrinter,
  accumulators: readonly Accumulator[],
  suffix = '',
): readonly Running[] {
  return accumulators.map((accumulator) => {
    const value = `acc${accumulator.id}${suffix}`;
    printer.line(`var ${value} = ${neutral(printer, accumulator)};`);
    if (accumulator.combine !== 'argmax') return { accumulator, value };
    const place = `at${accumulator.id}${suffix}`;
    printer.line(`var ${place} = 0;`);
    return { accumulator, value, place };
  });
}

export function neutral(printer: ScalarPrinter, { combine, value }: Accumulator): string {
  // An argmax' own dtype is that of the index.
  const dtype = scalarDType(value);
  if (combine === 'sum') return dtype === 'f32' ? '0.0f' : '0';
  const low = combine !== 'min';
  if (dtype === 'i32') return low ? 'i32(-2147483648)' : '2147483647';
  printer.helpers.add('bits_to_f32');
  return `bits_to_f32(${low ? '0xff800000u' : '0x7f800000u'})`;
}

/** The statement that takes one more value in; `position` counts along an argmax' axis. */
export function accumulate(
  printer: ScalarPrinter,
  running: Running,
  value: string,
  position: string,
): string {
  const { accumulator, value: name, place } = running;
  if (place !== undefined) return `if (${value} > ${name}) { ${name} = ${value}; ${place} = ${position}; }`;
  return `${name} = ${combineText(printer, accumulator, name, value)};`;
}

export function combineText(
  printer: ScalarPrinter,
  { combine, dtype }: Accumulator,
  lhs: string,
  rhs: string,
): string {
  switch (combine) {
    case 'sum':
      return `${lhs} + ${rhs}`;
    case 'max':
    case 'min': {
      if (dtype !== 'f32') return `${combine}(${lhs}, ${rhs})`;
      const helper = combine === 'max' ? 'maximum' : 'minimum';
      printer.helpers.add(helper);
      return `${helper}(${lhs}, ${rhs})`;
    }
    default:
      throw new InternalError('argmax does not combine by an expression');
  }
}

/** A whole reduce stage in one invocation. */
export function printReduce(printer: ScalarPrinter, kernel: LoopKernel, stage: ReduceStage): void {
  const running = startAccumulators(printer, stage.accumulators);
  const count = openLoops(printer, kernel, stage);
  addTerms(printer, stage, running);
  closeLoops(printer, count);
  bindResults(printer, running);
}

/** Inside the loops: every accumulator takes its value in. */
export function addTerms(printer: ScalarPrinter, stage: ReduceStage, running: readonly Running[]): void {
  const [axis] = stage.axes;
  for (const each of running) {
    const argmax = each.place !== undefined;
    const value = argmax ? printer.name(each.accumulator.value) : printer.value(each.accumulator.value);
    const position = argmax && axis !== undefined ? printer.value({ kind: 'axis', axis }) : '0';
    printer.line(accumulate(printer, each, value, position));
  }
}

export function bindResults(printer: ScalarPrinter, running: readonly Running[]): void {
  for (const { accumulator, value, place } of running)
    printer.bindAccumulator(accumulator.id, place ?? value);
}

/** A whole map stage in one invocation. */
export function printMap(
  printer: ScalarPrinter,
  kernel: LoopKernel,
  stage: MapStage,
  cover: Cover = SERIAL,
): void {
  const count = openLoops(printer, kernel, stage, cover);
  printStores(printer, stage.stores);
  closeLoops(printer, count);
}

/** All values first: a store in place must not be seen by another value's load. */
export function printStores(printer: ScalarPrinter, stores: readonly Store[]): void {
  const texts = stores.map(({ operand, index, value }) => {
    const offset = printer.offset(index, operand);
    const text = stores.length > 1 ? printer.name(value) : printer.value(value);
    return printer.store(operand, offset, text);
  });
  for (const text of texts) printer.line(text);
}

/** Loads of what an earlier stage stores read the old contents: they come before every store. */
export function readBeforeStores(printer: ScalarPrinter, kernel: LoopKernel, level: readonly number[]): void {
  const stored = new Set<number>();
  for (const stage of kernel.stages) {
    for (const load of loadsOf(stageRoots(stage))) {
      if (!stored.has(load.tensor)) continue;
      const axes = [...reachable([load])].flatMap((below) => (below.kind === 'axis' ? [below.axis] : []));
      const early = ![...reachable([load])].some((below) => below.kind === 'accumulator');
      if (early && axes.every((axis) => level.includes(axis))) printer.name(load);
    }
    if (stage.kind === 'map') for (const { operand } of stage.stores) stored.add(operand);
  }
}
