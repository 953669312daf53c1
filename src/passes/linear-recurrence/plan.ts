/** Whether all carries of a scan are linear recurrences, one after the other, and all else can be had outside. */
import type { Node, NodeOf, Region, Value } from '../../ir/graph.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';
import { liveNodes } from '../dead-code.ts';
import { canBatch } from '../hoist/batch-node.ts';
import { affineOf, type Affine } from './affine.ts';

export interface LinearCarry {
  /** Number among the carries. */
  readonly at: number;
  readonly form: Affine;
}

export interface LinearScan {
  /** In an order in which each depends on the ones before it only. */
  readonly carries: readonly LinearCarry[];
  /** The nodes that somebody needs, in order. */
  readonly nodes: readonly Node[];
}

/** Undefined where the scan has to be stepped through. */
export function planLinearScan(node: NodeOf<'scan'>, region: Region): LinearScan | undefined {
  const { attributes } = node;
  const parameters = scanOperands(region.parameters.slice(1), attributes);
  const next = scanResults(region.results, attributes).carries;
  const nodes = liveNodes(region.nodes, new Set(region.results));
  const makers = new Map(nodes.flatMap((each) => each.results.map((value) => [value, each] as const)));
  const found: LinearCarry[] = [];
  let open = parameters.carries.map((_, at) => at);
  while (open.length > 0) {
    const dependent = dependentOn(
      nodes,
      open.flatMap((at) => parameters.carries[at] ?? []),
    );
    const ctx = { makers, depends: (value: Value): boolean => dependent.has(value) };
    const linear = open.flatMap((at): readonly LinearCarry[] => {
      const [carry, result] = [parameters.carries[at], next[at]];
      const form = carry && result && affineOf(ctx, result, carry);
      if (form === undefined || carry === undefined) return [];
      // What is only handed on one step later may be of any dtype.
      return carry.type.dtype === 'f32' || form.factor === undefined ? [{ at, form }] : [];
    });
    if (linear.length === 0) return undefined;
    found.push(...linear);
    open = open.filter((at) => !linear.some((each) => each.at === at));
  }
  return allBatch(nodes, new Set(parameters.invariants)) ? { carries: found, nodes } : undefined;
}

function dependentOn(nodes: readonly Node[], carries: readonly Value[]): ReadonlySet<Value> {
  const dependent = new Set(carries);
  for (const node of nodes)
    if (node.operands.some((operand) => dependent.has(operand)))
      for (const result of node.results) dependent.add(result);
  return dependent;
}

/** Whether every node can run outside, for all positions at once. */
function allBatch(nodes: readonly Node[], invariants: ReadonlySet<Value>): boolean {
  const fixed = new Set(invariants);
  return nodes.every((node) => {
    const batched = node.operands.map((operand) => !fixed.has(operand));
    if (!batched.includes(true)) for (const result of node.results) fixed.add(result);
    return canBatch(node, batched);
  });
}
