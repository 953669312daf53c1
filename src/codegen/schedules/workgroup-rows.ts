/**
 * Long rows on a GPU: one workgroup for each point of the space. Its invocations take the terms of every sum in turn,
 * combine what they have in workgroup memory, and share the stores of the row.
 */
import type { Accumulator, LoopKernel } from '../../ir/kernel.ts';
import { scalarDType } from '../../ir/scalar-builder.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { countOf, largest, launchOf, single, volumeOf, type ScheduleContext } from './context.ts';
import {
  addTerms,
  closeLoops,
  combineText,
  openLoops,
  printMap,
  printStores,
  readBeforeStores,
  startAccumulators,
  type ReduceStage,
  type Running,
} from './stages.ts';

/** Terms that keep a workgroup busy. */
const LONG = 64;

export function scheduleWorkgroupRows(kernel: LoopKernel, ctx: ScheduleContext): ScheduledKernel | undefined {
  const { kind, invocations } = ctx.target;
  const reduces = kernel.stages.filter((stage) => stage.kind === 'reduce');
  if (kind !== 'gpu' || reduces.length === 0) return undefined;
  const longest = Math.max(...kernel.stages.map((stage) => largest(ctx, volumeOf(kernel, stage.axes))));
  if (longest < LONG || !isContiguous(reduces)) return undefined;
  const size = Math.min(invocations, longest >= 1024 ? 256 : 64);
  const points = volumeOf(kernel, kernel.space);
  const accumulators = reduces.flatMap((stage) => stage.accumulators);
  return single(
    launchOf(kernel, {
      name: kernel.name,
      schedule: `one workgroup of ${size} for a point`,
      workgroups: countOf([points, 1]),
      workgroupSize: size,
      shared: accumulators.flatMap((each) => sharedOf(each, size)),
      workgroupBytes: accumulators.reduce(
        (bytes, { combine }) => bytes + 4 * size * (combine === 'argmax' ? 2 : 1),
        0,
      ),
      body: (printer) => printRow(printer, kernel, size),
    }),
  );
}

/** Neighbouring terms of a sum are neighbours in memory. */
function isContiguous(reduces: readonly ReduceStage[]): boolean {
  return reduces.every((stage) => {
    const last = stage.axes.at(-1);
    const loads = loadsOf(stageRoots(stage));
    return (
      loads.length === 0 ||
      loads.some((load) => {
        const step = load.index.at(-1);
        return step?.kind === 'axis' && step.axis === last;
      })
    );
  });
}

function sharedOf({ id, combine, value }: Accumulator, size: number): readonly string[] {
  const type = scalarDType(value) === 'i32' ? 'i32' : 'f32';
  const values = `var<workgroup> part${id}: array<${type}, ${size}>;`;
  return combine === 'argmax' ? [values, `var<workgroup> place${id}: array<i32, ${size}>;`] : [values];
}

function printRow(printer: ScalarPrinter, kernel: LoopKernel, size: number): void {
  const points = printer.dim(volumeOf(kernel, kernel.space));
  printer.line('let point = i32(group);');
  // The same for the whole workgroup, so that barriers may follow.
  printer.line(`if (point >= ${points}) { return; }`);
  printer.bindAxes(kernel.space, 'point');
  readBeforeStores(printer, kernel, kernel.space);
  const cover = { from: 'i32(lane)', step: String(size) };
  for (const stage of kernel.stages) {
    if (stage.kind === 'reduce') {
      const running = startAccumulators(printer, stage.accumulators);
      const count = openLoops(printer, kernel, stage, cover);
      addTerms(printer, stage, running);
      closeLoops(printer, count);
      combineParts(printer, running, size);
      continue;
    }
    if (stage.axes.length > 0) {
      printMap(printer, kernel, stage, cover);
      continue;
    }
    // Every invocation has read what one of them now overwrites.
    printer.line('workgroupBarrier();');
    printer.open('if (lane == 0u)');
    printStores(printer, stage.stores);
    printer.close();
  }
}

/** Halves the number of parts until one is left. */
function combineParts(printer: ScalarPrinter, running: readonly Running[], size: number): void {
  for (const { accumulator, value, place } of running) {
    printer.line(`part${accumulator.id}[lane] = ${value};`);
    if (place !== undefined) printer.line(`place${accumulator.id}[lane] = ${place};`);
  }
  printer.line('workgroupBarrier();');
  const stride = printer.scopes.fresh('stride');
  printer.open(`for (var ${stride} = ${size / 2}u; ${stride} > 0u; ${stride} = ${stride} / 2u)`);
  printer.open(`if (lane < ${stride})`);
  for (const { accumulator, place } of running) {
    const { id } = accumulator;
    const [mine, other] = [`part${id}[lane]`, `part${id}[lane + ${stride}]`];
    if (place === undefined) {
      printer.line(`${mine} = ${combineText(printer, accumulator, mine, other)};`);
      continue;
    }
    const [at, otherAt] = [`place${id}[lane]`, `place${id}[lane + ${stride}]`];
    printer.open(`if (${other} > ${mine} || (${other} == ${mine} && ${otherAt} < ${at}))`);
    printer.line(`${mine} = ${other};`);
    printer.line(`${at} = ${otherAt};`);
    printer.close();
  }
  printer.close();
  printer.line('workgroupBarrier();');
  printer.close();
  for (const { accumulator, place } of running) {
    const { id } = accumulator;
    printer.line(`let total${id} = ${place === undefined ? 'part' : 'place'}${id}[0];`);
    printer.bindAccumulator(id, `total${id}`);
  }
}
