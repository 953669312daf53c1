/** Numbers that go into a scan become constants of its region, where the other rules see them. */
import { GraphBuilder } from '../../ir/builder.ts';
import type { Node, NodeOf, Region, Value } from '../../ir/graph.ts';
import { inferTypes } from '../../ops/index.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';
import type { RewriteScope } from '../rewrite.ts';
import { uniformNumber } from './uniform.ts';

/**
 * Sequences and invariants that are one number, and carries that start as a number and stay it; the final value of a
 * carry that is handed on unchanged is its initial one. The parameters stay, unused; dead code drops them.
 */
export function simplifyScan(scope: RewriteScope, node: NodeOf<'scan'>): readonly Value[] | undefined {
  const { attributes, region } = node;
  if (region === undefined) return undefined;
  const inner = scanOperands(region.parameters.slice(1), attributes);
  const outer = scanOperands(node.operands, attributes);
  const next = scanResults(region.results, attributes).carries;
  const used = new Set([...region.nodes.flatMap((each) => each.operands), ...region.results]);
  const definitions = new Map(region.nodes.flatMap((each) => each.results.map((value) => [value, each])));
  const lookup = { definition: (value: Value): Node | undefined => definitions.get(value) };
  const numbers = new Map<Value, number>();
  const note = (parameter: Value | undefined, number: number | undefined): void => {
    if (parameter !== undefined && number !== undefined && used.has(parameter))
      numbers.set(parameter, number);
  };
  outer.sequences.forEach((value, at) => note(inner.sequences[at], uniformNumber(scope, value)));
  outer.invariants.forEach((value, at) => note(inner.invariants[at], uniformNumber(scope, value)));
  const kept = new Map<number, Value>();
  outer.carries.forEach((initial, at) => {
    const [parameter, result] = [inner.carries[at], next[at]];
    if (parameter === undefined || result === undefined) return;
    const number = uniformNumber(scope, initial);
    const stays = result === parameter || (number !== undefined && uniformNumber(lookup, result) === number);
    if (!stays) return;
    kept.set(at, initial);
    if (number !== undefined) note(parameter, number);
  });
  return withConstants(scope, node, region, numbers, kept);
}

function withConstants(
  scope: RewriteScope,
  node: NodeOf<'scan'>,
  region: Region,
  numbers: ReadonlyMap<Value, number>,
  kept: ReadonlyMap<number, Value>,
): readonly Value[] | undefined {
  const finalUsed = [...kept.keys()].some((at) => {
    const result = node.results[at];
    return result !== undefined && scope.uses(result) > 0;
  });
  if (numbers.size === 0 && !finalUsed) return undefined;
  const builder = new GraphBuilder(inferTypes, node.origin);
  const constants = new Map(
    [...numbers].map(([value, number]) => [
      value,
      builder.constant(number, value.type.dtype, value.type.shape),
    ]),
  );
  const resolve = (value: Value): Value => constants.get(value) ?? value;
  const nodes: Node[] = region.nodes.map((each) => ({ ...each, operands: each.operands.map(resolve) }));
  const rebuilt: Region = {
    parameters: region.parameters,
    nodes: [...builder.nodes, ...nodes],
    results: region.results.map(resolve),
  };
  const results = scope.builder.emitAll('scan', node.operands, node.attributes, {
    region: rebuilt,
    names: node.results.map((result) => result.name),
  });
  return results.map((result, at) => kept.get(at) ?? result);
}
