/**
 * Attention without its scores: a lane owns some queries (or keys) and keeps their vectors in registers, and all lanes
 * of a workgroup walk along the keys (or queries) together, so that every vector of those is loaded once for all of
 * them. No sum is shared by two lanes: there are no atomics, no barriers, and no order that a device could choose.
 */
import type { AttentionKernel, LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { AttentionLanes, extent, spaceOf, volume, type AttentionTile } from './attention-lanes.ts';
import { printAttention } from './attention-parts.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';
import { hasLanes } from './subgroup-contraction.ts';

/** Vectors of a lane, together, in numbers: more spill, and compile slowly. */
const REGISTERS = 160;
/** Workgroups that keep a few cores busy. */
const ENOUGH_GROUPS = 16;
const GPU_LANES = 64;

export function scheduleAttention(kernel: AttentionKernel, ctx: ScheduleContext): ScheduledKernel {
  const { tiled, outer } = spaceOf(kernel);
  const tile = chooseTile(kernel, ctx);
  const { lanes, each, broadcast } = tile;
  return single(
    launchOf(asLoops(kernel), {
      name: kernel.name,
      schedule: `a lane owns ${each} ${kernel.part === 'keys' ? 'keys' : 'queries'}, ${lanes} lanes a workgroup, which walks along the others`,
      workgroups: countOf([volume(kernel, outer), 1], [extent(kernel, tiled), lanes * each]),
      workgroupSize: lanes,
      ...(broadcast ? { subgroupSize: lanes } : {}),
      body: (printer) => printAttention(new AttentionLanes(printer, kernel, tile)),
    }),
  );
}

function chooseTile(kernel: AttentionKernel, ctx: ScheduleContext): AttentionTile {
  const { tiled, outer } = spaceOf(kernel);
  const count = largest(ctx, extent(kernel, tiled));
  const groups = largest(ctx, volume(kernel, outer));
  if (!hasLanes(ctx)) {
    let lanes = Math.min(GPU_LANES, ctx.target.invocations);
    while (lanes > 16 && lanes / 2 >= count) lanes /= 2;
    return { lanes, each: 1, broadcast: false, compact: ctx.target.portable === true };
  }
  const lanes = ctx.target.subgroupSize;
  const [width, valueWidth] = [kernel.width, kernel.valueWidth].map((axis) =>
    largest(ctx, extent(kernel, axis)),
  );
  const vectors = { forward: 1, queries: 1.5, keys: 2 }[kernel.part] * ((width ?? 1) + (valueWidth ?? 1));
  let each = 4;
  const tooMany = (): boolean =>
    each * vectors > REGISTERS ||
    (each / 2) * lanes >= count ||
    groups * Math.ceil(count / (each * lanes)) < ENOUGH_GROUPS;
  while (each > 1 && tooMany()) each /= 2;
  return { lanes, each, broadcast: ctx.target.features.includes('subgroups'), compact: true };
}

/** The kernel as the printer of expressions wants it. */
function asLoops(kernel: AttentionKernel): LoopKernel {
  const stores = Object.values(kernel.elements).map((value) => ({ operand: 0, index: [], value }));
  const stages = [{ kind: 'map', axes: [], stores } as const];
  const { name, origins, axes, operands } = kernel;
  return { kind: 'loops', name, origins, axes, operands, space: [], stages };
}
