/** The kernel of an attention node: its operands as loads, masks, biases and dropout as expressions of a pair. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { addDims, constantDim } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';
import type { AttentionKernel, AttentionStore, KernelOperand } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { attentionShape, extrasOf, FIRST_EXTRA, operandAt } from '../../ops/attention.ts';
import { isAttention, type AttentionNode } from '../../ops/evaluate-attention.ts';
import type { FusionContext, Item } from './context.ts';
import { isUnit, KernelExpressions } from './kernel-expressions.ts';

export type AttentionItem = Extract<Item, { kind: 'attention' }>;

/** Operands with an element for each pair of a query and a key. */
export function extraOperands(node: Node): readonly Value[] {
  const { op, attributes, operands } = attentionNode(node);
  return Object.values(extrasOf(attributes, operands, FIRST_EXTRA[op]));
}

function attentionNode(node: Node | undefined): AttentionNode {
  if (node === undefined || !isAttention(node)) throw new InternalError('attention without its node');
  return node;
}

/** Pointwise work below the values, down to what has a buffer for other reasons. */
export function inlinedItems(ctx: FusionContext, values: readonly Value[]): ReadonlySet<Item> {
  const inlined = new Set<Item>();
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    const definition = ctx.definition(value);
    if (definition.kind !== 'node') return;
    const { node, lowered } = definition;
    if (lowered.kind !== 'pointwise' && lowered.kind !== 'view' && lowered.kind !== 'gather') return;
    for (const writer of ctx.writers.get(value) ?? []) if (writer.kind === 'compute') inlined.add(writer);
    node.operands.forEach(visit);
  };
  values.forEach(visit);
  return inlined;
}

interface BuildOptions {
  readonly depth: number;
  /** Whether somebody reads what the forward keeps of each row. */
  readonly keeps: boolean;
}

export interface BuiltAttention {
  readonly kernel: AttentionKernel;
  /** Slot of each operand. */
  readonly slots: readonly number[];
}

/** Buffers that the kernel loads, and those of its results. */
export function bindingsOf(ctx: FusionContext, item: AttentionItem): number {
  return new Builder(ctx, item, { depth: 0, keeps: true }).bindings();
}

export function buildAttention(
  ctx: FusionContext,
  item: AttentionItem,
  options: BuildOptions,
): BuiltAttention {
  return new Builder(ctx, item, options).build();
}

class Builder {
  readonly #ctx: FusionContext;
  readonly #node: AttentionNode;
  readonly #options: BuildOptions;
  readonly #expressions: KernelExpressions;
  readonly #index: readonly ScalarExpression[];
  readonly #batch: number;
  readonly #rows: number;

  constructor(ctx: FusionContext, item: AttentionItem, options: BuildOptions) {
    this.#ctx = ctx;
    this.#node = attentionNode(item.node);
    this.#options = options;
    const { op, operands, attributes } = this.#node;
    const shape = attentionShape(
      op,
      operands.map(({ type }) => type),
      attributes,
    );
    const space = [...shape.batch, ...shape.rows, shape.keys, shape.width, shape.valueWidth];
    this.#batch = shape.batch.length;
    this.#rows = shape.rows.length;
    this.#index = space.map((dim, axis) => (isUnit(dim) ? scalar.integer(0) : scalar.axis(axis)));
    this.#expressions = new KernelExpressions(ctx, item.inlined, options.depth, space);
  }

  bindings(): number {
    this.#elements();
    return this.#expressions.operands.length + this.#node.results.length;
  }

