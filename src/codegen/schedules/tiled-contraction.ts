/**
 * Products on GPUs: a workgroup computes a tile of rows × columns. Step by step it copies a slice of each operand to
 * workgroup memory, whatever the operand's layout, and every invocation adds the products of its own block of rows and
 * columns. Where the tiles are few and the sums long, several workgroups share a tile's terms, and a second launch
 * adds their parts in order.
 */
import { productOfDims, type Dim } from '../../ir/dim.ts';
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots, type Load } from '../wgsl/uses.ts';
import {
  countOf,
  extentOf,
  largest,
  launchOf,
  launchWith,
  single,
  type LaunchText,
  type ScheduleContext,
} from './context.ts';
import { contractionForm, roleOf, type ContractionForm } from './contraction-form.ts';
import { combineParts, splitKernel } from './split.ts';
import { printStores, readBeforeStores, type ReduceStage } from './stages.ts';

interface Tile {
  /** Rows and columns of each invocation. */
  readonly block: readonly [rows: number, columns: number];
  /** Invocations along rows and columns. */
  readonly threads: readonly [rows: number, columns: number];
  /** Terms in a slice. */
  readonly depth: number;
}

const tiles: readonly Tile[] = [
  { block: [8, 8], threads: [16, 16], depth: 8 },
  { block: [4, 4], threads: [16, 16], depth: 16 },
  { block: [4, 4], threads: [8, 8], depth: 16 },
  { block: [2, 2], threads: [8, 8], depth: 16 },
];
/** Sums of an invocation; a GPU has no more registers. */
const REGISTERS = 64;
/** Workgroups that fill a GPU. */
const ENOUGH_GROUPS = 96;
/** Terms that are worth a workgroup of their own. */
const LEAST_TERMS = 256;

const rowsOf = ({ block, threads }: Tile): number => block[0] * threads[0];
const columnsOf = ({ block, threads }: Tile): number => block[1] * threads[1];

export function scheduleTiledContraction(
  kernel: LoopKernel,
  ctx: ScheduleContext,
): ScheduledKernel | undefined {
  const form = contractionForm(kernel);
  if (form === undefined || !form.reduces.every((stage) => areSeparate(form, stage))) return undefined;
  const [m, n] = [largest(ctx, form.rowCount), largest(ctx, form.columnCount)];
  if (m < 4 || n < 4) return undefined;
  const tile = chooseTile(form, ctx);
  if (tile === undefined) return undefined;
  const groups = largest(ctx, form.batchSize) * Math.ceil(m / rowsOf(tile)) * Math.ceil(n / columnsOf(tile));
  const [stage] = form.reduces;
  const terms = stage === undefined ? 0 : largest(ctx, termsOf(kernel, stage));
  const parts = Math.min(Math.floor(ENOUGH_GROUPS / groups), Math.floor(terms / LEAST_TERMS), 32);
  const bindings = kernel.operands.length + form.accumulators;
  if (parts < 2 || form.reduces.length > 1 || bindings > ctx.target.storageBuffers)
    return single(launchOf(kernel, textOf(kernel, form, tile)));
  const split = splitKernel(kernel, parts);
  const partialForm = split && contractionForm(split.partial);
  if (split === undefined || partialForm === undefined)
    return single(launchOf(kernel, textOf(kernel, form, tile)));
  return {
    temporaries: split.temporaries.map(({ type }) => type),
    launches: [
      launchWith(split.partial, split.bindings, textOf(split.partial, partialForm, tile, split)),
      combineParts(split, ctx),
    ],
  };
}

const termsOf = (kernel: LoopKernel, stage: ReduceStage): Dim =>
  productOfDims(stage.axes.map((axis) => extentOf(kernel, axis)));

/** Every load is one operand's: it depends on the rows or on the columns. */
function areSeparate(form: ContractionForm, stage: ReduceStage): boolean {
  return loadsOf(stageRoots(stage)).every((load) => ['row', 'column'].includes(roleOf(form, load)));
}

/** The largest tile that wastes little and leaves enough workgroups. */
function chooseTile(form: ContractionForm, ctx: ScheduleContext): Tile | undefined {
  const { invocations, workgroupBytes } = ctx.target;
  const [batch, m, n] = [form.batchSize, form.rowCount, form.columnCount].map((dim) => largest(ctx, dim));
  if (batch === undefined || m === undefined || n === undefined) return undefined;
  const fitting = tiles.filter(
    (tile) =>
      tile.block[0] * tile.block[1] * form.accumulators <= REGISTERS &&
      tile.threads[0] * tile.threads[1] <= invocations &&
      sharedBytes(form, tile) <= workgroupBytes,
  );
  const good = fitting.find((tile) => {
    const groups = batch * Math.ceil(m / rowsOf(tile)) * Math.ceil(n / columnsOf(tile));
    return m >= rowsOf(tile) && n >= columnsOf(tile) && (rowsOf(tile) <= 64 || groups >= ENOUGH_GROUPS);
  });
  return good ?? fitting.at(-1);
}

