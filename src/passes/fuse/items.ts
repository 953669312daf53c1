/**
 * Cuts a graph or a region into items: what must be computed into a buffer or fused into something that is. Views,
 * gathers and cheap work on buffers that exist anyway get no item; they are expanded into whatever reads them.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { addDims, constantDim, type Dim } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import {
  reshapedPlace,
  wholePlace,
  type FusionContext,
  type Item,
  type Place,
  type Target,
} from './context.ts';
import { basesOf } from './dependencies.ts';
import { lowerNode, type Index, type Lowered } from './lowering.ts';
import { bufferNeeded, wholeNeeded } from './operand-form.ts';
import { bindingsOf, extraOperands, inlinedItems } from './build-attention.ts';
import { ownCost } from './scalar-costs.ts';

/** What it takes to compute an element again: instructions, buffers that it reads, and the large ones among them. */
interface FreeCost {
  readonly cost: number;
  readonly buffers: number;
  readonly large: number;
}

const SMALL_BUFFER = 4096;
/** Of an element that is gathered: reading it through its index so many times is cheaper than a copy. */
const FEW_USES = 8;

export class ItemList {
  readonly items: Item[] = [];
  /** Values that must be whole buffers of their own, whatever else they are copied to. */
  readonly whole = new Set<Value>();
  readonly #ctx: FusionContext;
  readonly #name: string;
  /** Products that will be in memory whatever is fused. */
  readonly #stored: ReadonlySet<Value>;

  constructor(ctx: FusionContext, name: string, stored: ReadonlySet<Value> = new Set()) {
    this.#ctx = ctx;
    this.#name = name;
    this.#stored = stored;
  }

  get ctx(): FusionContext {
    return this.#ctx;
  }

  /** Defines the results of a node, which are computed wherever they are read. */
  define(node: Node): Lowered {
    const lowered = lowerNode(node);
    for (const value of node.results) this.#ctx.definitions.set(value, { kind: 'node', node, lowered });
    return lowered;
  }

