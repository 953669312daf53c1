/** Rough instructions of pointwise nodes, for choosing between storing a value and computing it again. */
import type { Node, OpName, Value } from '../ir/graph.ts';
import { loweringOf } from '../ops/index.ts';

const TRANSCENDENTAL = 6;
const COSTLY: ReadonlySet<OpName> = new Set(['exp', 'log', 'sin', 'cos', 'tanh', 'sigmoid', 'erf', 'pow']);

/** A function that takes several instructions an element. */
export function isCostly(node: Node): boolean {
  return COSTLY.has(node.op);
}

/** Instructions an element of a pointwise node; views and sources take none. */
export function costOf(node: Node): number {
  if (isCostly(node)) return TRANSCENDENTAL;
  return loweringOf(node).kind === 'pointwise' && node.operands.length > 0 ? 1 : 0;
}

/**
 * Products that a reduction reads as they are, or squared: a row of them must be complete before anything else is
 * made of it, so they are in memory whatever fusion does.
 */
export function reducedProducts(nodes: readonly Node[]): ReadonlySet<Value> {
  const makers = new Map(nodes.flatMap((node) => node.results.map((value) => [value, node] as const)));
  const found = new Set<Value>();
  const visit = (value: Value | undefined, squared: boolean): void => {
    const maker = value && makers.get(value);
    if (value === undefined || maker === undefined) return;
    const { kind } = loweringOf(maker);
    const [first, second] = maker.operands;
    if (kind === 'contraction') found.add(value);
    else if (kind === 'view') visit(first, squared);
    else if (maker.op === 'mul' && first === second && !squared) visit(first, true);
  };
  for (const node of nodes) if (loweringOf(node).kind === 'reduce') visit(node.operands[0], false);
  return found;
}
