/** Which nodes of a scan's region are worth running before the loop. */
import type { Node, Region, ScanAttributes, Value } from '../../ir/graph.ts';
import { loweringOf } from '../../ops/index.ts';
import { scanOperands } from '../../ops/scan.ts';
import { isCostly } from '../costs.ts';
import { canBatch } from './batch-node.ts';

const HEAVY: ReadonlySet<string> = new Set([
  'contraction',
  'reduce',
  'scan',
  'scatter',
  'attention',
  'recurrence',
]);

/**
 * Products, reductions and whole scans; what they need; and the pointwise work on their results that makes
 * nothing larger than what they start from; and costly functions of invariants. Closed under operands.
 */
export function chooseHoisted(
  region: Region,
  attributes: ScanAttributes,
  dependent: ReadonlySet<Value>,
  volume: (value: Value) => number,
): ReadonlySet<Node> {
  const [position, ...parameters] = region.parameters;
  const { sequences, invariants } = scanOperands(parameters, attributes);
  /** Whether a value that can be had outside differs from position to position. */
  const batched = new Map<Value, boolean>();
  if (position !== undefined) batched.set(position, true);
  for (const value of sequences) batched.set(value, true);
  for (const value of invariants) batched.set(value, false);
  const makers = new Map<Value, Node>();
  const chosen = new Set<Node>();
  /** For a value of a chosen node: the elements of what was really computed below its views. */
  const weights = new Map<Value, number>();

  const choose = (node: Node): void => {
    if (chosen.has(node)) return;
    chosen.add(node);
    for (const operand of node.operands) {
      const maker = makers.get(operand);
      if (maker !== undefined) choose(maker);
    }
    const [operand] = node.operands;
    const isView = loweringOf(node).kind === 'view';
    for (const result of node.results)
      weights.set(result, isView && operand !== undefined ? weightOf(operand) : volume(result));
  };
  const weightOf = (value: Value): number => weights.get(value) ?? 0;

  for (const node of region.nodes) {
    if (node.results.some((result) => dependent.has(result))) continue;
    const flags = node.operands.map((operand) => batched.get(operand));
    if (flags.includes(undefined)) continue;
    const known = flags.map((flag) => flag === true);
    if (!canBatch(node, known)) continue;
    for (const result of node.results) {
      batched.set(result, known.includes(true));
      makers.set(result, node);
    }
    const { kind } = loweringOf(node);
    // A view by itself stays: it would only split one sequence into several. Work on it takes it along.
    const [operand] = node.operands;
    if (kind === 'view' && operand !== undefined)
      for (const result of node.results) weights.set(result, weightOf(operand));
    if (HEAVY.has(kind) || follows(node) || (!known.includes(true) && isCostly(node))) choose(node);
  }
  return chosen;

  /** Work on what is computed outside anyway. */
  function follows(node: Node): boolean {
    const started = node.operands.reduce((sum, operand) => sum + weightOf(operand), 0);
    if (started === 0) return false;
    return loweringOf(node).kind === 'pointwise' && node.results.every((result) => volume(result) <= started);
  }
}
