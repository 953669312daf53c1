/**
 * What the kernels of attention have in common: which queries (or keys) a lane owns, vectors of numbers in registers,
 * scores, and how results are stored.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { productOfDims, type Dim } from '../../ir/dim.ts';
import type { AttentionKernel, AttentionStore } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { horizonOf, type Horizon } from './attention-mask.ts';
import { tilesOf } from './subgroup-contraction.ts';

export interface AttentionTile {
  readonly lanes: number;
  /** Queries, or keys, of a lane. */
  readonly each: number;
  /** Whether the workgroup is one subgroup, whose lanes load a vector together. */
  readonly broadcast: boolean;
  /** Whether a load for each number of a vector is too much text: software adapters compile one in some milliseconds. */
  readonly compact: boolean;
}

export function extent(kernel: AttentionKernel, axis: number): Dim {
  return kernel.axes[axis]?.extent ?? { terms: [] };
}

export const volume = (kernel: AttentionKernel, axes: readonly number[]): Dim =>
  productOfDims(axes.map((axis) => extent(kernel, axis)));

/** The axis that the lanes divide, and those that workgroups do. */
export function spaceOf(kernel: AttentionKernel): {
  readonly tiled: number;
  readonly outer: readonly number[];
} {
  if (kernel.part === 'keys') return { tiled: kernel.keys, outer: kernel.batch };
  return { tiled: kernel.rows.at(-1) ?? 0, outer: [...kernel.batch, ...kernel.rows.slice(0, -1)] };
}

/** Texts of the numbers of a vector. */
export type Vector = readonly string[];

export class AttentionLanes {
  readonly p: ScalarPrinter;
  readonly kernel: AttentionKernel;
  readonly tile: AttentionTile;
  readonly horizon: Horizon | undefined;
  readonly #tiled: number;
  readonly #outer: readonly number[];
  readonly #width: number;
  readonly #valueWidth: number;

  constructor(printer: ScalarPrinter, kernel: AttentionKernel, tile: AttentionTile) {
    this.p = printer;
    this.kernel = kernel;
    this.tile = tile;
    const { tiled, outer } = spaceOf(kernel);
    this.#tiled = tiled;
    this.#outer = outer;
    this.#width = fixed(extent(kernel, kernel.width));
    this.#valueWidth = fixed(extent(kernel, kernel.valueWidth));
    this.horizon = horizonOf(kernel);
  }

