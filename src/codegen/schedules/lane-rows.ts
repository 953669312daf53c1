/**
 * A kernel for a few rows, each of which belongs to one lane: nothing that one lane stores is loaded by another. The
 * lanes of a subgroup share the other factor of a product alone, which nobody stores: in each step of a product one
 * gather loads it for as many columns as there are lanes, and broadcasts hand it round.
 */
import type { LoopKernel } from '../../ir/kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { loadsOf, stageRoots, type Load } from '../wgsl/uses.ts';
import { volumeOf } from './context.ts';
import { contractionForm, roleOf, type ContractionForm } from './contraction-form.ts';
import {
  closeLoops,
  openLoops,
  printMap,
  printReduce,
  printStores,
  readBeforeStores,
  type ReduceStage,
} from './stages.ts';
import { registersFor, tilesOf } from './subgroup-contraction.ts';

export interface LaneRows {
  readonly lanes: number;
  /** Rows of each lane; its row `v` is v · lanes behind its first. */
  readonly rows: number;
  /** Text of the number of all rows, and of the lane's first. */
  readonly limit: string;
  readonly first: string;
  /** Keeps the names of two kernels of one function apart. */
  readonly suffix: string;
}

/** One kernel of a loop's body; `row` is its axis of the rows. */
export function printLaneRows(p: ScalarPrinter, kernel: LoopKernel, row: number, block: LaneRows): void {
  const form = contractionForm(kernel);
  if (form !== undefined && isOfRows(form, row)) printProduct(p, kernel, form, block);
  else printPoints(p, kernel, row, block);
}

/** A product of something of the rows and something of the columns. */
function isOfRows(form: ContractionForm, row: number): boolean {
  const plain = form.batch.length === 0 && form.rows.length === 1 && form.rows[0] === row;
  return plain && loadsOf(form.reduces.flatMap(stageRoots)).every((load) => roleOf(form, load) !== 'both');
}

/** Point after point of each row. */
function printPoints(
  p: ScalarPrinter,
  kernel: LoopKernel,
  row: number,
  { lanes, rows, limit, first }: LaneRows,
): void {
  const rest = kernel.space.filter((axis) => axis !== row);
  p.open(`for (var row = ${first}; row < min(${limit}, ${first} + ${rows * lanes}); row += ${lanes})`);
  p.bindAxes([row], 'row');
  if (rest.length > 0) {
    p.open(`for (var rest = 0; rest < ${p.dim(volumeOf(kernel, rest))}; rest++)`);
    p.bindAxes(rest, 'rest');
  }
  readBeforeStores(p, kernel, kernel.space);
  for (const stage of kernel.stages) {
    if (stage.kind === 'reduce') printReduce(p, kernel, stage);
    else printMap(p, kernel, stage);
  }
  if (rest.length > 0) p.close();
  p.close();
}

function printProduct(p: ScalarPrinter, kernel: LoopKernel, form: ContractionForm, block: LaneRows): void {
  const { lanes, rows } = block;
  let columns = 32;
  while (columns > 1 && rows * columns * form.accumulators > registersFor(lanes)) columns /= 2;
  // A factor that is always 1, which the compiler cannot know: unrolled, two tiles took three times as long to compile.
  p.open(
    `for (var tile = 0; tile < (${tilesOf(p.dim(form.columnCount), columns)}) * i32(workgroups.z); tile++)`,
  );
  new ProductPrinter(p, kernel, form, block, columns).print();
  p.close();
}

class ProductPrinter {
  readonly #p: ScalarPrinter;
  readonly #kernel: LoopKernel;
  readonly #form: ContractionForm;
  readonly #block: LaneRows;
  readonly #columns: number;
  /** Level of the block of statements in which rows and columns are known. */
  readonly #level: number;

  constructor(p: ScalarPrinter, kernel: LoopKernel, form: ContractionForm, block: LaneRows, columns: number) {
    this.#p = p;
    this.#kernel = kernel;
    this.#form = form;
    this.#block = block;
    this.#columns = columns;
    this.#level = p.scopes.level;
  }

