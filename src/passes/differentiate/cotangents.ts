/** Cotangents of values while a list of nodes is differentiated: contributions are kept apart until they are asked for. */
import type { GraphBuilder } from '../../ir/builder.ts';
import { constantOf, subtractDims, type Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';

export class Cotangents {
  readonly #contributions = new Map<Value, Value[]>();
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  add(value: Value, contribution: Value): void {
    const known = this.#contributions.get(value);
    if (known === undefined) this.#contributions.set(value, [contribution]);
    else known.push(contribution);
  }

  /** The sum of the contributions; undefined where there is none. Later contributions do not count: ask once all are in. */
  of(value: Value): Value | undefined {
    const contributions = this.#contributions.get(value);
    if (contributions === undefined) return undefined;
    const total = this.#sortPads(contributions).reduce((sum, next) =>
      this.#builder.emit('add', [sum, next], {}),
    );
    this.#contributions.set(value, [total]);
    return total;
  }

  /**
   * The pieces of a split come back as paddings of one axis. In the order in which they lie there, every two
   * neighbours of the sum can be joined, and the sum becomes a concatenation.
   */
  #sortPads(contributions: readonly Value[]): readonly Value[] {
    if (contributions.length < 3) return contributions;
    const makers = new Map<Value, Node>();
    for (const node of this.#builder.nodes) for (const result of node.results) makers.set(result, node);
    const pads: { readonly value: Value; readonly node: NodeOf<'pad'> }[] = [];
    const others: Value[] = [];
    for (const value of contributions) {
      const node = makers.get(value);
      if (node?.op === 'pad') pads.push({ value, node });
      else others.push(value);
    }
    const axis = pads[0]?.node.attributes.axis;
    const offset = ({ node }: { readonly node: NodeOf<'pad'> }, from: Dim): number | undefined =>
      node.attributes.axis === axis ? constantOf(subtractDims(node.attributes.before, from)) : undefined;
    const origin = pads[0]?.node.attributes.before;
    if (origin === undefined || pads.some((pad) => offset(pad, origin) === undefined)) return contributions;
    const sorted = pads.toSorted((lhs, rhs) => (offset(lhs, origin) ?? 0) - (offset(rhs, origin) ?? 0));
    return [...sorted.map((pad) => pad.value), ...others];
  }
}
