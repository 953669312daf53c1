/**
 * Products in registers alone, with no workgroup memory and no barrier: on software adapters, where a workgroup is one
 * subgroup, and for devices that are not known, as software adapters take barriers ill and compile them slowly.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { BlockPrinter, type Block } from './block.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';
import { contractionForm, type ContractionForm } from './contraction-form.ts';

/** Sums that a lane holds; more compile slowly. SwiftShader compiles them faster, and gains more. */
export const registersFor = (lanes: number): number => (lanes <= 4 ? 128 : 64);
/** Workgroups that keep a few cores busy. */
const ENOUGH_GROUPS = 8;
/** For a GPU: registers are shared by many invocations, and there are many cores. */
const PORTABLE_REGISTERS = 64;
const PORTABLE_GROUPS = 32;

/** Whether a workgroup can be one subgroup of a known number of lanes. */
export function hasLanes({ target }: ScheduleContext): boolean {
  return target.kind === 'cpu' && target.subgroupSize >= 2 && target.subgroupSize <= 16;
}

export function scheduleSubgroupContraction(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  if (!hasLanes(ctx) && ctx.target.portable !== true) return undefined;
  return scheduleBlocks(kernel, contractionForm(kernel), ctx);
}

/**
 * The same for products with a vector, and with elements that are found through an index, on software adapters: a lane
 * that has several results loads the vector once for all of them.
 */
export function scheduleSubgroupVectors(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  return hasLanes(ctx) ? scheduleBlocks(kernel, contractionForm(kernel, 'any'), ctx) : undefined;
}

function scheduleBlocks(
  kernel: LoopKernel,
  form: ContractionForm | undefined,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  if (form === undefined) return undefined;
  const block = chooseBlock(form, ctx);
  if (block === undefined) return undefined;
  const { rows, columns, lanes, broadcast } = block;
  return single(
    launchOf(kernel, {
      name: kernel.name,
      schedule: `one workgroup of ${lanes} lanes for ${rows} × ${columns * lanes} results`,
      workgroups: countOf([form.batchSize, 1], [form.rowCount, rows], [form.columnCount, columns * lanes]),
      workgroupSize: lanes,
      ...(broadcast ? { subgroupSize: lanes } : {}),
      body: (printer) => printBlock(printer, kernel, form, block),
    }),
  );
}

function chooseBlock(form: ContractionForm, ctx: ScheduleContext): Block | undefined {
  const [batch, m, n] = [form.batchSize, form.rowCount, form.columnCount].map((dim) => largest(ctx, dim));
  if (batch === undefined || m === undefined || n === undefined) return undefined;
  const known = hasLanes(ctx);
  let lanes = known ? ctx.target.subgroupSize : 64;
  if (!known) while (lanes > 8 && lanes / 2 >= n) lanes /= 2;
  if (n < lanes / 2) return undefined;
  const registers = known ? registersFor(lanes) : PORTABLE_REGISTERS;
  const enough = known ? ENOUGH_GROUPS : PORTABLE_GROUPS;
  let rows = 16;
  while (rows > (form.rows.length === 0 ? 1 : 2) && rows / 2 >= m) rows /= 2;
  let columns = 8;
  while (columns > 1 && (columns / 2) * lanes >= n) columns /= 2;
  while (columns > 1 && rows * columns * form.accumulators > registers) columns /= 2;
  const groups = (): number => batch * Math.ceil(m / rows) * Math.ceil(n / (columns * lanes));
  while (columns > 2 && groups() < enough) columns /= 2;
  while (rows > 4 && (groups() < enough || rows * columns * form.accumulators > registers)) rows /= 2;
  return { rows, columns, lanes, broadcast: known && ctx.target.features.includes('subgroups') };
}

function printBlock(printer: ScalarPrinter, kernel: LoopKernel, form: ContractionForm, block: Block): void {
  const width = block.columns * block.lanes;
  printer.line(`let column_tiles = ${tilesOf(printer.dim(form.columnCount), width)};`);
  printer.line(`let row_tiles = ${tilesOf(printer.dim(form.rowCount), block.rows)};`);
  printer.line('let column_tile = i32(group) % column_tiles;');
  printer.line('let row_tile = i32(group) / column_tiles % row_tiles;');
  printer.line('let batch = i32(group) / column_tiles / row_tiles;');
  printer.line(`if (batch >= ${printer.dim(form.batchSize)}) { return; }`);
  printer.bindAxes(form.batch, 'batch', 0);
  new BlockPrinter(printer, kernel, form, block).print(`row_tile * ${block.rows}`, `column_tile * ${width}`);
}

/** ceil(count / size) */
export function tilesOf(count: string, size: number): string {
  if (/^\d+$/.test(count)) return String(Math.ceil(Number(count) / size));
  return size === 1 ? count : `(${count} + ${size - 1}) / ${size}`;
}
