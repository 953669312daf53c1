/**
 * Which values of a scan's region its backward scan reads from stacks, and which it computes again.
 *
 * Sequences, invariants and the position are there anyway. A carry that is needed is stacked: fusion keeps its history
 * in place. Products and reductions are stacked. Of pointwise work and views, what follows in a few instructions from
 * what is there already is computed again; else the value is stacked, or what it is made of if that is smaller. For an
 * LSTM this keeps the four gates after their activations and the histories of h and c, and computes tanh c again.
 */
import { costOf, reducedProducts } from '../costs.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import { loweringOf } from '../../ops/index.ts';

export interface SavedValues {
  /** Values to read from stacks: carries, or results of nodes. */
  readonly saved: ReadonlySet<Value>;
  /** Nodes to run again, in order. */
  readonly recomputed: readonly Node[];
}

/** Instructions that recomputing an element may take. */
const CHEAP = 16;
const LITTLE = 4;
/** Of what would be saved otherwise: for the means and scales of its rows. */
const SURPLUS = 1 / 8;

export function chooseSaved(
  region: Region,
  needed: ReadonlySet<Value>,
  sequences: ReadonlySet<Value>,
  carries: ReadonlySet<Value>,
  stacked: ReadonlySet<Value>,
  volume: (value: Value) => number,
): SavedValues {
  const makers = new Map(region.nodes.flatMap((node) => node.results.map((value) => [value, node] as const)));
  const saved = new Set<Value>();
  const inMemory = reducedProducts(region.nodes);
  const mustBeSaved = (value: Value): boolean => {
    const maker = makers.get(value);
    return maker === undefined ? carries.has(value) : isHeavy(maker);
  };
  for (const value of needed) if (mustBeSaved(value)) saved.add(value);

  /** What is missing to compute the value again, what that costs, and whether it reads another sequence for that. */
  const explore = (root: Value) => {
    const missing = new Set<Value>();
    let readsMore = false;
    const seen = new Set<Value>();
    let cost = 0;
    const visit = (value: Value): void => {
      if (seen.has(value) || saved.has(value)) return;
      seen.add(value);
      if (mustBeSaved(value)) return void missing.add(value);
      if (sequences.has(value) && !needed.has(value)) readsMore = true;
      const maker = makers.get(value);
      if (maker === undefined) return;
      cost += costOf(maker);
      maker.operands.forEach(visit);
    };
    visit(root);
    // Where the backward step reads more for it, only what is really cheap is worth that: a dispatch binds few buffers.
    return { missing, isCheap: cost <= (readsMore ? LITTLE : CHEAP) };
  };
  const order = region.nodes.flatMap((node) => node.results.filter((value) => needed.has(value)));
  for (const value of order) {
    if (saved.has(value)) continue;
    const { missing, isCheap } = explore(value);
    if (missing.size === 0 && isCheap) continue;
    // Made of a product that is in memory anyway, the value itself need never be.
    const stored = [...missing].some((each) => inMemory.has(each)) ? 1 + SURPLUS : 1;
    const smaller = !stacked.has(value) && isCheap && total(missing, volume) < stored * volume(value);
    if (smaller) for (const each of missing) saved.add(each);
    else saved.add(value);
  }

  const again = new Set<Node>();
  const mark = (value: Value): void => {
    const maker = saved.has(value) ? undefined : makers.get(value);
    if (maker === undefined || again.has(maker)) return;
    again.add(maker);
    maker.operands.forEach(mark);
  };
  needed.forEach(mark);
  return { saved, recomputed: region.nodes.filter((node) => again.has(node)) };
}

function isHeavy(node: Node): boolean {
  const { kind } = loweringOf(node);
  return kind !== 'pointwise' && kind !== 'view' && kind !== 'gather';
}

function total(values: ReadonlySet<Value>, volume: (value: Value) => number): number {
  return [...values].reduce((sum, value) => sum + volume(value), 0);
}
