/**
 * Sums of rows by index, in ascending order of position and without atomics: each workgroup owns a bucket of rows,
 * walks all indices, and adds the updates of its own rows. An invocation owns columns, so that the terms of an element
 * are added by one invocation. Cost: buckets · indices + elements of the updates and the result. On software adapters
 * workgroups share the columns first: a few of them are enough, and each walks all indices again.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { constantDim, constantOf, productOfDims } from '../../ir/dim.ts';
import type { LoopKernel, ScatterKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';

/** Workgroups that fill a device without reading the indices too often. */
const GROUPS = { cpu: 4, gpu: 512 };
/** Columns of an invocation of a software adapter. */
const MOST_COLUMNS = 4;

export function scheduleScatter(kernel: ScatterKernel, ctx: ScheduleContext): ScheduledKernel {
  const [indices, updates, result] = kernel.operands;
  if (indices === undefined || updates === undefined || result === undefined)
    throw new InternalError('a scatter has three operands');
  const [rows = constantDim(1), ...rest] = result.type.shape;
  const width = productOfDims(rest);
  const count = productOfDims(indices.type.shape);
  const { kind, subgroupSize, invocations } = ctx.target;
  const lanes = kind === 'cpu' && subgroupSize > 0 ? subgroupSize : Math.min(64, invocations);
  const fixed = kind === 'cpu' ? (constantOf(width) ?? 1) : 1;
  const own = Math.max(1, Math.min(MOST_COLUMNS, Math.floor(fixed / (lanes * GROUPS.cpu))));
  const slice = lanes * own;
  const slices = Math.ceil(fixed / slice);
  const buckets = Math.ceil(GROUPS[kind] / slices);
  const bucket = Math.max(1, Math.ceil(largest(ctx, rows) / buckets));
  const operands: LoopKernel['operands'] = kernel.operands;
  const loops: LoopKernel = { ...kernel, kind: 'loops', operands, axes: [], space: [], stages: [] };
  return single(
    launchOf(loops, {
      name: kernel.name,
      schedule: `one workgroup for ${bucket} rows${slices > 1 ? ` and ${slice} columns` : ''}, which reads every index; an invocation owns columns`,
      workgroups: countOf([rows, bucket], [constantDim(slices), 1]),
      workgroupSize: lanes,
      body: (printer) => {
        const [index, update, sum] = [0, 1, 2].map((at) => printer.operandName(at));
        const wide = printer.dim(width);
        const first = slices > 1 ? `i32(group) / ${slices}` : 'i32(group)';
        printer.line(`let first = ${first} * ${bucket};`);
        printer.line(`let end = min(first + ${bucket}, ${printer.dim(rows)});`);
        if (slices > 1) printer.line(`let column = i32(group) % ${slices} * ${slice} + i32(lane);`);
        const eachColumn = (text: (column: string) => string): void => {
          if (slices === 1) {
            printer.open(`for (var column = i32(lane); column < ${wide}; column += ${lanes})`);
            printer.line(text('column'));
            printer.close();
            return;
          }
          for (let at = 0; at < own; at++) {
            const column = at === 0 ? 'column' : `(column + ${at * lanes})`;
            const line = text(column);
            printer.line(fixed % slice === 0 ? line : `if (${column} < ${wide}) { ${line} }`);
          }
        };
        eachColumn(
          (column) => `for (var row = first; row < end; row++) { ${sum}[row * ${wide} + ${column}] = 0.0f; }`,
        );
        printer.open(`for (var p = 0; p < ${printer.dim(count)}; p++)`);
        printer.line(`let row = ${index}[p];`);
        printer.open('if (row >= first && row < end)');
        eachColumn((column) => `${sum}[row * ${wide} + ${column}] += ${update}[p * ${wide} + ${column}];`);
        printer.close();
        printer.close();
      },
    }),
  );
}