function sharedBytes(form: ContractionForm, tile: Tile): number {
  return slicesOf(form, tile).reduce((bytes, { size }) => bytes + 4 * size * tile.depth, 0);
}

interface Slice {
  readonly name: string;
  readonly load: Load;
  readonly isRow: boolean;
  /** Rows or columns of it. */
  readonly size: number;
}

function slicesOf(form: ContractionForm, tile: Tile): readonly Slice[] {
  return form.reduces.flatMap((stage, at) => slicesOfStage(form, stage, at, tile));
}

function slicesOfStage(form: ContractionForm, stage: ReduceStage, at: number, tile: Tile): readonly Slice[] {
  return loadsOf(stageRoots(stage)).map((load, number) => {
    const isRow = roleOf(form, load) === 'row';
    return { name: `slice${at}_${number}`, load, isRow, size: isRow ? rowsOf(tile) : columnsOf(tile) };
  });
}

interface Part {
  readonly parts: number;
  readonly partAxis: number;
}

function textOf(kernel: LoopKernel, form: ContractionForm, tile: Tile, part?: Part): LaunchText {
  const size = tile.threads[0] * tile.threads[1];
  const [rows, columns] = [rowsOf(tile), columnsOf(tile)];
  return {
    name: kernel.name,
    schedule: `one workgroup of ${size} for ${rows} × ${columns} results, ${tile.depth} terms at a time`,
    workgroups: countOf([form.batchSize, 1], [form.rowCount, rows], [form.columnCount, columns]),
    workgroupSize: size,
    workgroupBytes: sharedBytes(form, tile),
    shared: slicesOf(form, tile).map(
      (slice) => `var<workgroup> ${slice.name}: array<f32, ${slice.size * tile.depth}>;`,
    ),
    body: (printer) => new TilePrinter(printer, kernel, form, tile, part).print(),
  };
}

class TilePrinter {
  readonly #printer: ScalarPrinter;
  readonly #kernel: LoopKernel;
  readonly #form: ContractionForm;
  readonly #tile: Tile;
  readonly #part: Part | undefined;

  constructor(
    printer: ScalarPrinter,
    kernel: LoopKernel,
    form: ContractionForm,
    tile: Tile,
    part: Part | undefined,
  ) {
    this.#printer = printer;
    this.#kernel = kernel;
    this.#form = form;
    this.#tile = tile;
    this.#part = part;
  }

  print(): void {
    this.#place();
    for (const [at, stage] of this.#form.reduces.entries()) this.#sum(stage, at);
    this.#finish();
  }

  #place(): void {
    const p = this.#printer;
    const tile = this.#tile;
    const { rowCount, columnCount, batchSize, batch } = this.#form;
    const [rowLimit, columnLimit] = [p.dim(rowCount), p.dim(columnCount)];
    const [rows, columns] = [rowsOf(tile), columnsOf(tile)];
    p.line(`let column_tiles = (${columnLimit} + ${columns - 1}) / ${columns};`);
    p.line(`let row_tiles = (${rowLimit} + ${rows - 1}) / ${rows};`);
    p.line('let column_tile = i32(group) % column_tiles;');
    p.line('let row_tile = i32(group) / column_tiles % row_tiles;');
    p.line('let batch = i32(group) / column_tiles / row_tiles;');
    // The same for the whole workgroup, so that barriers may follow.
    p.line(`if (batch >= ${p.dim(batchSize)}) { return; }`);
    p.line(`let first_row = row_tile * ${rows};`);
    p.line(`let first_column = column_tile * ${columns};`);
    p.line(`let thread_row = i32(lane) / ${tile.threads[1]};`);
    p.line(`let thread_column = i32(lane) % ${tile.threads[1]};`);
    p.bindAxes(batch, 'batch', 0);
  }

