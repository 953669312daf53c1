/**
 * Attention without its scores: a lane owns some queries (or keys) and keeps their vectors in registers, and all lanes
 * of a workgroup walk along the keys (or queries) together, so that every vector of those is loaded once for all of
 * them. No sum is shared by two lanes: there are no atomics, no barriers, and no order that a device could choose.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { productOfDims, type Dim } from '../../ir/dim.ts';
import type { AttentionKernel, AttentionStore, LoopKernel } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { ScheduledKernel } from '../scheduled-kernel.ts';
import type { ScalarPrinter } from '../wgsl/printer.ts';
import { causalOffset } from './attention-mask.ts';
import { countOf, largest, launchOf, single, type ScheduleContext } from './context.ts';
import { hasLanes, tilesOf } from './subgroup-contraction.ts';

/** Vectors of a lane, together, in numbers: more spill, and compile slowly. */
const REGISTERS = 160;
/** Workgroups that keep a few cores busy. */
const ENOUGH_GROUPS = 16;
const GPU_LANES = 64;

interface Tile {
  readonly lanes: number;
  /** Queries, or keys, of a lane. */
  readonly each: number;
  /** Whether the workgroup is one subgroup, whose lanes load a vector together. */
  readonly broadcast: boolean;
  /** Whether a load for each number of a vector is too much text: software adapters compile one in some milliseconds. */
  readonly compact: boolean;
}

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
      body: (printer) => new AttentionPrinter(printer, kernel, tile).print(),
    }),
  );
}

function extent(kernel: AttentionKernel, axis: number): Dim {
  return kernel.axes[axis]?.extent ?? { terms: [] };
}

const volume = (kernel: AttentionKernel, axes: readonly number[]): Dim =>
  productOfDims(axes.map((axis) => extent(kernel, axis)));

/** The axis that the lanes divide, and those that workgroups do. */
function spaceOf(kernel: AttentionKernel): { readonly tiled: number; readonly outer: readonly number[] } {
  if (kernel.part === 'keys') return { tiled: kernel.keys, outer: kernel.batch };
  return { tiled: kernel.rows.at(-1) ?? 0, outer: [...kernel.batch, ...kernel.rows.slice(0, -1)] };
}

