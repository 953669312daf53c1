/**
 * Products on software adapters: a workgroup is one subgroup, with no workgroup memory and no barrier. Its lanes lie
 * along the columns; each holds a block of rows × columns in registers. In each step one gather loads an operand for
 * as many rows as there are lanes, and broadcasts share it.
 *
 * Measured on lavapipe (8 lanes): a load at one address for all lanes costs as much as a gather, so the gather and
 * the broadcasts win by two; more than one step in the loop's body spills registers.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';
import { contractionForm, roleOf, type ContractionForm } from './contraction-form.ts';
import { closeLoops, openLoops, printStores, readBeforeStores, type ReduceStage } from './stages.ts';

interface Tile {
  readonly rows: number;
  /** Columns of each lane; neighbours' columns are neighbours. */
  readonly columns: number;
  readonly lanes: number;
  readonly broadcast: boolean;
}

/** Sums that a lane holds; more compile slowly. SwiftShader compiles them faster, and gains more. */
const registersFor = (lanes: number): number => (lanes <= 4 ? 128 : 64);
/** Workgroups that keep a few cores busy. */
const ENOUGH_GROUPS = 8;

export function scheduleSubgroupContraction(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  const { kind, subgroupSize, features } = ctx.target;
  if (kind !== 'cpu' || subgroupSize < 2 || subgroupSize > 16) return undefined;
  const form = contractionForm(kernel);
  if (form === undefined) return undefined;
  const tile = chooseTile(form, ctx, features.includes('subgroups'));
  if (tile === undefined) return undefined;
  const { rows, columns, lanes, broadcast } = tile;
  return single(
    launchOf(kernel, {
      name: kernel.name,
      schedule: `one subgroup of ${lanes} lanes for ${rows} × ${columns * lanes} results`,
      workgroups: countOf([form.batchSize, 1], [form.rowCount, rows], [form.columnCount, columns * lanes]),
      workgroupSize: lanes,
      ...(broadcast ? { subgroupSize: lanes } : {}),
      body: (printer) => new BlockPrinter(printer, kernel, form, tile).print(),
    }),
  );
}

function chooseTile(form: ContractionForm, ctx: ScheduleContext, broadcast: boolean): Tile | undefined {
  const lanes = ctx.target.subgroupSize;
  const [batch, m, n] = [form.batchSize, form.rowCount, form.columnCount].map((dim) => largest(ctx, dim));
  if (batch === undefined || m === undefined || n === undefined || n < lanes / 2) return undefined;
  const registers = registersFor(lanes);
  let rows = 16;
  while (rows > 2 && rows / 2 >= m) rows /= 2;
  let columns = 8;
  while (columns > 1 && (columns / 2) * lanes >= n) columns /= 2;
  while (columns > 1 && rows * columns * form.accumulators > registers) columns /= 2;
  const groups = (): number => batch * Math.ceil(m / rows) * Math.ceil(n / (columns * lanes));
  while (columns > 2 && groups() < ENOUGH_GROUPS) columns /= 2;
  while (rows > 4 && (groups() < ENOUGH_GROUPS || rows * columns * form.accumulators > registers)) rows /= 2;
  return { rows, columns, lanes, broadcast };
}

class BlockPrinter {
  readonly #printer: ScalarPrinter;
  readonly #kernel: LoopKernel;
  readonly #form: ContractionForm;
  readonly #tile: Tile;

  constructor(printer: ScalarPrinter, kernel: LoopKernel, form: ContractionForm, tile: Tile) {
    this.#printer = printer;
    this.#kernel = kernel;
    this.#form = form;
    this.#tile = tile;
  }

  print(): void {
    this.#place();
    for (const stage of this.#form.reduces) this.#sum(stage);
    this.#finish();
  }

  /** Which block the workgroup computes. Rows and columns past the end repeat the last. */
  #place(): void {
    const p = this.#printer;
    const { rows, columns, lanes } = this.#tile;
    const { rowCount, columnCount, batchSize, batch } = this.#form;
    const width = columns * lanes;
    const tilesOf = (count: string, size: number): string =>
      size === 1
        ? count
        : /^\d+$/.test(count)
          ? String(Math.ceil(Number(count) / size))
          : `(${count} + ${size - 1}) / ${size}`;
    const [rowLimit, columnLimit] = [p.dim(rowCount), p.dim(columnCount)];
    p.line(`let column_tiles = ${tilesOf(columnLimit, width)};`);
    p.line(`let row_tiles = ${tilesOf(rowLimit, rows)};`);
    p.line('let column_tile = i32(group) % column_tiles;');
    p.line('let row_tile = i32(group) / column_tiles % row_tiles;');
    p.line('let batch = i32(group) / column_tiles / row_tiles;');
    p.line(`if (batch >= ${p.dim(batchSize)}) { return; }`);
    p.line(`let first_row = row_tile * ${rows};`);
    p.line(`let first_column = column_tile * ${width} + i32(lane);`);
    for (let j = 0; j < columns; j++)
      p.line(`let column${j} = min(first_column + ${j * lanes}, ${columnLimit} - 1);`);
    if (this.#tile.broadcast) {
      for (let v = 0; v * lanes < rows; v++)
        p.line(`let lane_row${v} = min(first_row + ${v * lanes} + i32(sub_lane), ${rowLimit} - 1);`);
    } else {
      for (let r = 0; r < rows; r++) p.line(`let row${r} = min(first_row + ${r}, ${rowLimit} - 1);`);
    }
    p.bindAxes(batch, 'batch', 0);
  }

