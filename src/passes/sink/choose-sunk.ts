/** Which nodes of a scan's region can run after the loop: products that no step needs, and what is made of them. */
import type { Region, ScanAttributes, Value } from '../../ir/graph.ts';
import { loweringOf } from '../../ops/index.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';
import { canBatch } from '../hoist/batch-node.ts';

/** Results of such nodes. Closed upwards: what uses one of them is one of them, or is a sum. */
export function chooseSunk(region: Region, attributes: ScanAttributes): ReadonlySet<Value> {
  const neededByNext = new Set(scanResults(region.results, attributes).carries);
  for (const node of region.nodes.toReversed())
    if (node.results.some((value) => neededByNext.has(value)))
      for (const operand of node.operands) neededByNext.add(operand);
  const fixed = new Set(scanOperands(region.parameters.slice(1), attributes).invariants);
  const sunk = new Set<Value>();
  for (const node of region.nodes) {
    const isNeeded = node.results.some((value) => neededByNext.has(value));
    const batches = canBatch(
      node,
      node.operands.map((operand) => !fixed.has(operand)),
    );
    if (isNeeded || !batches) continue;
    const isProduct = loweringOf(node).kind === 'contraction';
    if (isProduct || node.operands.some((operand) => sunk.has(operand)))
      for (const value of node.results) sunk.add(value);
  }
  return sunk;
}