  /** What is past the end repeats the last and is not stored. */
  place(): void {
    const p = this.p;
    const { lanes, each, broadcast } = this.tile;
    const count = p.dim(extent(this.kernel, this.#tiled));
    // Always 1, which the compiler cannot know.
    p.line('let one = i32(workgroups.z);');
    p.line(`let tiles = ${tilesOf(count, lanes * each)};`);
    p.line(`let first = i32(group) % tiles * ${lanes * each};`);
    p.line('let outer = i32(group) / tiles;');
    p.line(`if (outer >= ${p.dim(volume(this.kernel, this.#outer))}) { return; }`);
    p.bindAxes(this.#outer, 'outer', 0);
    p.line(`let lane_at = i32(${broadcast ? 'sub_lane' : 'lane'});`);
    for (let r = 0; r < each; r++) p.line(`let own${r} = min(first + ${r * lanes} + lane_at, ${count} - 1);`);
    if (!broadcast) return;
    for (const width of new Set([this.#width, this.#valueWidth]))
      for (let c = 0; c * lanes < width; c++)
        p.line(`let at${width}_${c} = min(${c * lanes} + lane_at, ${width - 1});`);
  }

  own(r: number): void {
    this.p.bindAxes([this.#tiled], `own${r}`, 0);
  }

  each<T>(visit: (r: number) => T): readonly T[] {
    return Array.from({ length: this.tile.each }, (_, r) => {
      this.own(r);
      return visit(r);
    });
  }

  /** A vector of what the lane owns, loaded once. */
  ownVector(prefix: string, element: ScalarExpression | undefined, axis: number): readonly Vector[] {
    const p = this.p;
    const length = this.#lengthOf(axis);
    return this.each((r) => {
      p.line(`var all_${prefix}${r}: array<f32, ${length}>;`);
      this.along(axis, `at_${prefix}${r}`, (at) =>
        p.line(`all_${prefix}${r}[${at}] = ${p.value(required(element))};`),
      );
      return numbers(length, (at) => {
        p.line(`let ${prefix}${r}_${at} = all_${prefix}${r}[${at}];`);
        return `${prefix}${r}_${at}`;
      });
    });
  }

  /** A loop that nobody unrolls: a load or store for each place would be most of the text, and of the time to compile. */
  along(axis: number, at: string, visit: (at: string) => void): void {
    const p = this.p;
    p.open(`for (var ${at} = 0; ${at} < ${this.#lengthOf(axis)} * one; ${at}++)`);
    p.bindAxes([axis], at);
    visit(at);
    p.close();
  }

  /** Sums, at 0. */
  sums(prefix: string, axis: number): readonly Vector[] {
    return this.each((r) =>
      numbers(this.#lengthOf(axis), (at) => {
        const name = `${prefix}${r}_${at}`;
        this.p.line(`var ${name} = 0.0f;`);
        return name;
      }),
    );
  }

  /** A vector of the step of the walk: the same for all lanes. */
  sharedVector(prefix: string, element: ScalarExpression | undefined, axis: number): Vector {
    const p = this.p;
    const { lanes, broadcast } = this.tile;
    const length = this.#lengthOf(axis);
    let loaded = '';
    if (!broadcast && this.tile.compact) {
      p.line(`var all_${prefix}: array<f32, ${length}>;`);
      this.along(axis, `at_${prefix}`, (at) =>
        p.line(`all_${prefix}[${at}] = ${p.value(required(element))};`),
      );
      return numbers(length, (at) => `all_${prefix}[${at}]`);
    }
    return numbers(length, (at) => {
      const name = `${prefix}_${at}`;
      if (!broadcast) {
        p.bindAxes([axis], String(at), 0);
        p.line(`let ${name} = ${p.value(required(element))};`);
        return name;
      }
      const [chunk, lane] = [Math.floor(at / lanes), at % lanes];
      if (lane === 0) {
        p.bindAxes([axis], `at${length}_${chunk}`, 0);
        loaded = `${prefix}v_${chunk}`;
        p.line(`let ${loaded} = ${p.value(required(element))};`);
      }
      p.line(`let ${name} = subgroupBroadcast(${loaded}, ${lane}u);`);
      return name;
    });
  }

  #lengthOf(axis: number): number {
    return axis === this.kernel.width ? this.#width : this.#valueWidth;
  }

  /** The score of the pair that the axes name, from the product of its vectors; and whether the mask lets it through. */
  score(r: number, product: string): { readonly score: string; readonly open: string | undefined } {
    const p = this.p;
    const { elements, scale, fill } = this.kernel;
    this.own(r);
    const scaled = scale === 1 ? product : `${product} * ${number(p, scale)}`;
    const biased = elements.bias === undefined ? scaled : `${scaled} + ${p.value(elements.bias)}`;
    if (elements.mask === undefined) return { score: biased, open: undefined };
    const open = `open${r}`;
    p.line(`let ${open} = ${p.value(elements.mask)};`);
    return { score: `select(${number(p, fill)}, ${biased}, ${open})`, open };
  }

  factor(r: number, weight: string): string {
    const { factor } = this.kernel.elements;
    if (factor === undefined) return weight;
    this.own(r);
    return `${weight} * ${this.p.value(factor)}`;
  }

  /** How many keys there are. */
  get keyCount(): string {
    return this.p.dim(extent(this.kernel, this.kernel.keys));
  }

  /** Opens the walk of queries along keys, up to the horizon; `key_end` is where it ends. */
  walkKeys(): void {
    const { p, horizon } = this;
    const { lanes, each } = this.tile;
    const seen = `first + ${lanes * each + (horizon?.offset ?? 0)}`;
    p.line(`let key_end = ${horizon === undefined ? this.keyCount : `min(${this.keyCount}, ${seen})`};`);
    p.open('for (var key = 0; key < key_end; key++)');
    p.bindAxes([this.kernel.keys], 'key');
  }

  /** What the forward left of a row, at the row that the axes name. */
  rowNumbers(r: number): void {
    const p = this.p;
    const { largest: most, sum } = this.kernel.elements;
    p.line(`let most${r} = ${p.value(required(most))};`);
    p.line(`let part${r} = 1.0f / ${p.value(required(sum))};`);
  }

  rowDelta(r: number): void {
    this.p.line(`let delta${r} = ${this.p.value(required(this.kernel.elements.delta))};`);
  }

  /** The gradient of the product behind a score: `weight` is that of the pair's weight, `row` the place of its numbers. */
  change(r: number, weight: string, row: number, open: string | undefined): string {
    const change = `share${r} * (${weight} - delta${row}) * ${number(this.p, this.kernel.scale)}`;
    return open === undefined ? change : `select(0.0f, ${change}, ${open})`;
  }

  finish(store: (r: number) => void): void {
    const p = this.p;
    const { lanes } = this.tile;
    this.each((r) => {
      p.open(`if (first + ${r * lanes} + lane_at < ${p.dim(extent(this.kernel, this.#tiled))})`);
      this.own(r);
      store(r);
      p.close();
    });
  }

  /** The numbers in an array of the lane, which a loop can count through: its name. */
  array(vector: Vector): string {
    const name = this.p.scopes.fresh('sums');
    this.p.line(`var ${name}: array<f32, ${vector.length}>;`);
    vector.forEach((element, at) => this.p.line(`${name}[${at}] = ${element};`));
    return name;
  }

  /** Stores an array along an axis; `text` is what becomes of an element. */
  storeArray(
    store: AttentionStore | undefined,
    axis: number,
    array: string,
    text = (element: string) => element,
  ): void {
    if (store === undefined) return;
    const { p } = this;
    this.along(axis, `${array}_at`, (at) =>
      p.line(p.store(store.operand, p.offset(store.index, store.operand), text(`${array}[${at}]`))),
    );
  }

  /** Adds to an array a vector that lies in memory. */
  addToArray(array: string, axis: number, weight: string, element: ScalarExpression | undefined): void {
    this.along(axis, `${array}_add`, (at) =>
      this.p.line(`${array}[${at}] += ${weight} * ${this.p.value(required(element))};`),
    );
  }

  storeNumber(store: AttentionStore | undefined, text: string): void {
    if (store === undefined) return;
    this.p.line(this.p.store(store.operand, this.p.offset(store.index, store.operand), text));
  }
}

/** Two sums, so that an addition need not wait for the one before it. */
export function dotOf(p: ScalarPrinter, prefix: string, lhs: Vector | undefined, rhs: Vector): string {
  const halves = [0, 1].map((half) => {
    const products = rhs.flatMap((factor, at) => (at % 2 === half ? [`${lhs?.[at]} * ${factor}`] : []));
    const [first, ...more] = products;
    if (first === undefined) return undefined;
    const name = `${prefix}${half === 0 ? 'a' : 'b'}`;
    p.line(`var ${name} = ${first};`);
    for (const product of more) p.line(`${name} += ${product};`);
    return name;
  });
  const [even = '0.0f', odd] = halves;
  return odd === undefined ? even : `(${even} + ${odd})`;
}

export const number = (p: ScalarPrinter, value: number): string => p.value(scalar.literal(value));

function numbers<T>(length: number, make: (at: number) => T): readonly T[] {
  return Array.from({ length }, (_, at) => make(at));
}

function fixed(dim: Dim): number {
  const [term, ...more] = dim.terms;
  if (term === undefined) return 0;
  if (more.length > 0 || term.symbols.length > 0) throw new InternalError('the width of a head is not fixed');
  return term.coefficient;
}

export function required(element: ScalarExpression | undefined): ScalarExpression {
  if (element === undefined) throw new InternalError('attention lacks an operand');
  return element;
}
