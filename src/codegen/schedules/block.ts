/**
 * A block of rows × columns of a product, in the registers of the lanes of a workgroup: lanes lie along the columns.
 * In each step one gather loads an operand for as many rows as there are lanes, and broadcasts share it; without
 * subgroups every lane loads it.
 *
 * Measured on lavapipe (8 lanes): a load at one address for all lanes costs as much as a gather, so the gather and
 * the broadcasts win by two; more than one step in the loop's body spills registers.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots } from '../wgsl/uses.ts';
import { roleOf, type ContractionForm } from './contraction-form.ts';
import { closeLoops, openLoops, printStores, readBeforeStores, type ReduceStage } from './stages.ts';

export interface Block {
  readonly rows: number;
  /** Columns of each lane; neighbouring lanes have neighbouring columns. */
  readonly columns: number;
  readonly lanes: number;
  /** Whether the workgroup is one subgroup of just these lanes. */
  readonly broadcast: boolean;
}

export class BlockPrinter {
  readonly #printer: ScalarPrinter;
  readonly #kernel: LoopKernel;
  readonly #form: ContractionForm;
  readonly #block: Block;
  /** Level of the block of statements in which rows and columns are known. */
  #level = 0;
  #suffix = '';

  constructor(printer: ScalarPrinter, kernel: LoopKernel, form: ContractionForm, block: Block) {
    this.#printer = printer;
    this.#kernel = kernel;
    this.#form = form;
    this.#block = block;
  }

  /** `firstRow` and `firstColumn` are i32 names or expressions; `suffix` keeps two blocks of one function apart. */
  print(firstRow: string, firstColumn: string, suffix = ''): void {
    this.#level = this.#printer.scopes.level;
    this.#suffix = suffix;
    this.#place(firstRow, firstColumn);
    for (const stage of this.#form.reduces) this.#sum(stage);
    this.#finish();
  }

  /** Rows and columns past the end repeat the last. */
  #place(firstRow: string, firstColumn: string): void {
    const p = this.#printer;
    const { rows, columns, lanes, broadcast } = this.#block;
    const [rowLimit, columnLimit] = [p.dim(this.#form.rowCount), p.dim(this.#form.columnCount)];
    p.line(`let first_row = ${firstRow};`);
    p.line(`let first_column = ${firstColumn} + i32(lane);`);
    for (let j = 0; j < columns; j++)
      p.line(`let column${j} = min(first_column + ${j * lanes}, ${columnLimit} - 1);`);
    if (broadcast) {
      for (let v = 0; v * lanes < rows; v++)
        p.line(`let lane_row${v} = min(first_row + ${v * lanes} + i32(sub_lane), ${rowLimit} - 1);`);
    } else {
      for (let r = 0; r < rows; r++) p.line(`let row${r} = min(first_row + ${r}, ${rowLimit} - 1);`);
    }
  }

  /** One reduce stage, for every row and column of the block. */
  #sum(stage: ReduceStage): void {
    const p = this.#printer;
    const { rows, columns, lanes, broadcast } = this.#block;
    const each = (visit: (r: number, j: number) => void): void => {
      for (let r = 0; r < rows; r++) for (let j = 0; j < columns; j++) visit(r, j);
    };
    for (const { id } of stage.accumulators) each((r, j) => p.line(`var ${sumName(id, r, j)} = 0.0f;`));
    const loads = loadsOf(stageRoots(stage));
    const rowLoads = broadcast ? loads.filter((load) => roleOf(this.#form, load) === 'row') : [];
    const count = openLoops(p, this.#kernel, stage);
    p.nameLoads = true;
    const shared = rowLoads.map((load, at) => {
      const vectors: string[] = [];
      for (let v = 0; v * lanes < rows; v++) {
        p.bindAxes(this.#form.rows, `lane_row${v}`, this.#level);
        vectors.push(p.name(load, 'x'));
      }
      return Array.from({ length: rows }, (_, r) => {
        const name = `a${this.#suffix}${at}_${r}`;
        p.line(`let ${name} = subgroupBroadcast(${vectors[Math.floor(r / lanes)] ?? ''}, ${r % lanes}u);`);
        return name;
      });
    });
    each((r, j) => {
      p.bindAxes(this.#form.columns, `column${j}`, this.#level);
      if (!broadcast) p.bindAxes(this.#form.rows, `row${r}`, this.#level);
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
    const { rows, columns, lanes } = this.#block;
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
