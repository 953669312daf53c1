/**
 * Sums of rows by index, in ascending order of position and without atomics: each workgroup owns a bucket of rows,
 * walks all indices, and adds the updates of its own rows. An invocation owns columns, so that the terms of an element
 * are added by one invocation. Cost: buckets · indices + elements of the updates and the result.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { constantDim, productOfDims } from '../../ir/dim.ts';
import type { LoopKernel, ScatterKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';

/** Workgroups that fill a device without reading the indices too often. */
const BUCKETS = { cpu: 64, gpu: 512 };

export function scheduleScatter(kernel: ScatterKernel, ctx: ScheduleContext): ScheduledKernel {
  const [indices, updates, result] = kernel.operands;
  if (indices === undefined || updates === undefined || result === undefined)
    throw new InternalError('a scatter has three operands');
  const [rows = constantDim(1), ...rest] = result.type.shape;
  const width = productOfDims(rest);
  const count = productOfDims(indices.type.shape);
  const { kind, subgroupSize, invocations } = ctx.target;
  const lanes = kind === 'cpu' && subgroupSize > 0 ? subgroupSize : Math.min(64, invocations);
  const bucket = Math.max(1, Math.ceil(largest(ctx, rows) / BUCKETS[kind]));
  const operands: LoopKernel['operands'] = kernel.operands;
  const loops: LoopKernel = { ...kernel, kind: 'loops', operands, axes: [], space: [], stages: [] };
  return single(
    launchOf(loops, {
      name: kernel.name,
      schedule: `one workgroup for ${bucket} rows, which reads every index; an invocation owns columns`,
      workgroups: countOf([rows, bucket]),
      workgroupSize: lanes,
      body: (printer) => {
        const [index, update, sum] = [0, 1, 2].map((at) => printer.operandName(at));
        const wide = printer.dim(width);
        printer.line(`let first = i32(group) * ${bucket};`);
        printer.line(`let end = min(first + ${bucket}, ${printer.dim(rows)});`);
        printer.open(`for (var c = i32(lane); c < ${wide}; c += ${lanes})`);
        printer.line(`for (var row = first; row < end; row++) { ${sum}[row * ${wide} + c] = 0.0f; }`);
        printer.close();
        printer.open(`for (var p = 0; p < ${printer.dim(count)}; p++)`);
        printer.line(`let row = ${index}[p];`);
        printer.open('if (row >= first && row < end)');
        printer.open(`for (var c = i32(lane); c < ${wide}; c += ${lanes})`);
        printer.line(`${sum}[row * ${wide} + c] += ${update}[p * ${wide} + c];`);
        printer.close();
        printer.close();
        printer.close();
      },
    }),
  );
}
