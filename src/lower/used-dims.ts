/** The runtime dimensions that a graph's types and attributes name. */
import { symbolsOf, type Dim } from '../ir/dim.ts';
import type { Graph, Node } from '../ir/graph.ts';

export function usedDims(graph: Graph): ReadonlySet<string> {
  const used = new Set<string>();
  const add = (dims: readonly Dim[]): void => {
    for (const dim of dims) for (const symbol of symbolsOf(dim)) used.add(symbol);
  };
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      for (const attribute of Object.values(node.attributes)) add(dimsIn(attribute));
      for (const { type } of node.results) add(type.shape);
      if (node.region !== undefined) visit(node.region.nodes);
    }
  };
  for (const { value } of graph.inputs) add(value.type.shape);
  visit(graph.nodes);
  return used;
}

function dimsIn(attribute: unknown): readonly Dim[] {
  if (Array.isArray(attribute)) return attribute.flatMap(dimsIn);
  return isDim(attribute) ? [attribute] : [];
}

function isDim(value: unknown): value is Dim {
  return typeof value === 'object' && value !== null && 'terms' in value;
}