  print(): void {
    const p = this.#p;
    const { lanes, rows, first, limit } = this.#block;
    const last = `${p.dim(this.#form.columnCount)} - 1`;
    p.line(`let first_column = tile * ${this.#columns};`);
    for (let c = 0; c < this.#columns; c++) p.line(`let column${c} = min(first_column + ${c}, ${last});`);
    for (let c = 0; c < this.#columns; c += lanes)
      p.line(`let lane_column${c / lanes} = min(first_column + ${c} + i32(sub_lane), ${last});`);
    for (let v = 0; v < rows; v++) {
      p.line(`let row${v} = ${first} + ${v * lanes};`);
      p.line(`let has${v} = row${v} < ${limit};`);
    }
    for (const stage of this.#form.reduces) this.#sum(stage);
    this.#finish();
  }

  #each(visit: (v: number, c: number) => void): void {
    for (let c = 0; c < this.#columns; c++) for (let v = 0; v < this.#block.rows; v++) visit(v, c);
  }

  #sum(stage: ReduceStage): void {
    const p = this.#p;
    for (const { id } of stage.accumulators) this.#each((v, c) => p.line(`var ${sumName(id, v, c)} = 0.0f;`));
    const loads = loadsOf(stageRoots(stage));
    const count = openLoops(p, this.#kernel, stage);
    p.nameLoads = true;
    const ofRows = this.#loadRows(loads.filter((load) => roleOf(this.#form, load) === 'row'));
    const ofColumns = this.#loadColumns(loads.filter((load) => roleOf(this.#form, load) === 'column'));
    this.#each((v, c) => {
      p.bindAxes(this.#form.columns, `column${c}`, this.#level);
      p.bindAxes(this.#form.rows, `row${v}`, this.#level);
      for (const [load, names] of ofRows) p.bindLoad(load, names[v] ?? '');
      for (const [load, names] of ofColumns) p.bindLoad(load, names[c] ?? '');
      for (const { id, value } of stage.accumulators) p.line(`${sumName(id, v, c)} += ${p.value(value)};`);
    });
    p.unbindLoads();
    p.nameLoads = false;
    closeLoops(p, count);
  }

  /** By load, a name for each row. A lane that has no such row loads nothing: it would be another lane's. */
  #loadRows(loads: readonly Load[]): readonly (readonly [Load, readonly string[]])[] {
    const p = this.#p;
    return loads.map((load, at) => {
      const names = Array.from({ length: this.#block.rows }, (_, v) => {
        const name = `a${this.#block.suffix}${at}_${v}`;
        p.bindAxes(this.#form.rows, `row${v}`, this.#level);
        const element = p.element(load.tensor, p.offset(load.index, load.tensor), load.dtype);
        p.line(`var ${name} = 0.0f;`);
        p.line(`if (has${v}) { ${name} = ${element}; }`);
        return name;
      });
      return [load, names] as const;
    });
  }

  /** By load, a name for each column. */
  #loadColumns(loads: readonly Load[]): readonly (readonly [Load, readonly string[]])[] {
    const p = this.#p;
    const { lanes, suffix } = this.#block;
    return loads.map((load, at) => {
      const names: string[] = [];
      for (let c = 0; c < this.#columns; c += lanes) {
        p.bindAxes(this.#form.columns, `lane_column${c / lanes}`, this.#level);
        const vector = p.name(load, 'x');
        for (let lane = 0; lane < Math.min(lanes, this.#columns - c); lane++) {
          const name = `b${suffix}${at}_${c + lane}`;
          p.line(`let ${name} = subgroupBroadcast(${vector}, ${lane}u);`);
          names.push(name);
        }
      }
      return [load, names] as const;
    });
  }

  /** The epilogue, as a loop over the block: unrolled it would be most of the text. */
  #finish(): void {
    const p = this.#p;
    const { lanes, rows, first, limit } = this.#block;
    const { reduces, maps, columns, columnCount } = this.#form;
    const accumulators = reduces.flatMap((stage) => stage.accumulators);
    for (const { id } of accumulators) {
      p.line(`var sums${id}: array<f32, ${rows * this.#columns}>;`);
      this.#each((v, c) => p.line(`sums${id}[${c * rows + v}] = ${sumName(id, v, c)};`));
    }
    // Always 1, which the compiler cannot know: unrolled, these loops took ten times as long to compile.
    p.line('let one = i32(workgroups.z);');
    p.open(`for (var c = 0; c < min(${this.#columns} * one, ${p.dim(columnCount)} - first_column); c++)`);
    p.line('let column = first_column + c;');
    p.bindAxes(columns, 'column');
    if (rows > 1) p.open(`for (var v = 0; v < ${rows} * one; v++)`);
    p.line(rows > 1 ? `let row = ${first} + v * ${lanes};` : `let row = ${first};`);
    p.open(`if (row < ${limit})`);
    p.bindAxes(this.#form.rows, 'row');
    for (const { id } of accumulators) {
      p.line(`let sum${id} = sums${id}[${rows > 1 ? `c * ${rows} + v` : 'c'}];`);
      p.bindAccumulator(id, `sum${id}`);
    }
    readBeforeStores(p, this.#kernel, this.#kernel.space);
    for (const { stores } of maps) printStores(p, stores);
    p.close();
    if (rows > 1) p.close();
    p.close();
  }
}

const sumName = (id: number, row: number, column: number): string => `acc${id}_${row}_${column}`;
