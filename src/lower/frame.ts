/**
 * Where nodes are emitted: the graph, or the region of a scan. Regions are closed: a value from outside becomes a
 * parameter of the region, and one of the scan's invariants, when it is first used inside.
 */
import { GraphBuilder } from '../ir/builder.ts';
import { constantDim, type Dim } from '../ir/dim.ts';
import type { Node, OpAttributes, OpName, Origin, Region, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';

/** A tensor outside and the region's parameter for it. */
export interface Imported {
  readonly outer: Value;
  readonly inner: Value;
}

/** A value that is equal tensors one after the other along an axis of its own. */
export interface Stack {
  readonly parts: readonly Value[];
  readonly axis: number;
}

/** Facts of values that live beside the graph. */
export class ValueFacts {
  readonly #weights = new WeakSet<Value>();
  readonly #constants = new WeakSet<Value>();
  readonly #producers = new WeakMap<Value, Node>();
  readonly #outer = new WeakMap<Value, Value>();

  readonly #stacks = new WeakMap<Value, Stack>();

  /** The tensors that a value was stacked from: what takes it apart again uses them directly. */
  stackOf(value: Value): Stack | undefined {
    return this.#stacks.get(value);
  }

  recordStack(value: Value, stack: Stack): void {
    this.#stacks.set(value, stack);
  }

  /** Computed from parameters and constants alone. */
  isWeight(value: Value): boolean {
    return this.#weights.has(value);
  }

  markWeight(value: Value): void {
    this.#weights.add(value);
  }

  /** The node that computes a value; none for inputs, states and parameters of regions. */
  producerOf(value: Value): Node | undefined {
    return this.#producers.get(value);
  }

  /** What a region's parameter is outside: the invariant, or the sequence that it is a slice of. */
  outerOf(value: Value): Value | undefined {
    return this.#outer.get(value);
  }

  recordNode(node: Node): void {
    const { op, operands, results } = node;
    for (const result of results) this.#producers.set(result, node);
    const isFixed = operands.every((operand) => this.#weights.has(operand) || this.#constants.has(operand));
    const fromWeights = operands.some((operand) => this.#weights.has(operand));
    for (const result of results)
      if (isFixed && fromWeights) this.#weights.add(result);
      else if (isFixed && op !== 'random' && op !== 'dim-size') this.#constants.add(result);
  }

  recordImport(outer: Value, inner: Value, whole: boolean): void {
    this.#outer.set(inner, outer);
    if (whole && this.#weights.has(outer)) this.#weights.add(inner);
    if (whole && this.#constants.has(outer)) this.#constants.add(inner);
  }
}

export class Frame {
  readonly builder: GraphBuilder;
  readonly facts: ValueFacts;
  readonly parent: Frame | undefined;
  /** Of a region: the number of its steps. */
  readonly trip: Dim;
  readonly invariants: Imported[] = [];
  /** Sequences that the body asked for beside those that the user named. */
  readonly sequences: Imported[] = [];
  readonly #own = new Set<Value>();
  readonly #imports = new Map<Value, Value>();

  private constructor(builder: GraphBuilder, facts: ValueFacts, parent: Frame | undefined, trip: Dim) {
    this.builder = builder;
    this.facts = facts;
    this.parent = parent;
    this.trip = trip;
  }

  static graph(origin: Origin, facts: ValueFacts): Frame {
    return new Frame(new GraphBuilder(inferTypes, origin), facts, undefined, constantDim(1));
  }

  /** A place for nodes that nobody keeps; it sees what this frame sees. */
  scratch(): Frame {
    return new Frame(this.builder.nested(), this.facts, undefined, this.trip);
  }

  region(trip: Dim): Frame {
    return new Frame(this.builder.nested(), this.facts, this, trip);
  }

  /** Makes a value one of this frame's own: an input, a state, a parameter of the region. */
  define(value: Value): void {
    this.#own.add(value);
  }

  /** The value as this frame sees it. */
  use(value: Value): Value {
    if (this.parent === undefined || this.#own.has(value)) return value;
    const known = this.#imports.get(value);
    if (known !== undefined) return known;
    const outer = this.parent.use(value);
    const inner: Value =
      value.name === undefined ? { type: value.type } : { type: value.type, name: value.name };
    this.#imports.set(value, inner);
    this.#own.add(inner);
    this.invariants.push({ outer, inner });
    this.facts.recordImport(outer, inner, true);
    return inner;
  }

  emitAll<Name extends OpName>(
    op: Name,
    operands: readonly Value[],
    attributes: OpAttributes[Name],
    options: { readonly region?: Region; readonly names?: readonly (string | undefined)[] } = {},
  ): readonly Value[] {
    const results = this.builder.emitAll(
      op,
      operands.map((operand) => this.use(operand)),
      attributes,
      options,
    );
    for (const result of results) this.#own.add(result);
    const node = this.builder.nodes.at(-1);
    if (node !== undefined) this.facts.recordNode(node);
    return results;
  }

  /**
   * Uniform numbers in [0, 1), drawn outside of every scan: a region's steps would all draw the same. A region gets
   * its step's part of them.
   */
  random(shape: readonly Dim[], stream: string): Value {
    if (this.parent === undefined) {
      const [result] = this.emitAll('random', [], { shape, stream });
      if (result === undefined) throw new RangeError('random has no result');
      return result;
    }
    const outer = this.parent.random([this.trip, ...shape], stream);
    const inner: Value = { type: { dtype: 'f32', shape } };
    this.#own.add(inner);
    this.sequences.push({ outer, inner });
    this.facts.recordImport(outer, inner, false);
    return inner;
  }
}
