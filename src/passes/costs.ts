/** Rough instructions of pointwise nodes, for choosing between storing a value and computing it again. */
import type { Node, OpName } from '../ir/graph.ts';
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