  build(): BuiltAttention {
    const { op, attributes, origin, results } = this.#node;
    const elements = this.#elements();
    const stores = this.#stores();
    const expressions = this.#expressions;
    const operands = expressions.operands.map((operand): KernelOperand => {
      const slot = this.#ctx.slots[operand.slot];
      return {
        name: slot?.name ?? 'value',
        type: { dtype: slot?.type.dtype ?? 'f32', shape: operand.shape },
        access: operand.stored ? 'write' : 'read',
      };
    });
    const [batch, rows] = [this.#batch, this.#rows];
    const name = [op, results[0]?.name ?? ''].join('_').replace(/[^A-Za-z0-9]+/g, '_');
    const kernel: AttentionKernel = {
      kind: 'attention',
      part: op === 'attention' ? 'forward' : op === 'attention-queries' ? 'queries' : 'keys',
      name: name.replace(/_+$/, ''),
      origins: [origin],
      axes: expressions.axes,
      operands,
      batch: Array.from({ length: batch }, (_, at) => at),
      rows: Array.from({ length: rows }, (_, at) => batch + at),
      keys: batch + rows,
      width: batch + rows + 1,
      valueWidth: batch + rows + 2,
      scale: attributes.scale,
      fill: attributes.fill,
      elements,
      stores,
    };
    return { kernel, slots: expressions.operands.map((operand) => operand.slot) };
  }

  #at(...places: readonly ('rows' | 'keys' | 'width' | 'values')[]): readonly ScalarExpression[] {
    const [batch, rows] = [this.#batch, this.#rows];
    const first = { rows: batch, keys: batch + rows, width: batch + rows + 1, values: batch + rows + 2 };
    const parts = places.flatMap((place) =>
      this.#index.slice(first[place], first[place] + (place === 'rows' ? rows : 1)),
    );
    return [...this.#index.slice(0, batch), ...parts];
  }

  #elements(): AttentionKernel['elements'] {
    const { op, operands, attributes } = this.#node;
    const read = (value: Value, index: readonly ScalarExpression[]): ScalarExpression =>
      this.#expressions.read(value, index);
    const rows = this.#at('rows');
    const pair = this.#at('rows', 'keys');
    const extras = Object.entries(extrasOf(attributes, operands, FIRST_EXTRA[op]));
    const elements = {
      query: read(operandAt(operands, 0), this.#at('rows', 'width')),
      key: read(operandAt(operands, 1), this.#at('keys', 'width')),
      value: read(operandAt(operands, 2), this.#at('keys', 'values')),
      ...Object.fromEntries(extras.map(([extra, value]) => [extra, read(value, pair)])),
    };
    if (op === 'attention') return elements;
    const [valueWidth] = operandAt(operands, 2).type.shape.slice(-1);
    if (valueWidth === undefined) throw new InternalError('values without a width');
    // Behind the cotangent of the row.
    const kept = (at: number): ScalarExpression =>
      read(operandAt(operands, 3), [...rows, scalar.dimension(addDims(valueWidth, constantDim(at)))]);
    return {
      ...elements,
      cotangent: read(operandAt(operands, 3), this.#at('rows', 'values')),
      largest: kept(0),
      sum: kept(1),
      delta: kept(2),
    };
  }

  #stores(): AttentionKernel['stores'] {
    const { op, operands, results } = this.#node;
    const store = (at: number, index: readonly ScalarExpression[]): AttentionStore => {
      const place = this.#ctx.place(operandAt(results, at));
      return {
        operand: this.#expressions.operand(place, 'stored'),
        index: place.index(index, this.#options.depth).map(this.#expressions.intern),
      };
    };
    if (op === 'attention-queries') return { vector: store(0, this.#at('rows', 'width')) };
    if (op === 'attention-keys') {
      const [value] = this.#at('values').slice(-1);
      const width = operandAt(operands, 1).type.shape.at(-1);
      if (value === undefined || width === undefined) throw new InternalError('keys without a width');
      const behind = scalar.add(scalar.dimension(width), value);
      return {
        vector: store(0, this.#at('keys', 'width')),
        values: store(0, [...this.#at('keys'), behind]),
      };
    }
    const vector = store(0, this.#at('rows', 'values'));
    if (!this.#options.keeps) return { vector };
    const kept = (at: number): AttentionStore => store(1, [...this.#at('rows'), scalar.integer(at)]);
    return { vector, largest: kept(0), sum: kept(1) };
  }
}