  #sum(stage: ReduceStage, at: number): void {
    const p = this.#printer;
    const { block, threads, depth } = this.#tile;
    const slices = slicesOfStage(this.#form, stage, at, this.#tile);
    const each = (visit: (r: number, j: number) => void): void => {
      for (let r = 0; r < block[0]; r++) for (let j = 0; j < block[1]; j++) visit(r, j);
    };
    for (const { id } of stage.accumulators) each((r, j) => p.line(`var ${sumName(id, r, j)} = 0.0f;`));
    const all = p.dim(termsOf(this.#kernel, stage));
    const [from, to] = this.#range(all);
    p.open(`for (var k0 = ${from}; k0 < ${to}; k0 += ${depth})`);
    for (const slice of slices) this.#copy(slice, stage, to);
    p.line('workgroupBarrier();');
    p.open(`for (var k = 0; k < ${depth}; k++)`);
    for (const { name, isRow, size } of slices) {
      const [count, step, thread] = isRow
        ? [block[0], threads[0], 'thread_row']
        : [block[1], threads[1], 'thread_column'];
      for (let i = 0; i < count; i++)
        p.line(`let ${name}_${i} = ${name}[k * ${size} + ${thread} + ${i * step}];`);
    }
    each((r, j) => {
      for (const { name, load, isRow } of slices) p.bindLoad(load, `${name}_${isRow ? r : j}`);
      for (const { id, value } of stage.accumulators) p.line(`${sumName(id, r, j)} += ${p.value(value)};`);
    });
    p.unbindLoads();
    p.close();
    p.line('workgroupBarrier();');
    p.close();
  }

  /** The terms that this workgroup adds. */
  #range(all: string): readonly [from: string, to: string] {
    if (this.#part === undefined) return ['0', all];
    const p = this.#printer;
    const { parts, partAxis } = this.#part;
    const part = p.value({ kind: 'axis', axis: partAxis });
    const share = Math.ceil(this.#tile.depth);
    p.line(`let share = (${all} + ${parts * share - 1}) / ${parts * share} * ${share};`);
    p.line(`let part_end = min((${part} + 1) * share, ${all});`);
    return [`${part} * share`, 'part_end'];
  }

  /** One operand's slice, so that neighbouring invocations read neighbours in memory. */
  #copy({ name, load, isRow, size }: Slice, stage: ReduceStage, to: string): void {
    const p = this.#printer;
    const { threads, depth } = this.#tile;
    const { rows, columns, rowCount, columnCount } = this.#form;
    const last = load.index.at(-1);
    const termsFast = last?.kind === 'axis' && stage.axes.includes(last.axis);
    p.open(`for (var e = i32(lane); e < ${size * depth}; e += ${threads[0] * threads[1]})`);
    const [term, place] = termsFast ? [`e % ${depth}`, `e / ${depth}`] : [`e / ${size}`, `e % ${size}`];
    p.line(`let term = ${term};`);
    p.line(`let place = ${place};`);
    const limit = p.dim(isRow ? rowCount : columnCount);
    p.line(`let at = min(${isRow ? 'first_row' : 'first_column'} + place, ${limit} - 1);`);
    p.line(`let term_at = min(k0 + term, ${to} - 1);`);
    p.bindAxes(isRow ? rows : columns, 'at');
    p.bindAxes(stage.axes, 'term_at');
    // Terms past the end are 0 on both sides: 0 times an infinity is no 0.
    p.line(`${name}[term * ${size} + place] = select(0.0f, ${p.value(load)}, k0 + term < ${to});`);
    p.close();
  }

  #finish(): void {
    const p = this.#printer;
    const { block, threads } = this.#tile;
    const { reduces, maps, rowCount, columnCount, rows, columns } = this.#form;
    const accumulators = reduces.flatMap((stage) => stage.accumulators);
    const [rowLimit, columnLimit] = [p.dim(rowCount), p.dim(columnCount)];
    for (const { id } of accumulators) {
      p.line(`var sums${id}: array<f32, ${block[0] * block[1]}>;`);
      for (let r = 0; r < block[0]; r++)
        for (let j = 0; j < block[1]; j++) p.line(`sums${id}[${r * block[1] + j}] = ${sumName(id, r, j)};`);
    }
    // Always 1, which the compiler cannot know: unrolled, these loops would be most of the kernel.
    p.line('let one = i32(workgroups.z);');
    p.open(`for (var r = 0; r < ${block[0]} * one; r++)`);
    p.line(`let row = first_row + thread_row + r * ${threads[0]};`);
    p.open(`for (var j = 0; j < ${block[1]} * one; j++)`);
    p.line(`let column = first_column + thread_column + j * ${threads[1]};`);
    p.open(`if (row < ${rowLimit} && column < ${columnLimit})`);
    p.bindAxes(rows, 'row');
    p.bindAxes(columns, 'column');
    for (const { id } of accumulators) {
      p.line(`let sum${id} = sums${id}[r * ${block[1]} + j];`);
      p.bindAccumulator(id, `sum${id}`);
    }
    readBeforeStores(p, this.#kernel, this.#kernel.space);
    for (const { stores } of maps) printStores(p, stores);
    p.close();
    p.close();
    p.close();
  }
}

const sumName = (id: number, row: number, column: number): string => `acc${id}_${row}_${column}`;