function chooseTile(kernel: AttentionKernel, ctx: ScheduleContext): Tile {
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

/** Texts of the numbers of a vector. */
type Vector = readonly string[];

class AttentionPrinter {
  readonly #p: ScalarPrinter;
  readonly #kernel: AttentionKernel;
  readonly #tile: Tile;
  readonly #tiled: number;
  readonly #outer: readonly number[];
  readonly #width: number;
  readonly #valueWidth: number;
  /** A query sees keys up to its own place and so many more. */
  readonly #causal: number | undefined;

  constructor(printer: ScalarPrinter, kernel: AttentionKernel, tile: Tile) {
    this.#p = printer;
    this.#kernel = kernel;
    this.#tile = tile;
    const { tiled, outer } = spaceOf(kernel);
    this.#tiled = tiled;
    this.#outer = outer;
    this.#width = fixed(extent(kernel, kernel.width));
    this.#valueWidth = fixed(extent(kernel, kernel.valueWidth));
    this.#causal = causalOffset(kernel);
  }

  print(): void {
    this.#place();
    switch (this.#kernel.part) {
      case 'forward':
        return this.#forward();
      case 'queries':
        return this.#queries();
      case 'keys':
        return this.#keys();
    }
  }

  /** What is past the end repeats the last and is not stored. */
  #place(): void {
    const p = this.#p;
    const { lanes, each, broadcast } = this.#tile;
    const count = p.dim(extent(this.#kernel, this.#tiled));
    // Always 1, which the compiler cannot know.
    p.line('let one = i32(workgroups.z);');
    p.line(`let tiles = ${tilesOf(count, lanes * each)};`);
    p.line(`let first = i32(group) % tiles * ${lanes * each};`);
    p.line('let outer = i32(group) / tiles;');
    p.line(`if (outer >= ${p.dim(volume(this.#kernel, this.#outer))}) { return; }`);
    p.bindAxes(this.#outer, 'outer', 0);
    p.line(`let lane_at = i32(${broadcast ? 'sub_lane' : 'lane'});`);
    for (let r = 0; r < each; r++) p.line(`let own${r} = min(first + ${r * lanes} + lane_at, ${count} - 1);`);
    if (!broadcast) return;
    for (const width of new Set([this.#width, this.#valueWidth]))
      for (let c = 0; c * lanes < width; c++)
        p.line(`let at${width}_${c} = min(${c * lanes} + lane_at, ${width - 1});`);
  }

  #own(r: number): void {
    this.#p.bindAxes([this.#tiled], `own${r}`, 0);
  }

  #each<T>(visit: (r: number) => T): readonly T[] {
    return Array.from({ length: this.#tile.each }, (_, r) => {
      this.#own(r);
      return visit(r);
    });
  }

  /** A vector of what the lane owns, loaded once. */
  #ownVector(prefix: string, element: ScalarExpression | undefined, axis: number): readonly Vector[] {
    const p = this.#p;
    const length = this.#lengthOf(axis);
    return this.#each((r) => {
      p.line(`var all_${prefix}${r}: array<f32, ${length}>;`);
      this.#along(axis, `at_${prefix}${r}`, (at) =>
        p.line(`all_${prefix}${r}[${at}] = ${p.value(required(element))};`),
      );
      return numbers(length, (at) => {
        p.line(`let ${prefix}${r}_${at} = all_${prefix}${r}[${at}];`);
        return `${prefix}${r}_${at}`;
      });
    });
  }

  /** A loop that nobody unrolls: a load or store for each place would be most of the text, and of the time to compile. */
  #along(axis: number, at: string, visit: (at: string) => void): void {
    const p = this.#p;
    p.open(`for (var ${at} = 0; ${at} < ${this.#lengthOf(axis)} * one; ${at}++)`);
    p.bindAxes([axis], at);
    visit(at);
    p.close();
  }

  /** Sums, at 0. */
  #sums(prefix: string, length: number): readonly Vector[] {
    return this.#each((r) =>
      numbers(length, (at) => {
        const name = `${prefix}${r}_${at}`;
        this.#p.line(`var ${name} = 0.0f;`);
        return name;
      }),
    );
  }

  /** A vector of the step of the walk: the same for all lanes. */
  #sharedVector(prefix: string, element: ScalarExpression | undefined, axis: number): Vector {
    const p = this.#p;
    const { lanes, broadcast } = this.#tile;
    const length = this.#lengthOf(axis);
    let loaded = '';
    if (!broadcast && this.#tile.compact) {
      p.line(`var all_${prefix}: array<f32, ${length}>;`);
      this.#along(axis, `at_${prefix}`, (at) =>
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
    return axis === this.#kernel.width ? this.#width : this.#valueWidth;
  }

  /** The score of the pair that the axes name, from the product of its vectors; and whether the mask lets it through. */
  #score(r: number, product: string): { readonly score: string; readonly open: string | undefined } {
    const p = this.#p;
    const { elements, scale, fill } = this.#kernel;
    this.#own(r);
    const scaled = scale === 1 ? product : `${product} * ${number(p, scale)}`;
    const biased = elements.bias === undefined ? scaled : `${scaled} + ${p.value(elements.bias)}`;
    if (elements.mask === undefined) return { score: biased, open: undefined };
    const open = `open${r}`;
    p.line(`let ${open} = ${p.value(elements.mask)};`);
    return { score: `select(${number(p, fill)}, ${biased}, ${open})`, open };
  }

  #factor(r: number, weight: string): string {
    const { factor } = this.#kernel.elements;
    if (factor === undefined) return weight;
    this.#own(r);
    return `${weight} * ${this.#p.value(factor)}`;
  }

  /** Opens the walk of queries along keys, of which those behind a causal mask are left out. */
  #walkKeys(): void {
    const p = this.#p;
    const { lanes, each } = this.#tile;
    const count = p.dim(extent(this.#kernel, this.#kernel.keys));
    const seen = `first + ${lanes * each + (this.#causal ?? 0)}`;
    p.line(`let key_end = ${this.#causal === undefined ? count : `min(${count}, ${seen})`};`);
    p.open('for (var key = 0; key < key_end; key++)');
    p.bindAxes([this.#kernel.keys], 'key');
  }

  #forward(): void {
    const p = this.#p;
    const { elements, stores, width, valueWidth } = this.#kernel;
    const queries = this.#ownVector('q', elements.query, width);
    const sums = this.#sums('y', this.#valueWidth);
    this.#each((r) => {
      p.line(`var most${r} = -3.4e38f;`);
      p.line(`var total${r} = 0.0f;`);
    });
    this.#walkKeys();
    const key = this.#sharedVector('k', elements.key, width);
    const weights = this.#each((r) => {
      const { score } = this.#score(r, dotOf(p, `s${r}`, queries[r], key));
      p.line(`let score${r} = ${score};`);
      p.line(`let next${r} = max(most${r}, score${r});`);
      p.line(`let shrink${r} = exp(most${r} - next${r});`);
      p.line(`let term${r} = exp(score${r} - next${r});`);
      p.line(`most${r} = next${r};`);
      p.line(`total${r} = total${r} * shrink${r} + term${r};`);
      p.line(`let weight${r} = ${this.#factor(r, `term${r}`)};`);
      return `weight${r}`;
    });
    const value = this.#sharedVector('v', elements.value, valueWidth);
    this.#each((r) =>
      sums[r]?.forEach((sum, at) => p.line(`${sum} = ${sum} * shrink${r} + ${weights[r]} * ${value[at]};`)),
    );
    p.close();
    this.#finish((r) => {
      p.line(`let part${r} = 1.0f / total${r};`);
      this.#store(stores.vector, valueWidth, sums[r], (sum) => `${sum} * part${r}`);
      this.#storeNumber(stores.largest, `most${r}`);
      this.#storeNumber(stores.sum, `total${r}`);
    });
  }

  #queries(): void {
    const p = this.#p;
    const { elements, stores, width, valueWidth, scale } = this.#kernel;
    const queries = this.#ownVector('q', elements.query, width);
    const cotangents = this.#ownVector('g', elements.cotangent, valueWidth);
    const sums = this.#sums('dq', this.#width);
    this.#each((r) => this.#rowNumbers(r));
    this.#walkKeys();
    const key = this.#sharedVector('k', elements.key, width);
    const value = this.#sharedVector('v', elements.value, valueWidth);
    this.#each((r) => {
      const { score, open } = this.#score(r, dotOf(p, `s${r}`, queries[r], key));
      p.line(`let share${r} = exp(${score} - most${r}) * part${r};`);
      const weight = this.#factor(r, dotOf(p, `w${r}`, cotangents[r], value));
      const change = `share${r} * (${weight} - delta${r}) * ${number(p, scale)}`;
      p.line(`let change${r} = ${open === undefined ? change : `select(0.0f, ${change}, ${open})`};`);
      sums[r]?.forEach((sum, at) => p.line(`${sum} += change${r} * ${key[at]};`));
    });
    p.close();
    this.#finish((r) => this.#store(stores.vector, width, sums[r], (sum) => sum));
  }

  #keys(): void {
    const p = this.#p;
    const { elements, stores, rows, width, valueWidth, scale } = this.#kernel;
    const keys = this.#ownVector('k', elements.key, width);
    const values = this.#ownVector('v', elements.value, valueWidth);
    const [keySums, valueSums] = [this.#sums('dk', this.#width), this.#sums('dv', this.#valueWidth)];
    const heads = rows.slice(0, -1);
    const last = rows.at(-1) ?? 0;
    p.open(`for (var head = 0; head < ${p.dim(volume(this.#kernel, heads))}; head++)`);
    p.bindAxes(heads, 'head');
    const from = this.#causal === undefined ? '0' : `max(0, first - ${this.#causal})`;
    p.open(`for (var row = ${from}; row < ${p.dim(extent(this.#kernel, last))}; row++)`);
    p.bindAxes([last], 'row');
    const query = this.#sharedVector('q', elements.query, width);
    const cotangent = this.#sharedVector('g', elements.cotangent, valueWidth);
    this.#rowNumbers(0);
    this.#each((r) => {
      const { score, open } = this.#score(r, dotOf(p, `s${r}`, keys[r], query));
      p.line(`let share${r} = exp(${score} - most0) * part0;`);
      p.line(`let weight${r} = ${this.#factor(r, `share${r}`)};`);
      const weight = this.#factor(r, dotOf(p, `w${r}`, values[r], cotangent));
      const change = `share${r} * (${weight} - delta0) * ${number(p, scale)}`;
      p.line(`let change${r} = ${open === undefined ? change : `select(0.0f, ${change}, ${open})`};`);
      valueSums[r]?.forEach((sum, at) => p.line(`${sum} += weight${r} * ${cotangent[at]};`));
      keySums[r]?.forEach((sum, at) => p.line(`${sum} += change${r} * ${query[at]};`));
    });
    p.close();
    p.close();
    this.#finish((r) => {
      this.#store(stores.vector, width, keySums[r], (sum) => sum);
      this.#store(stores.values, valueWidth, valueSums[r], (sum) => sum);
    });
  }

  /** What the forward left of a row, at the row that the axes name. */
  #rowNumbers(r: number): void {
    const p = this.#p;
    const { largest: most, sum, delta } = this.#kernel.elements;
    p.line(`let most${r} = ${p.value(required(most))};`);
    p.line(`let part${r} = 1.0f / ${p.value(required(sum))};`);
    p.line(`let delta${r} = ${p.value(required(delta))};`);
  }

  #finish(store: (r: number) => void): void {
    const p = this.#p;
    const { lanes } = this.#tile;
    this.#each((r) => {
      p.open(`if (first + ${r * lanes} + lane_at < ${p.dim(extent(this.#kernel, this.#tiled))})`);
      this.#own(r);
      store(r);
      p.close();
    });
  }

  #store(
    store: AttentionStore | undefined,
    axis: number,
    vector: Vector | undefined,
    text: (element: string) => string,
  ): void {
    if (store === undefined || vector === undefined) return;
    const p = this.#p;
    const name = p.scopes.fresh('sums');
    p.line(`var ${name}: array<f32, ${vector.length}>;`);
    vector.forEach((element, at) => p.line(`${name}[${at}] = ${text(element)};`));
    this.#along(axis, `${name}_at`, (at) =>
      p.line(p.store(store.operand, p.offset(store.index, store.operand), `${name}[${at}]`)),
    );
  }

  #storeNumber(store: AttentionStore | undefined, text: string): void {
    if (store === undefined) return;
    this.#p.line(this.#p.store(store.operand, this.#p.offset(store.index, store.operand), text));
  }
}

/** Two sums, so that an addition need not wait for the one before it. */
function dotOf(p: ScalarPrinter, prefix: string, lhs: Vector | undefined, rhs: Vector): string {
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

const number = (p: ScalarPrinter, value: number): string => p.value(scalar.literal(value));

function numbers<T>(length: number, make: (at: number) => T): readonly T[] {
  return Array.from({ length }, (_, at) => make(at));
}

function fixed(dim: Dim): number {
  const [term, ...more] = dim.terms;
  if (term === undefined) return 0;
  if (more.length > 0 || term.symbols.length > 0) throw new InternalError('the width of a head is not fixed');
  return term.coefficient;
}

function required(element: ScalarExpression | undefined): ScalarExpression {
  if (element === undefined) throw new InternalError('attention lacks an operand');
  return element;
}