  /** Defines the results of a node; work that is not free becomes an item. */
  addNode(node: Node): void {
    const lowered = this.define(node);
    switch (lowered.kind) {
      case 'pointwise':
        if (node.operands.length > 0 && !this.#isFree(node)) this.compute(only(node), node);
        return;
      case 'view':
        return;
      case 'gather':
        if (node.operands[0] !== undefined) this.#requireBuffer(node.operands[0]);
        return;
      case 'reduce':
        this.compute(only(node), node);
        return;
      case 'contraction':
        for (const operand of node.operands)
          if (!this.#readsThrough(node, operand)) this.#requireBuffer(operand);
        this.compute(only(node), node);
        return;
      case 'concat':
        this.#concat(node);
        return;
      case 'update':
        this.#update(node);
        return;
      case 'scatter':
        this.add({
          kind: 'scatter',
          id: this.#ctx.nextItem(),
          node,
          results: node.results,
          reads: node.operands.map((operand) => this.#wholeBuffer(operand)),
        });
        this.#placeNew(only(node), node);
        return;
      case 'recurrence':
        if (node.op !== 'linear-recurrence') throw new InternalError(`fusion has no rule for ${node.op}`);
        this.add({
          kind: 'recurrence',
          id: this.#ctx.nextItem(),
          node,
          results: node.results,
          recurrence: node,
        });
        this.#placeNew(only(node), node);
        return;
      case 'attention':
        this.#attention(node);
        return;
      case 'scan':
        throw new InternalError('a scan is no single item');
    }
  }

  /** An item that computes a value into a buffer of its own, unless fusion finds the buffer needless. */
  compute(value: Value, node: Node | undefined): void {
    if (this.#ctx.writers.has(value)) return;
    this.add({ kind: 'compute', id: this.#ctx.nextItem(), node, results: [value] });
    this.#placeNew(value, node);
  }

  /** Stores a value, or zeros, to a place; `token` stands for what is there afterwards. */
  copy(source: Value | undefined, token: Value, type: Value['type'], target: Target, node?: Node): void {
    const base = source !== undefined && target.place.whole ? wholeNeeded(this.#ctx, source) : source;
    const seen =
      base === undefined || base === source
        ? { source, type, target }
        : {
            source: base,
            type: base.type,
            target: { ...target, place: reshapedPlace(target.place, base.type.shape) },
          };
    this.add({ kind: 'copy', id: this.#ctx.nextItem(), node, results: [token], ...seen });
  }

  /** Makes the buffer that a loop, a scatter or a concatenation fills anyway the output's own, where it can be. */
  adoptOutput(name: string, value: Value): number | undefined {
    const base = wholeNeeded(this.#ctx, value);
    const writers = this.#ctx.writers.get(base);
    const place = this.#ctx.places.get(base);
    if (writers === undefined || writers.some((writer) => writer.kind === 'compute')) return undefined;
    if (place?.whole !== true || this.#ctx.slots[place.slot]?.role !== 'temporary') return undefined;
    this.#ctx.slots[place.slot] = { name, type: value.type, role: 'output' };
    return place.slot;
  }

  /** Lets the parts of a concatenation be stored where its only copy would go; false where it needs its own buffer. */
  redirectConcat(value: Value, target: Target): boolean {
    const definition = this.#ctx.definition(value);
    const writers = this.#ctx.writers.get(value) ?? [];
    const isConcat = definition.kind === 'node' && definition.node.op === 'concat';
    if (!isConcat || !writers.every((writer) => this.items.includes(writer))) return false;
    if (!target.stable || target.accumulate || target.inPlace || this.whole.has(value)) return false;
    const place = this.#ctx.place(value);
    if (!place.whole || this.#ctx.slots[place.slot]?.role !== 'temporary') return false;
    this.#ctx.places.set(value, target.place);
    return true;
  }

  add(item: Item): void {
    this.items.push(item);
    for (const value of item.results) this.#ctx.addWriter(value, item);
  }

  /** Makes the value loads with an index map, as a contraction needs. */
  #requireBuffer(value: Value): void {
    const needed = bufferNeeded(this.#ctx, value);
    if (needed !== undefined) this.compute(needed, undefined);
  }

  /**
   * Lets a contraction gather an operand of which it uses each element a few times only, as attention of one query does
   * with the keys: a copy would take as long as the product.
   */
  #readsThrough(node: Node, operand: Value): boolean {
    if (node.op !== 'dot') return false;
    const needed = bufferNeeded(this.#ctx, operand);
    const definition = needed && this.#ctx.definition(needed);
    if (definition?.kind !== 'node' || definition.lowered.kind !== 'gather') return false;
    const { batch, contract } = node.attributes;
    const side = node.operands[0] === operand ? 1 : 0;
    const other = node.operands[side]?.type.shape ?? [];
    const free = other.filter((_, axis) => ![...batch, ...contract].some((pair) => pair[side] === axis));
    if (this.#ctx.volume(free) > FEW_USES) return false;
    this.#ctx.gathering.add(node);
    return true;
  }

  /** The same for what a loop reads at every step, where numbers made from nothing may stay expressions. */
  requireLoads(value: Value): void {
    const needed = bufferNeeded(this.#ctx, value);
    if (needed === undefined) return;
    const definition = this.#ctx.definition(needed);
    const free =
      definition.kind === 'scalar' || (definition.kind === 'node' && definition.node.operands.length === 0);
    if (!free) this.compute(needed, undefined);
  }

  /** A value with the same elements in the same order that is the whole of a buffer. */
  #wholeBuffer(value: Value): Value {
    const base = wholeNeeded(this.#ctx, value);
    const settled = this.#ctx.writers.has(base) || this.#ctx.definition(base).kind === 'place';
    if (!settled) this.compute(base, undefined);
    this.whole.add(base);
    if (this.#ctx.place(base).whole) return base;
    const copied: Value = { type: base.type };
    this.#placeNew(copied, undefined);
    const target = { place: this.#ctx.place(copied), accumulate: false, stable: true, inPlace: false };
    this.copy(base, copied, base.type, target);
    return copied;
  }

  #placeNew(value: Value, node: Node | undefined): void {
    const name = value.name ?? node?.op ?? this.#name;
    const slot = this.#ctx.addSlot(name, value.type, 'temporary');
    this.#ctx.places.set(value, wholePlace(slot, value.type.shape));
  }

  /** Queries, keys and values are loaded; what stands for each pair of them is computed, where it can be bound. */
  #attention(node: Node): void {
    const extras = extraOperands(node);
    for (const operand of node.operands) if (!extras.includes(operand)) this.#requireBuffer(operand);
    const base = { kind: 'attention', id: this.#ctx.nextItem(), node, results: node.results } as const;
    // A buffer for each pair is the last resort.
    for (let stored = 0; ; stored++) {
      for (const operand of extras.slice(0, stored)) this.#requireBuffer(operand);
      const item = { ...base, inlined: inlinedItems(this.#ctx, extras.slice(stored)) };
      if (stored < extras.length && bindingsOf(this.#ctx, item) > this.#ctx.limits.storageBuffers) continue;
      this.add(item);
      break;
    }
    for (const value of node.results) this.#placeNew(value, node);
  }

  /** Each operand is stored to its own part of the result. */
  #concat(node: Node): void {
    if (node.op !== 'concat') throw new InternalError(`fusion has no rule for ${node.op}`);
    const result = only(node);
    this.#placeNew(result, node);
    const ctx = this.#ctx;
    let start: Dim = constantDim(0);
    for (const operand of node.operands) {
      const offset = scalar.dimension(start);
      const shifted = (index: Index): Index =>
        index.map((step, axis) => (axis === node.attributes.axis ? scalar.add(step, offset) : step));
      // Looked up when a kernel is built: the whole may be sent elsewhere after this.
      const place: Place = {
        get slot() {
          return ctx.place(result).slot;
        },
        get shape() {
          return ctx.place(result).shape;
        },
        index: (index, depth) => ctx.place(result).index(shifted(index), depth),
        whole: false,
      };
      const target = { place, accumulate: false, stable: true, inPlace: false };
      if (!this.#redirectStack(operand, result, place))
        this.copy(operand, result, operand.type, target, node);
      start = addDims(start, operand.type.shape[node.attributes.axis] ?? constantDim(0));
    }
  }

  /** Lets a scan of this scope stack straight into its part of a concatenation: two directions, side by side. */
  #redirectStack(operand: Value, whole: Value, part: Place): boolean {
    const [writer, ...others] = this.#ctx.writers.get(operand) ?? [];
    if (writer?.kind !== 'scan' || others.length > 0 || !this.items.includes(writer)) return false;
    const target = writer.scan.targets[writer.results.indexOf(operand)];
    const place = this.#ctx.places.get(operand);
    if (target === undefined || target.accumulate || !target.stable || this.whole.has(operand)) return false;
    // A carry's history has a place of its own, and what stands somewhere else already stays there.
    if (place?.whole !== true || target.place.slot !== place.slot) return false;
    const inner = target.place;
    const redirected: Place = {
      get slot() {
        return part.slot;
      },
      get shape() {
        return part.shape;
      },
      index: (index, depth) => part.index(inner.index(index, depth), depth),
      whole: false,
    };
    writer.scan.targets[writer.results.indexOf(operand)] = { ...target, place: redirected };
    this.#ctx.places.set(operand, part);
    this.#ctx.addWriter(whole, writer);
    return true;
  }

  /** Of a state that is updated in its own buffer, only the part is stored; any other whole is made anew. */
  #update(node: Node): void {
    const result = only(node);
    const [whole, part] = node.operands;
    if (node.op !== 'update-slice' || whole === undefined || part === undefined)
      throw new InternalError(`fusion has no rule for the update ${node.op}`);
    if (!this.#ctx.inPlace.has(result)) return this.compute(result, node);
    const { slot, shape } = this.#ctx.place(whole);
    // Elements that move within the state are read before the first is stored.
    if (basesOf(this.#ctx, [part]).has(whole)) this.compute(part, undefined);
    const starts = node.attributes.starts.map(scalar.dimension);
    const place: Place = {
      slot,
      shape,
      index: (index) => index.map((step, axis) => scalar.add(step, starts[axis] ?? scalar.integer(0))),
      whole: false,
    };
    this.#ctx.places.set(result, wholePlace(slot, shape));
    this.copy(part, result, part.type, { place, accumulate: false, stable: true, inPlace: true }, node);
  }

  /** A few instructions on at most one large buffer that exists anyway: cheaper to repeat than to keep. */
  #isFree(node: Node): boolean {
    const free = this.#freeCost(node);
    return free !== undefined && free.cost <= 4 && free.buffers <= 2 && free.large <= 1;
  }

  /** Where a row must be complete before its elements are used, that and the row's sums are stored. */
  #isStored(value: Value): boolean {
    if (this.#stored.size === 0) return false;
    const definition = this.#ctx.definition(value);
    const reduced = definition.kind === 'node' && definition.lowered.kind === 'reduce';
    return reduced || this.#stored.has(value);
  }

  #freeCost(node: Node): FreeCost | undefined {
    const definition = this.#ctx.definitions.get(only(node));
    if (definition?.kind !== 'node' || definition.lowered.kind !== 'pointwise') return undefined;
    const args = node.operands.map((operand): ScalarExpression => scalar.load(0, operand.type.dtype, []));
    const index = only(node).type.shape.map((_, axis) => scalar.axis(axis));
    let cost = ownCost(definition.lowered.scalar(args, index));
    let [buffers, large] = [0, 0];
    for (const operand of node.operands) {
      const below = this.#freeValue(operand);
      if (below === undefined) return undefined;
      cost += below.cost;
      buffers += below.buffers;
      large += below.large;
    }
    return { cost, buffers, large };
  }

  #freeValue(value: Value): FreeCost | undefined {
    const buffer = { cost: 0, buffers: 1, large: this.#ctx.volume(value.type.shape) > SMALL_BUFFER ? 1 : 0 };
    const writers = this.#ctx.writers.get(value);
    if (writers !== undefined) {
      const exists = writers.every(({ kind }) => kind !== 'compute' && kind !== 'copy');
      return exists || this.#isStored(value) ? buffer : undefined;
    }
    const definition = this.#ctx.definition(value);
    switch (definition.kind) {
      case 'place':
        return buffer;
      case 'scalar':
        return { cost: 0, buffers: 0, large: 0 };
      case 'element':
        return this.#freeValue(definition.of);
      case 'same':
        return this.#freeValue(definition.as);
      case 'node':
        break;
    }
    const { node, lowered } = definition;
    if (lowered.kind === 'pointwise') {
      return node.op === 'random' ? undefined : this.#freeCost(node);
    }
    if (lowered.kind === 'view') return node.operands[0] && this.#freeValue(node.operands[0]);
    return lowered.kind === 'gather' ? { cost: 2, buffers: 2, large: 1 } : undefined;
  }
}

function only(node: Node): Value {
  const [result] = node.results;
  if (result === undefined || node.results.length > 1)
    throw new InternalError(`${node.op} does not have one result`);
  return result;
}
