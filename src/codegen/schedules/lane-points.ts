/**
 * Rows on a software adapter: one lane for each point of the space, a subgroup a workgroup, whose lanes load together
 * what is the same for all of them.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { countOf, launchOf, single, volumeOf, type ScheduleContext } from './context.ts';
import { printLaneStages, sharesLoads } from './lane-stages.ts';
import { hasLanes } from './subgroup-contraction.ts';

export function scheduleLanePoints(kernel: LoopKernel, ctx: ScheduleContext): ScheduledKernel | undefined {
  if (!hasLanes(ctx) || !ctx.target.features.includes('subgroups')) return undefined;
  const varying = new Set(kernel.space);
  const lanes = ctx.target.subgroupSize;
  if (kernel.space.length === 0 || !sharesLoads(kernel, lanes, varying)) return undefined;
  const points = volumeOf(kernel, kernel.space);
  return single(
    launchOf(kernel, {
      name: kernel.name,
      schedule: `one lane a point, ${lanes} a workgroup`,
      workgroups: countOf([points, lanes]),
      workgroupSize: lanes,
      subgroupSize: lanes,
      body: (printer) => {
        printer.line(`let first = i32(group) * ${lanes};`);
        const limit = printer.dim(points);
        // The same for the whole workgroup, so that broadcasts may follow.
        printer.line(`if (first >= ${limit}) { return; }`);
        printer.line(`let has_point = first + i32(lane) < ${limit};`);
        // A lane that has no point computes the last one again, and stores nothing.
        printer.line(`let point = min(first + i32(lane), ${limit} - 1);`);
        printer.bindAxes(kernel.space, 'point');
        printLaneStages(printer, kernel, { lanes, varying, guard: 'has_point' });
      },
    }),
  );
}
