/**
 * Few points with long sums: many invocations each take every C-th term, and a second launch combines their C parts
 * in order.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { countOf, largest, launchWith, volumeOf, type LaunchText, type ScheduleContext } from './context.ts';
import { combineParts, splitKernel, type SplitKernel } from './split.ts';
import {
  addTerms,
  bindResults,
  closeLoops,
  openLoops,
  printMap,
  startAccumulators,
  type ReduceStage,
} from './stages.ts';

/** Invocations that fill a device. */
const ENOUGH = { cpu: 128, gpu: 8192 };
/** Terms for which another launch is worth it. */
const LONG = 512;

export function scheduleSplitReduction(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  const stage = kernel.stages.find((each) => each.kind === 'reduce');
  if (stage === undefined) return undefined;
  if (kernel.stages.some((each) => each.kind === 'map' && each.axes.length > 0)) return undefined;
  const points = largest(ctx, volumeOf(kernel, kernel.space));
  const terms = largest(ctx, volumeOf(kernel, stage.axes));
  const parts = Math.min(Math.floor(ENOUGH[ctx.target.kind] / points), Math.floor(terms / 32), 1024);
  if (parts < 4 || terms < LONG) return undefined;
  if (kernel.operands.length + stage.accumulators.length > ctx.target.storageBuffers) return undefined;
  const split = splitKernel(kernel, parts);
  if (split === undefined) return undefined;
  return {
    temporaries: split.temporaries.map(({ type }) => type),
    launches: [
      launchWith(split.partial, split.bindings, partialText(split, kernel.space, ctx)),
      combineParts(split, ctx),
    ],
  };
}

function partialText(
  { partial, parts, partAxis }: SplitKernel,
  space: readonly number[],
  { target }: ScheduleContext,
): LaunchText {
  const size = Math.min(64, target.invocations);
  const all = volumeOf(partial, partial.space);
  return {
    name: partial.name,
    schedule: `${parts} partial results for each point, one invocation each`,
    workgroups: countOf([all, size]),
    workgroupSize: size,
    body: (printer) => {
      printer.line(`let at = i32(group * ${size}u + lane);`);
      printer.line(`if (at >= ${printer.dim(all)}) { return; }`);
      // Neighbouring invocations take neighbouring terms, or have neighbouring points.
      printer.bindAxes(isPointMajor(partial, space) ? [partAxis, ...space] : [...space, partAxis], 'at');
      const part = printer.value({ kind: 'axis', axis: partAxis });
      for (const stage of partial.stages) {
        if (stage.kind === 'map') {
          printMap(printer, partial, stage);
          continue;
        }
        const running = startAccumulators(printer, stage.accumulators);
        const count = openLoops(printer, partial, stage, { from: part, step: String(parts) });
        addTerms(printer, stage, running);
        closeLoops(printer, count);
        bindResults(printer, running);
      }
    },
  };
}

/** Whether neighbouring points lie closer than the terms of one. */
function isPointMajor(kernel: LoopKernel, space: readonly number[]): boolean {
  const last = space.at(-1);
  const sums = kernel.stages.filter((stage): stage is ReduceStage => stage.kind === 'reduce');
  return loadsOf(sums.flatMap(stageRoots)).some((load) => {
    const step = load.index.at(-1);
    return step?.kind === 'axis' && step.axis === last;
  });
}
