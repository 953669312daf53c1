/**
 * Turns values into the scalar expressions of one kernel: items of the group and views are expanded in place, every
 * other value is a load, and a reduction of the group becomes an accumulator of its own stage.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { constantOf, printDim, type Dim } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { scalarInterner } from '../../ir/intern-scalar.ts';
import type { Accumulator, Axis } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import type { DType } from '../../ir/types.ts';
import { reshapedPlace, type FusionContext, type Item, type Place } from './context.ts';
import type { Index, Lowered } from './lowering.ts';
import { reachable } from '../../ir/walk-scalar.ts';
import { axesOf } from './scalar-costs.ts';

/** The group is not one kernel; the reason is for debugging. */
export class CannotFuse extends Error {
  override readonly name = 'CannotFuse';
}

export interface Operand {
  readonly slot: number;
  readonly shape: readonly Dim[];
  loaded: boolean;
  stored: boolean;
}

export interface Reduction {
  readonly accumulator: Accumulator;
  readonly node: Node;
  /** Where in the node's result: an expression for each axis. */
  readonly index: Index;
  readonly axes: readonly number[];
  /** One more than the deepest accumulator that the value uses. */
  readonly level: number;
  readonly contraction: boolean;
}

export const isUnit = (dim: Dim): boolean => constantOf(dim) === 1;

export class KernelExpressions {
  readonly axes: Axis[] = [];
  readonly operands: Operand[] = [];
  readonly reductions: Reduction[] = [];
  /** Pointwise items of the group by the expressions that compute an element of them. */
  readonly sites = new Map<ScalarExpression, Item>();
  readonly intern = scalarInterner();
  /** A value that the kernel has at hand, and what stands for its element at an index. */
  atHand: { readonly value: Value; readonly element: (index: Index) => ScalarExpression } | undefined;
  readonly #ctx: FusionContext;
  readonly #items: ReadonlySet<Item>;
  readonly #depth: number;
  readonly #space: number;
  /** How many paddings are around what is being read. */
  #guards = 0;
  readonly #inner = new Map<string, readonly number[]>();
  readonly #numbers = new Map<ScalarExpression, number>();
  readonly #memo = new Map<Value, Map<string, ScalarExpression>>();

