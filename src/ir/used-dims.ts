/** The runtime dimensions that a graph's types and attributes name. */
import { symbolsOf, type Dim } from './dim.ts';
import type { Graph, Node } from './graph.ts';

export function usedDims(graph: Graph): ReadonlySet<string> {
  const used = new Set(graph.inputs.flatMap(({ value }) => value.type.shape.flatMap(symbolsOf)));
  for (const node of graph.nodes) for (const symbol of dimsOfNode(node)) used.add(symbol);
  return used;
}

/** Those of its results, its attributes and its region. */
export function dimsOfNode(node: Node): readonly string[] {
  return [
    ...Object.values(node.attributes).flatMap(dimsIn).flatMap(symbolsOf),
    ...node.results.flatMap(({ type }) => type.shape.flatMap(symbolsOf)),
    ...(node.region?.nodes ?? []).flatMap(dimsOfNode),
  ];
}

function dimsIn(attribute: unknown): readonly Dim[] {
  if (Array.isArray(attribute)) return attribute.flatMap(dimsIn);
  return isDim(attribute) ? [attribute] : [];
}

function isDim(value: unknown): value is Dim {
  return typeof value === 'object' && value !== null && 'terms' in value;
}
