/**
 * Where a forward program is narrow: few of the values before a place are read after it, as between two blocks of a
 * Transformer. What lies between two such places can be computed again from the values at the first.
 */
import { constantOf } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';

/** A part of the program, in order. */
export interface Segment {
  readonly nodes: readonly Node[];
}

export interface SegmentContext {
  readonly active: ReadonlySet<Value>;
  /** Elements at the bounds. */
  readonly volume: (value: Value) => number;
}

/** All nodes in their order; one segment where the program is nowhere narrow. */
export function findSegments(ctx: SegmentContext, nodes: readonly Node[]): readonly Segment[] {
  const places = narrowPlaces(ctx, nodes);
  const bounds = [0, ...places, nodes.length];
  return bounds
    .slice(1)
    .map((end, at) => ({ nodes: nodes.slice(bounds[at], end) }))
    .filter((segment) => segment.nodes.length > 0);
}

/** Depends on the batch and on parameters: a view of a weight is there anyway, and what needs no gradient is no activation. */
export function isActivation({ active }: SegmentContext, value: Value): boolean {
  return active.has(value) && value.type.shape.some((dim) => constantOf(dim) === undefined);
}

interface Place {
  /** The number of the node that it is before. */
  readonly at: number;
  /** Elements of what crosses. */
  readonly width: number;
}

/** Of all widths, the one that keeps least: what crosses at such places, and the values of the largest segment. */
function narrowPlaces(ctx: SegmentContext, nodes: readonly Node[]): readonly number[] {
  const crossings = findCrossings(ctx, nodes);
  const made = nodes.map(({ results }) => widthOf(ctx, results.filter((value) => isActivation(ctx, value)))); // prettier-ignore
  const total = (from: number, to: number): number =>
    made.slice(from, to).reduce((sum, each) => sum + each, 0);
  let best: { readonly places: readonly Place[]; readonly kept: number } = {
    places: [],
    kept: total(0, nodes.length),
  };
  for (const limit of new Set(crossings.map(({ width }) => width))) {
    const places = crossings.filter(({ width }) => width <= limit);
    const ends = [...places.map(({ at }) => at), nodes.length];
    const largest = Math.max(...ends.map((end, k) => total(ends[k - 1] ?? 0, end)));
    const kept = places.reduce((sum, { width }) => sum + width, largest);
    if (kept < best.kept) best = { places, kept };
  }
  return best.places.map(({ at }) => at);
}

/** One place for each set of activations that crosses somewhere. */
function findCrossings(ctx: SegmentContext, nodes: readonly Node[]): readonly Place[] {
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, at) => node.operands.forEach((operand) => lastUse.set(operand, at)));
  const live = new Set<Value>();
  const places: Place[] = [];
  let isNew = false;
  for (const [at, node] of nodes.entries()) {
    if (isNew && live.size > 0) places.push({ at, width: widthOf(ctx, [...live]) });
    isNew = false;
    for (const result of node.results)
      if (isActivation(ctx, result) && (lastUse.get(result) ?? -1) > at) {
        live.add(result);
        isNew = true;
      }
    for (const operand of node.operands)
      if (lastUse.get(operand) === at) isNew = live.delete(operand) || isNew;
  }
  return places;
}

function widthOf({ volume }: SegmentContext, values: readonly Value[]): number {
  return values.reduce((sum, value) => sum + volume(value), 0);
}