  /** One reduce stage, for every row and column of the block. */
  #sum(stage: ReduceStage): void {
    const p = this.#printer;
    const { rows, columns, lanes, broadcast } = this.#tile;
    const each = (visit: (r: number, j: number) => void): void => {
      for (let r = 0; r < rows; r++) for (let j = 0; j < columns; j++) visit(r, j);
    };
    for (const { id } of stage.accumulators) each((r, j) => p.line(`var ${sumName(id, r, j)} = 0.0f;`));
    const loads = loadsOf(stageRoots(stage));
    const rowLoads = loads.filter((load) => roleOf(this.#form, load) === 'row');
    // Bound before the loop opens, so that the parts of positions that it does not change are outside of it.
    const count = openLoops(p, this.#kernel, stage);
    p.nameLoads = true;
    const shared = rowLoads.map((load, at) => {
      if (!broadcast) return [];
      const vectors: string[] = [];
      for (let v = 0; v * lanes < rows; v++) {
        p.bindAxes(this.#form.rows, `lane_row${v}`, 0);
        vectors.push(p.name(load, 'x'));
      }
      return Array.from({ length: rows }, (_, r) => {
        const name = `a${at}_${r}`;
        p.line(`let ${name} = subgroupBroadcast(${vectors[Math.floor(r / lanes)] ?? ''}, ${r % lanes}u);`);
        return name;
      });
    });
    each((r, j) => {
      p.bindAxes(this.#form.columns, `column${j}`, 0);
      if (!broadcast) p.bindAxes(this.#form.rows, `row${r}`, 0);
      for (const [at, load] of rowLoads.entries()) {
        const name = shared[at]?.[r];
        if (name !== undefined) p.bindLoad(load, name);
      }
      for (const { id, value } of stage.accumulators) p.line(`${sumName(id, r, j)} += ${p.value(value)};`);
    });
    p.unbindLoads();
    p.nameLoads = false;
    closeLoops(p, count);
  }

  /** The epilogue, as a loop over the block: unrolled it would be most of the text. */
  #finish(): void {
    const p = this.#printer;
    const { rows, columns, lanes } = this.#tile;
    const { reduces, maps, rowCount, columnCount } = this.#form;
    const accumulators = reduces.flatMap((stage) => stage.accumulators);
    for (const { id } of accumulators) {
      p.line(`var sums${id}: array<f32, ${rows * columns}>;`);
      for (let r = 0; r < rows; r++)
        for (let j = 0; j < columns; j++) p.line(`sums${id}[${r * columns + j}] = ${sumName(id, r, j)};`);
    }
    const [rowLimit, columnLimit] = [p.dim(rowCount), p.dim(columnCount)];
    // Always 1, which the compiler cannot know: unrolled, these loops took ten times as long to compile.
    p.line('let one = i32(workgroups.z);');
    p.open(`for (var r = 0; r < min(${rows} * one, ${rowLimit} - first_row); r++)`);
    p.line('let row = first_row + r;');
    p.bindAxes(this.#form.rows, 'row');
    if (columns > 1) p.open(`for (var j = 0; j < ${columns} * one; j++)`);
    p.line(columns > 1 ? `let column = first_column + j * ${lanes};` : 'let column = first_column;');
    p.open(`if (column < ${columnLimit})`);
    p.bindAxes(this.#form.columns, 'column');
    for (const { id } of accumulators) {
      p.line(`let sum${id} = sums${id}[${columns > 1 ? `r * ${columns} + j` : 'r'}];`);
      p.bindAccumulator(id, `sum${id}`);
    }
    readBeforeStores(p, this.#kernel, this.#kernel.space);
    for (const { stores } of maps) printStores(p, stores);
    p.close();
    if (columns > 1) p.close();
    p.close();
  }
}

const sumName = (id: number, row: number, column: number): string => `acc${id}_${row}_${column}`;
