/**
 * Cuts a graph or a region into items: what must be computed into a buffer or fused into something that is. Views,
 * gathers and cheap work on buffers that exist anyway get no item; they are expanded into whatever reads them.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { addDims, constantDim, type Dim } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { reshapedPlace, wholePlace, type FusionContext, type Item, type Target } from './context.ts';
import { lowerNode, type Index } from './lowering.ts';
import { bufferNeeded, wholeNeeded } from './operand-form.ts';
import { ownCost } from './walk-scalar.ts';

export class ItemList {
  readonly items: Item[] = [];
  /** Values that must be whole buffers of their own, whatever else they are copied to. */
  readonly whole = new Set<Value>();
  readonly #ctx: FusionContext;
  readonly #name: string;

  constructor(ctx: FusionContext, name: string) {
    this.#ctx = ctx;
    this.#name = name;
  }

  get ctx(): FusionContext {
    return this.#ctx;
  }

  /** Defines the results of a node; work that is not free becomes an item. */
  addNode(node: Node): void {
    const lowered = lowerNode(node);
    for (const value of node.results) this.#ctx.definitions.set(value, { kind: 'node', node, lowered });
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
        for (const operand of node.operands) this.#requireBuffer(operand);
        this.compute(only(node), node);
        return;
      case 'concat':
        this.#concat(node);
        return;
      case 'scatter':
        for (const operand of node.operands) this.requireWhole(operand);
        this.add({ kind: 'scatter', id: this.#ctx.nextItem(), node, results: node.results });
        this.#placeNew(only(node), node);
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

  add(item: Item): void {
    this.items.push(item);
    for (const value of item.results) this.#ctx.addWriter(value, item);
  }

  /** Makes the value loads with an index map, as a contraction needs. */
  #requireBuffer(value: Value): void {
    const needed = bufferNeeded(this.#ctx, value);
    if (needed !== undefined) this.compute(needed, undefined);
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

  requireWhole(value: Value): void {
    const base = wholeNeeded(this.#ctx, value);
    this.whole.add(base);
    if (!this.#ctx.writers.has(base) && this.#ctx.places.get(base)?.whole !== true)
      this.compute(base, undefined);
  }

  #placeNew(value: Value, node: Node | undefined): void {
    const name = value.name ?? node?.op ?? this.#name;
    const slot = this.#ctx.addSlot(name, value.type, 'temporary');
    this.#ctx.places.set(value, wholePlace(slot, value.type.shape));
  }

  /** Each operand is stored to its own part of the result. */
  #concat(node: Node): void {
    if (node.op !== 'concat') throw new InternalError(`fusion has no rule for ${node.op}`);
    const result = only(node);
    this.#placeNew(result, node);
    const whole = this.#ctx.place(result);
    let start: Dim = constantDim(0);
    for (const operand of node.operands) {
      const offset = scalar.dimension(start);
      const shifted = (index: Index): Index =>
        index.map((step, axis) => (axis === node.attributes.axis ? scalar.add(step, offset) : step));
      const place = { slot: whole.slot, shape: whole.shape, index: shifted, whole: false };
      const target = { place, accumulate: false, stable: true, inPlace: false };
      this.copy(operand, result, operand.type, target, node);
      start = addDims(start, operand.type.shape[node.attributes.axis] ?? constantDim(0));
    }
  }

  /** A few instructions on at most one large buffer that exists anyway: cheaper to repeat than to keep. */
  #isFree(node: Node): boolean {
    const { cost, loads } = this.#freeCost(node) ?? { cost: Infinity, loads: 0 };
    return cost <= 4 && loads <= 1;
  }

  #freeCost(node: Node): { readonly cost: number; readonly loads: number } | undefined {
    const definition = this.#ctx.definitions.get(only(node));
    if (definition?.kind !== 'node' || definition.lowered.kind !== 'pointwise') return undefined;
    const args = node.operands.map((operand): ScalarExpression => scalar.load(0, operand.type.dtype, []));
    const index = only(node).type.shape.map((_, axis) => scalar.axis(axis));
    let cost = ownCost(definition.lowered.scalar(args, index));
    let loads = 0;
    for (const operand of node.operands) {
      const below = this.#freeValue(operand);
      if (below === undefined) return undefined;
      cost += below.cost;
      loads += below.loads;
    }
    return { cost, loads };
  }

  #freeValue(value: Value): { readonly cost: number; readonly loads: number } | undefined {
    const large = this.#ctx.volume(value.type.shape) > 4096 ? 1 : 0;
    const writers = this.#ctx.writers.get(value);
    if (writers !== undefined) {
      const exists = writers.every((writer) => writer.kind === 'scan' || writer.kind === 'scatter');
      return exists ? { cost: 0, loads: large } : undefined;
    }
    const definition = this.#ctx.definition(value);
    switch (definition.kind) {
      case 'place':
        return { cost: 0, loads: large };
      case 'scalar':
        return { cost: 0, loads: 0 };
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
    return lowered.kind === 'gather' ? { cost: 2, loads: 1 } : undefined;
  }
}

function only(node: Node): Value {
  const [result] = node.results;
  if (result === undefined || node.results.length > 1)
    throw new InternalError(`${node.op} does not have one result`);
  return result;
}
