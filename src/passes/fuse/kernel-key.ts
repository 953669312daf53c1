/**
 * What a group's kernel depends on, as text: groups with equal keys make the same kernel, or none, whatever their
 * buffers are called. The layers of a model are alike, so that one of them answers for all.
 */
import { printAttributes } from '../../ir/attribute-text.ts';
import type { NodeOf, OpName, Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import { printType } from '../../ir/types.ts';
import type { FusionContext, GroupContents, Item, Place } from './context.ts';

export interface KernelKey {
  readonly text: string;
  /** The buffers of the group, in an order that is the same for equal keys. */
  readonly slots: readonly number[];
}

/** `streams`: whether kernels that draw from different streams are different. */
export function kernelKey(ctx: FusionContext, group: GroupContents, streams: boolean): KernelKey {
  return new KeyWriter(ctx, group, streams).write();
}

class KeyWriter {
  readonly #ctx: FusionContext;
  readonly #group: GroupContents;
  readonly #streams: Map<string, number> | undefined;
  /** Values and buffers by the order in which they are met. */
  readonly #values = new Map<Value, number>();
  readonly #slots = new Map<number, number>();
  readonly #text: number[] = [];

  constructor(ctx: FusionContext, group: GroupContents, streams: boolean) {
    this.#ctx = ctx;
    this.#group = group;
    this.#streams = streams ? undefined : new Map<string, number>();
  }

  write(): KernelKey {
    const { items, stored, space, depth } = this.#group;
    this.#text.push(depth, this.#ctx.keyParts.of(printType({ dtype: 'f32', shape: space })));
    for (const item of items) this.#item(item);
    this.#part('stored');
    for (const value of stored) {
      this.#value(value);
      this.#place(this.#ctx.place(value), value.type.shape.length);
    }
    return { text: this.#text.join(' '), slots: [...this.#slots.keys()] };
  }

  #part(word: string): void {
    this.#text.push(this.#ctx.keyParts.of(word));
  }

  #item(item: Item): void {
    this.#part(item.kind);
    if (item.kind !== 'copy') {
      for (const result of item.results) this.#value(result);
      return;
    }
    const { source, type, target } = item;
    this.#part(`${printType(type)} ${target.accumulate} ${target.inPlace}`);
    this.#place(target.place, type.shape.length);
    if (source !== undefined) this.#value(source);
  }

  /** The value and, where the kernel computes it, all that it is computed from. */
  #value(value: Value): void {
    const known = this.#values.get(value);
    // Known values are below zero, so that they are not taken for parts.
    this.#text.push(-1 - (known ?? this.#values.size));
    if (known !== undefined) return;
    this.#values.set(value, this.#values.size);
    const writers = this.#ctx.writers.get(value);
    const inside = writers?.some((writer) => this.#group.items.has(writer)) === true;
    const definition = this.#ctx.definitions.get(value);
    if (inside) this.#part(writers?.[0]?.kind === 'compute' ? 'own' : 'filled');
    if ((writers !== undefined && !inside) || definition?.kind === 'place') {
      this.#text.push(this.#ctx.keyParts.for(value.type, printType));
      this.#place(this.#ctx.place(value), value.type.shape.length);
      return;
    }
    switch (definition?.kind) {
      case 'scalar':
        this.#text.push(this.#ctx.keyParts.of(definition));
        return;
      case 'element':
        this.#text.push(this.#ctx.keyParts.of(definition));
        this.#value(definition.of);
        return;
      case 'same':
        this.#value(definition.as);
        return;
      case 'node': {
        const { node } = definition;
        if (node.op === 'random' && this.#streams !== undefined) this.#random(node, this.#streams);
        else this.#text.push(this.#ctx.keyParts.for(node, describe));
        for (const operand of node.operands) this.#value(operand);
        return;
      }
      case undefined:
        // A value that stands for a copy, and has no other definition.
        this.#text.push(this.#ctx.keyParts.for(value.type, printType));
    }
  }

  /** Whether draws are from one stream is a part of the kernel, from which one is not. */
  #random({ attributes, results }: NodeOf<'random'>, streams: Map<string, number>): void {
    const number = streams.get(attributes.stream) ?? streams.size;
    streams.set(attributes.stream, number);
    this.#part(`random ${number} ${results.map(({ type }) => printType(type)).join()}`);
  }

  #place(place: Place, rank: number): void {
    const { keyParts, slots } = this.#ctx;
    const number = this.#slots.get(place.slot) ?? this.#slots.size;
    this.#slots.set(place.slot, number);
    const slot = slots[place.slot];
    this.#text.push(number, slot === undefined ? -1 : keyParts.of(`${slot.role} ${printType(slot.type)}`));
    this.#text.push(keyParts.for(place.shape, printShape));
    if (place.whole) return;
    // In a loop, where an element lies is told by what only that loop knows.
    const part =
      this.#group.depth > 0 ? keyParts.of(place) : keyParts.for(place, (each) => mapOf(each, rank));
    this.#text.push(part);
  }
}

function printShape(shape: Place['shape']): string {
  return printType({ dtype: 'f32', shape });
}

/** Where in the buffer each element of a value of this rank lies. */
function mapOf(place: Place, rank: number): string {
  const index = Array.from({ length: rank }, (_, axis) => scalar.axis(axis));
  return JSON.stringify(place.index(index, 0));
}

function describe<Name extends OpName>({ op, attributes, results }: NodeOf<Name>): string {
  return `${op}${printAttributes<Name>(op, attributes)} ${results.map(({ type }) => printType(type)).join()}`;
}
