/**
 * Has the backward compute cheap values of the forward again instead of reading them: of what a chain of pointwise
 * functions makes from one product (the inside of a GELU) only its start is kept from the forward to the backward.
 * Needs: a graph that no pass touches any more, as equal nodes would become one again. Keeps: every value, and draws.
 */
import { evaluateDim, productOfDims } from '../../ir/dim.ts';
import type { Graph, Node, Origin, Value } from '../../ir/graph.ts';
import { loweringOf } from '../../ops/index.ts';
import { isCostly } from '../costs.ts';

/** The last word of the derivation of what is computed again. */
export const RECOMPUTED = 'recomputed';

const LARGE = 1 << 14;
/** Instructions an element of what is computed again. */
const MOST_COST = 32;
const COSTLY = 6;

/** `least`: elements of a value that is worth it. The same graph where nothing is. */
export function recomputeForward(graph: Graph, least = LARGE): Graph {
  const isBackward = graph.nodes.some(isOfBackward);
  return isBackward ? new Recomputation(graph, least).run() : graph;
}

function isOfBackward({ origin }: Node): boolean {
  return origin.derivation.includes('gradient');
}

class Recomputation {
  readonly #graph: Graph;
  readonly #least: number;
  readonly #bounds: ReadonlyMap<string, number>;
  readonly #makers = new Map<Value, Node>();
  /** Large values of the forward that the backward has in memory: it reads their elements in no order of its own. */
  readonly #kept = new Set<Value>();
  readonly #again = new Set<Value>();
  readonly #made = new Map<Value, Value>();
  readonly #nodes: Node[] = [];

  constructor(graph: Graph, least: number) {
    this.#graph = graph;
    this.#least = least;
    this.#bounds = new Map(graph.dims.map(({ name, bound }) => [name, bound]));
    for (const node of graph.nodes) for (const value of node.results) this.#makers.set(value, node);
  }

  run(): Graph {
    const { nodes, outputs, updates } = this.#graph;
    for (const { value } of [...outputs, ...updates]) this.#kept.add(value);
    const read = new Set<Value>();
    for (const node of nodes) {
      if (!isOfBackward(node)) continue;
      const pointwise = readsPointByPoint(node);
      for (const operand of node.operands) (pointwise ? read : this.#kept).add(operand);
    }
    const wanted = nodes.flatMap((node) => {
      const [value] = node.results;
      if (value === undefined || !read.has(value) || this.#kept.has(value) || isOfBackward(node)) return [];
      return isPointwise(node) && this.#isLarge(value) ? [value] : [];
    });
    const open = new Set(wanted);
    for (const value of read) if (!open.has(value)) this.#kept.add(value);
    const bySource = new Map<Value, Value[]>();
    for (const value of wanted) {
      const source = this.#onlySource(value);
      if (source !== undefined) bySource.set(source, [...(bySource.get(source) ?? []), value]);
    }
    for (const value of wanted) {
      this.#choose(value, bySource);
      if (this.#costOf(value) <= MOST_COST) this.#again.add(value);
      else this.#kept.add(value);
    }
    if (this.#again.size === 0) return this.#graph;
    for (const node of nodes) this.#emit(node);
    return { ...this.#graph, nodes: this.#nodes };
  }

  /** Keeps the product that a value is made from, where another value needs it and cannot be made from this one. */
  #choose(value: Value, bySource: ReadonlyMap<Value, readonly Value[]>): void {
    if (this.#costOf(value) <= MOST_COST) return;
    const source = this.#onlySource(value);
    if (source === undefined) return;
    this.#kept.add(value);
    const more = (bySource.get(source) ?? []).some(
      (other) => this.#costOf(other) > MOST_COST && other !== value,
    );
    this.#kept.delete(value);
    if (more) this.#kept.add(source);
  }

  /** The one large value that nobody keeps of those that a value is made from. */
  #onlySource(value: Value): Value | undefined {
    const sources = new Set<Value>();
    const seen = new Set<Value>();
    const stack = [value];
    for (let at = stack.pop(); at !== undefined && sources.size < 2; at = stack.pop()) {
      if (seen.has(at) || this.#kept.has(at) || !this.#isLarge(at)) continue;
      seen.add(at);
      const node = this.#makers.get(at);
      if (node === undefined) continue;
      const { kind } = loweringOf(node);
      if (kind === 'pointwise' || kind === 'view') stack.push(...node.operands);
      else sources.add(at);
      if (seen.size > MOST_COST) return undefined;
    }
    const [only] = sources;
    return sources.size === 1 ? only : undefined;
  }

  /** Instructions for an element; infinite where it takes a large value that nobody keeps. */
  #costOf(value: Value): number {
    const node = this.#makers.get(value);
    // Inputs and states are there anyway, and what is small costs nothing to keep.
    if (node === undefined || this.#kept.has(value) || !this.#isLarge(value)) return 0;
    const { kind } = loweringOf(node);
    if ((kind !== 'pointwise' && kind !== 'view') || isOfBackward(node)) return Infinity;
    // A draw takes more instructions than a mask takes traffic.
    if (node.op === 'random') return Infinity;
    let cost = kind === 'view' || node.operands.length === 0 ? 0 : isCostly(node) ? COSTLY : 1;
    for (const operand of node.operands) {
      cost += this.#costOf(operand);
      if (cost > MOST_COST) break;
    }
    return cost;
  }

  #isLarge({ type }: Value): boolean {
    return evaluateDim(productOfDims(type.shape), this.#bounds) >= this.#least;
  }

  #emit(node: Node): void {
    if (!isOfBackward(node) || !readsPointByPoint(node)) {
      this.#nodes.push(node);
      return;
    }
    const operands = node.operands.map((operand) =>
      this.#again.has(operand) ? this.#remake(operand) : operand,
    );
    const same = operands.every((operand, at) => operand === node.operands[at]);
    this.#nodes.push(same ? node : { ...node, operands });
  }

  /** The value from what is kept, a node for each step of the way. */
  #remake(value: Value): Value {
    const known = this.#made.get(value);
    if (known !== undefined) return known;
    const node = this.#makers.get(value);
    if (node === undefined || this.#kept.has(value) || !this.#isLarge(value)) return value;
    const { kind } = loweringOf(node);
    if (kind !== 'pointwise' && kind !== 'view') return value;
    const copy: Value = { ...value };
    const operands = node.operands.map((operand) => this.#remake(operand));
    this.#nodes.push({ ...node, operands, results: [copy], origin: againAt(node.origin) });
    this.#made.set(value, copy);
    return copy;
  }
}

function againAt({ span, derivation }: Origin): Origin {
  return { span, derivation: [...derivation, RECOMPUTED] };
}

function isPointwise(node: Node): boolean {
  return loweringOf(node).kind === 'pointwise' && node.operands.length > 0;
}

/** Products, attention and the like want their operands in memory. */
function readsPointByPoint(node: Node): boolean {
  const { kind } = loweringOf(node);
  return kind === 'pointwise' || kind === 'reduce';
}
