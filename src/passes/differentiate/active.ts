/** Which values a derivative passes through: f32, and computed from what is differentiated for. */
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { recordOf } from '../../ops/index.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';

/** The seeds and every f32 value that depends on one of them through ops with gradients. */
export function findActive(nodes: readonly Node[], seeds: Iterable<Value>): ReadonlySet<Value> {
  const active = new Set(seeds);
  for (const node of nodes) {
    if (!node.operands.some((operand) => active.has(operand))) continue;
    const results = node.op === 'scan' ? activeResults(node, active) : plainResults(node);
    for (const result of results) if (result.type.dtype === 'f32') active.add(result);
  }
  return active;
}

function plainResults(node: Node): readonly Value[] {
  return recordOf(node.op).vjp === undefined ? [] : node.results;
}

function activeResults(node: NodeOf<'scan'>, active: ReadonlySet<Value>): readonly Value[] {
  const inside = activeInScan(node, active);
  return node.results.filter((_, at) => {
    const result = node.region?.results[at];
    const initial = at < node.attributes.carries ? node.operands[node.attributes.sequences + at] : undefined;
    return (result !== undefined && inside.has(result)) || (initial !== undefined && active.has(initial));
  });
}

/** Active values of the region: a carry is active as soon as its initial value or one of its next ones is. */
export function activeInScan(node: NodeOf<'scan'>, active: ReadonlySet<Value>): ReadonlySet<Value> {
  const { region, attributes } = node;
  if (region === undefined) return new Set();
  const parameters = region.parameters.slice(1);
  const seeds = new Set(
    parameters.filter((parameter, at) => {
      const operand = node.operands[at];
      return operand !== undefined && active.has(operand) && parameter.type.dtype === 'f32';
    }),
  );
  const carries = scanOperands(parameters, attributes).carries;
  const next = scanResults(region.results, attributes).carries;
  for (;;) {
    const inside = findActive(region.nodes, seeds);
    const found = carries.filter((carry, at) => {
      const result = next[at];
      return result !== undefined && inside.has(result) && carry.type.dtype === 'f32' && !seeds.has(carry);
    });
    if (found.length === 0) return inside;
    for (const carry of found) seeds.add(carry);
  }
}
