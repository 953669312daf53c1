/** Finds the states of which a program stores only the part that is new, in the state's own buffer. */
import type { Graph, Value } from '../../ir/graph.ts';

/**
 * Results of `update-slice` that become a state whose old value they start from. Whoever reads the old state must be
 * done by then, so that nothing that reads it may need the new one.
 */
export function findInPlace({ nodes, states, updates }: Graph): ReadonlySet<Value> {
  const stateOf = new Map(updates.map(({ state, value }) => [value, state]));
  const found = new Set<Value>();
  for (const node of nodes) {
    const [result] = node.results;
    if (node.op !== 'update-slice' || result === undefined) continue;
    const state = states.find(({ name }) => name === stateOf.get(result));
    if (state === undefined || state.value !== node.operands[0]) continue;
    const after = new Set<Value>([result]);
    const isReadAfter = nodes.some(({ operands, results }) => {
      if (!operands.some((operand) => after.has(operand))) return false;
      for (const each of results) after.add(each);
      return operands.includes(state.value);
    });
    if (!isReadAfter) found.add(result);
  }
  return found;
}
