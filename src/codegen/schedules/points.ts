/** One invocation for each point of the space: what every kernel can be run by. */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { countOf, launchOf, single, volumeOf, type LaunchText, type ScheduleContext } from './context.ts';
import { printMap, printReduce, readBeforeStores } from './stages.ts';

export function schedulePoints(kernel: LoopKernel, ctx: ScheduleContext): ScheduledKernel {
  return single(launchOf(kernel, pointsText(kernel, ctx)));
}

export function pointsText(kernel: LoopKernel, { target }: ScheduleContext): LaunchText {
  const size = Math.min(64, target.invocations);
  const points = volumeOf(kernel, kernel.space);
  return {
    name: kernel.name,
    schedule: `one invocation a point, ${size} a workgroup`,
    workgroups: countOf([points, size]),
    workgroupSize: size,
    body: (printer) => {
      printer.line(`let point = i32(group * ${size}u + lane);`);
      printer.line(`if (point >= ${printer.dim(points)}) { return; }`);
      printer.bindAxes(kernel.space, 'point');
      readBeforeStores(printer, kernel, kernel.space);
      for (const stage of kernel.stages) {
        if (stage.kind === 'reduce') printReduce(printer, kernel, stage);
        else printMap(printer, kernel, stage);
      }
    },
  };
}
