/** Chooses how a kernel runs: the first schedule of the list that takes it. */
import type { Kernel, LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScheduleContext } from './context.ts';
import { scheduleAttention } from './attention.ts';
import { schedulePoints } from './points.ts';
import { scheduleRecurrence } from './recurrence.ts';
import { scheduleScatter } from './scatter.ts';
import { scheduleSplitReduction } from './split-reduction.ts';
import { scheduleSubgroupContraction, scheduleSubgroupVectors } from './subgroup-contraction.ts';
import { scheduleTiledContraction } from './tiled-contraction.ts';
import { scheduleWorkgroupRows } from './workgroup-rows.ts';

export type { ScheduleContext } from './context.ts';

/** Undefined: not a kernel for this schedule. */
type Schedule = (kernel: LoopKernel, ctx: ScheduleContext) => ScheduledKernel | undefined;

const schedules: readonly Schedule[] = [
  scheduleSubgroupContraction,
  scheduleTiledContraction,
  scheduleSplitReduction,
  scheduleSubgroupVectors,
  scheduleWorkgroupRows,
];

export function scheduleKernel(kernel: Kernel, ctx: ScheduleContext): ScheduledKernel {
  if (kernel.kind === 'scatter-add') return scheduleScatter(kernel, ctx);
  if (kernel.kind === 'attention') return scheduleAttention(kernel, ctx);
  if (kernel.kind === 'recurrence') return scheduleRecurrence(kernel, ctx);
  for (const schedule of schedules) {
    const found = schedule(kernel, ctx);
    if (found !== undefined) return found;
  }
  return schedulePoints(kernel, ctx);
}
