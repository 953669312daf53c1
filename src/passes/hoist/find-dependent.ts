/** What in a scan's region depends on a carry, and so on the steps before. */
import type { Region, ScanAttributes, Value } from '../../ir/graph.ts';
import { scanOperands } from '../../ops/scan.ts';

export function findDependent(region: Region, attributes: ScanAttributes): ReadonlySet<Value> {
  const dependent = new Set(scanOperands(region.parameters.slice(1), attributes).carries);
  for (const node of region.nodes)
    if (node.operands.some((operand) => dependent.has(operand)))
      for (const result of node.results) dependent.add(result);
  return dependent;
}