  constructor(ctx: FusionContext, items: ReadonlySet<Item>, depth: number, space: readonly Dim[]) {
    this.#ctx = ctx;
    this.#items = items;
    this.#depth = depth;
    this.#space = space.length;
    for (const extent of space) this.axes.push({ name: this.#axisName(extent), extent });
  }

  /** The element of a value at an index. */
  read(value: Value, index: Index): ScalarExpression {
    const interned = index.map(this.intern);
    const key = this.keyOf(interned);
    const known = this.#memo.get(value)?.get(key);
    if (known !== undefined) return known;
    const result = this.intern(this.#readAt(value, interned));
    const memo = this.#memo.get(value) ?? new Map<string, ScalarExpression>();
    this.#memo.set(value, memo.set(key, result));
    return result;
  }

  /** Equal exactly for equal indices. */
  keyOf(index: Index): string {
    return index
      .map((expression) => {
        const interned = this.intern(expression);
        const number = this.#numbers.get(interned) ?? this.#numbers.size;
        this.#numbers.set(interned, number);
        return number;
      })
      .join(' ');
  }

  /** The axes that loops over these sizes use; the same sizes share axes, stage after stage. */
  innerAxes(extents: readonly Dim[]): readonly number[] {
    const key = extents.map(printDim).join(' ');
    const known = this.#inner.get(key);
    if (known !== undefined) return known;
    const axes = extents.map((extent) => this.axes.push({ name: this.#axisName(extent), extent }) - 1);
    this.#inner.set(key, axes);
    return axes;
  }

  /** Loops over these sizes use these axes. */
  useAxes(extents: readonly Dim[], axes: readonly number[]): void {
    this.#inner.set(extents.map(printDim).join(' '), axes);
  }

  operand(place: Place, use: 'loaded' | 'stored'): number {
    const shape = place.shape.map(printDim).join(' ');
    let at = this.operands.findIndex(
      (operand) => operand.slot === place.slot && operand.shape.map(printDim).join(' ') === shape,
    );
    if (at < 0)
      at = this.operands.push({ slot: place.slot, shape: place.shape, loaded: false, stored: false }) - 1;
    const operand = this.operands[at];
    if (operand !== undefined) operand[use] = true;
    return at;
  }

  load(place: Place, dtype: DType, index: Index): ScalarExpression {
    return scalar.load(
      this.operand(place, 'loaded'),
      dtype,
      place.index(index, this.#depth).map(this.intern),
    );
  }

  #readAt(value: Value, index: Index): ScalarExpression {
    if (this.atHand?.value === value) return this.atHand.element(index);
    const writers = this.#ctx.writers.get(value);
    const [writer] = writers ?? [];
    if (writer?.kind === 'compute' && this.#items.has(writer)) {
      const result = this.#expand(value, index);
      const computed = this.intern(result);
      if (!this.sites.has(computed)) this.sites.set(computed, writer);
      return computed;
    }
    if (writers?.some((each) => this.#items.has(each)) === true) {
      throw new CannotFuse('reads a buffer that the same kernel fills');
    }
    if (writers !== undefined || this.#ctx.definition(value).kind === 'place') {
      return this.load(this.#ctx.place(value), value.type.dtype, index);
    }
    return this.#expand(value, index);
  }

  #expand(value: Value, index: Index): ScalarExpression {
    const definition = this.#ctx.definition(value);
    switch (definition.kind) {
      case 'place':
        return this.load(this.#ctx.place(value), value.type.dtype, index);
      case 'scalar':
        return definition.expression(this.#depth);
      case 'element':
        return this.read(definition.of, [definition.position(this.#depth), ...index]);
      case 'same':
        return this.read(definition.as, index);
      case 'node':
        return this.#expandNode(definition.node, definition.lowered, index);
    }
  }

  #expandNode(node: Node, lowered: Lowered, index: Index): ScalarExpression {
    switch (lowered.kind) {
      case 'pointwise': {
        const args = node.operands.map((operand) => this.read(operand, index));
        return lowered.scalar(args, index);
      }
      case 'view':
        return this.#expandView(node, lowered, index);
      case 'gather': {
        const [table, indices] = node.operands;
        if (table === undefined || indices === undefined)
          throw new InternalError('gather needs a table and indices');
        const source = lowered.source(index);
        return this.read(table, source.table(this.read(indices, source.indices)));
      }
      case 'update': {
        const [whole, part] = node.operands;
        if (whole === undefined || part === undefined)
          throw new InternalError('an update needs a whole and a part');
        const inPart = lowered.part(index);
        this.#guards += 1;
        const [inside, outside] = [this.read(part, inPart.index), this.read(whole, index)];
        this.#guards -= 1;
        return scalar.select(inPart.guard, inside, outside);
      }
      case 'reduce':
        return this.#reduce(node, lowered, index);
      case 'contraction':
        if (node.op !== 'dot') throw new InternalError(`fusion has no rule for the contraction ${node.op}`);
        return this.#contract(node, index);
      case 'concat':
      case 'scatter':
      case 'attention':
      case 'scan':
      case 'recurrence':
        throw new InternalError(`${node.op} has no expression`);
    }
  }

  #expandView(node: Node, lowered: Extract<Lowered, { kind: 'view' }>, index: Index): ScalarExpression {
    // A relabelling of a whole buffer is a load under the new shape: no division in any index.
    const source = node.op === 'reshape' ? this.#wholeBelow(node) : undefined;
    const shape = node.results[0]?.type.shape;
    if (source !== undefined && shape !== undefined) {
      return this.load(reshapedPlace(source.place, shape), source.dtype, index);
    }
    const read = lowered.source(index);
    if (read.guard === undefined) return this.read(read.operand, read.index);
    this.#guards += 1;
    const inside = this.read(read.operand, read.index);
    this.#guards -= 1;
    return scalar.select(read.guard, inside, scalar.literal(0, read.operand.type.dtype));
  }

  /** The whole buffer that a chain of reshapes starts from, where this kernel loads it. */
  #wholeBelow(node: Node): { readonly place: Place; readonly dtype: DType } | undefined {
    const [operand] = node.operands;
    if (operand === undefined) return undefined;
    const writers = this.#ctx.writers.get(operand);
    if (writers?.some((writer) => this.#items.has(writer)) === true) return undefined;
    const definition = this.#ctx.definition(operand);
    if (writers !== undefined || definition.kind === 'place') {
      const place = this.#ctx.place(operand);
      return place.whole ? { place, dtype: operand.type.dtype } : undefined;
    }
    const below = definition.kind === 'node' && definition.node.op === 'reshape';
    return below ? this.#wholeBelow(definition.node) : undefined;
  }

  #reduce(node: Node, lowered: Extract<Lowered, { kind: 'reduce' }>, index: Index): ScalarExpression {
    const [operand] = node.operands;
    if (operand === undefined) throw new InternalError(`${node.op} has no operand`);
    const reduced = lowered.axes.filter((axis) => !isUnit(operand.type.shape[axis] ?? never(node)));
    const inner = this.innerAxes(reduced.map((axis) => operand.type.shape[axis] ?? never(node)));
    let kept = 0;
    const operandIndex = operand.type.shape.map((_, axis) => {
      const at = reduced.indexOf(axis);
      if (at >= 0) return scalar.axis(inner[at] ?? never(node));
      if (lowered.axes.includes(axis)) return scalar.integer(0);
      return index[kept++] ?? never(node);
    });
    const value = this.read(operand, operandIndex);
    if (inner.length === 0) return lowered.combine === 'argmax' ? scalar.integer(0) : value;
    return this.#accumulate(node, index, inner, lowered.combine, value, false);
  }

  /** result[batch…, lhs free…, rhs free…] = Σ lhs · rhs */
  #contract(node: Extract<Node, { op: 'dot' }>, index: Index): ScalarExpression {
    const [lhs, rhs] = node.operands;
    if (lhs === undefined || rhs === undefined) throw new InternalError('dot needs two operands');
    const { batch, contract } = node.attributes;
    const summed = contract.filter(([axis]) => !isUnit(lhs.type.shape[axis] ?? never(node)));
    const inner = this.innerAxes(summed.map(([axis]) => lhs.type.shape[axis] ?? never(node)));
    let free = batch.length;
    const sideIndex = (side: Value, at: 0 | 1): Index =>
      side.type.shape.map((_, axis) => {
        const batchAt = batch.findIndex((pair) => pair[at] === axis);
        if (batchAt >= 0) return index[batchAt] ?? never(node);
        if (contract.some((pair) => pair[at] === axis)) {
          const sumAt = summed.findIndex((pair) => pair[at] === axis);
          return sumAt < 0 ? scalar.integer(0) : scalar.axis(inner[sumAt] ?? never(node));
        }
        return index[free++] ?? never(node);
      });
    const left = this.read(lhs, sideIndex(lhs, 0));
    const right = this.read(rhs, sideIndex(rhs, 1));
    const product = scalar.multiply(left, right);
    if (inner.length === 0) return product;
    // Beside what is at hand there is no other accumulator.
    const isRead = this.#ctx.gathering.has(node) ? isLoad : isPlainLoad;
    const isFactor = (side: ScalarExpression): boolean =>
      isRead(side) || (this.atHand !== undefined && side.kind === 'accumulator');
    if (!isFactor(left) || !isFactor(right)) throw new CannotFuse('an operand of a contraction is computed');
    return this.#accumulate(node, index, inner, 'sum', product, true);
  }

  #accumulate(
    node: Node,
    index: Index,
    axes: readonly number[],
    combine: Accumulator['combine'],
    value: ScalarExpression,
    contraction: boolean,
  ): ScalarExpression {
    // Its stage would run for points that the guard keeps out, and read past the ends.
    if (this.#guards > 0) throw new CannotFuse('a reduction of which only a part is wanted');
    for (const axis of axesOf(reachable(index))) {
      if (axis >= this.#space) throw new CannotFuse('a reduction inside a reduction');
    }
    const dtype = combine === 'argmax' ? 'i32' : scalar.scalarDType(value);
    const interned = this.intern(value);
    const id = this.reductions.length;
    const level = 1 + this.levelOf(interned);
    const accumulator: Accumulator = { id, combine, dtype, value: interned };
    this.reductions.push({ accumulator, node, index, axes, level, contraction });
    return scalar.accumulator(id, dtype);
  }

  /** How many reduction stages must have ended before the expression can be computed. */
  levelOf(expression: ScalarExpression): number {
    let level = 0;
    for (const below of reachable([expression])) {
      if (below.kind === 'accumulator') level = Math.max(level, this.reductions[below.id]?.level ?? 0);
    }
    return level;
  }

  #axisName(extent: Dim): string {
    const [term, ...more] = extent.terms;
    const symbol =
      more.length === 0 && term?.coefficient === 1 && term.symbols.length === 1 ? term.symbols[0] : undefined;
    const isSpace = this.axes.length < this.#space;
    const name = symbol ?? (isSpace ? `i${this.axes.length}` : `k${this.axes.length - this.#space}`);
    return this.axes.some((axis) => axis.name === name) ? `${name}_${this.axes.length}` : name;
  }
}

function isLoad({ kind }: ScalarExpression): boolean {
  return kind === 'load';
}

/** An element of a buffer whose place does not depend on other data. */
function isPlainLoad(expression: ScalarExpression): boolean {
  if (expression.kind !== 'load') return false;
  return ![...reachable(expression.index)].some((below) => below.kind === 'load');
}

function never(node: Node): never {
  throw new InternalError(`${node.op} does not have the axes that its lowering names`);
}
