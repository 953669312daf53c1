/** Which layer's parameters a graph's floating-point operations work with. */
import type { Graph, Value } from '../../ir/graph.ts';
import { countNode, type Sizes } from '../../passes/count-flops.ts';

/**
 * Work by the owner of the parameters that it uses; `undefined` gathers the rest (activations between layers). A value
 * made of one owner's parameters alone belongs to that owner, so that views and sums of weights are followed.
 */
export function countByOwner(
  graph: Graph,
  ownerOf: (parameter: string) => string | undefined,
  sizes: Sizes,
): ReadonlyMap<string | undefined, number> {
  const owners = new Map<Value, string>();
  for (const state of graph.states) {
    const owner = ownerOf(state.name);
    if (owner !== undefined) owners.set(state.value, owner);
  }
  const work = new Map<string | undefined, number>();
  for (const node of graph.nodes) {
    const found = new Set(
      node.operands.map((operand) => owners.get(operand)).filter((owner) => owner !== undefined),
    );
    const [owner] = found;
    const only = found.size === 1 ? owner : undefined;
    work.set(only, (work.get(only) ?? 0) + countNode(node, sizes));
    if (only !== undefined && node.operands.every((operand) => owners.get(operand) === only)) {
      for (const result of node.results) owners.set(result, only);
    }
  }
  return work;
}
