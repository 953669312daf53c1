/** Which parameters a graph's results depend on. */
import type { Graph, GraphState, Value } from '../ir/graph.ts';

/** States that some output, or the loss, is computed from. */
export function statesInUse(graph: Graph): ReadonlySet<GraphState> {
  const needed = new Set<Value>(graph.outputs.map(({ value }) => value));
  if (graph.training !== undefined) needed.add(graph.training.loss);
  for (const node of graph.nodes.toReversed())
    if (node.results.some((result) => needed.has(result)))
      for (const operand of node.operands) needed.add(operand);
  return new Set(graph.states.filter(({ value }) => needed.has(value)));
}
