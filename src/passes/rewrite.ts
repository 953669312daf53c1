/** Rebuilds graphs node by node, regions included: what simplification and the other local passes share. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph, Node, Region, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';

/** A list of nodes in the making, the graph's or a region's. */
export interface RewriteScope {
  readonly graph: Graph;
  /** Emits into the scope, with the origin of the node at hand. */
  readonly builder: GraphBuilder;
  /** The node of this scope that makes the value; undefined for parameters, inputs and states. */
  readonly definition: (value: Value) => Node | undefined;
  /** How many operands and results of the scope used the value before it was rewritten. */
  readonly uses: (value: Value) => number;
}

/** What to use for the node's results instead; undefined keeps the node. Its operands and region are rewritten already. */
export type RewriteNode = (scope: RewriteScope, node: Node) => readonly Value[] | undefined;

/** The same graph where `rewrite` replaced nothing. */
export function rewriteGraph(graph: Graph, rewrite: RewriteNode): Graph {
  const roots = [
    ...graph.outputs.map((output) => output.value),
    ...graph.updates.map((update) => update.value),
    ...(graph.gradients ?? []).map((gradient) => gradient.value),
    ...(graph.training === undefined ? [] : [graph.training.loss]),
  ];
  const { nodes, resolve } = rewriteScope(graph, graph.nodes, roots, rewrite);
  return nodes === graph.nodes ? graph : replaceValues({ ...graph, nodes }, resolve);
}

/** The graph with its outputs, updates, gradients and loss under other values. */
export function replaceValues(graph: Graph, resolve: (value: Value) => Value): Graph {
  const named = <T extends { readonly value: Value }>(entry: T): T => ({
    ...entry,
    value: resolve(entry.value),
  });
  return {
    ...graph,
    outputs: graph.outputs.map(named),
    updates: graph.updates.map(named),
    ...(graph.gradients === undefined ? {} : { gradients: graph.gradients.map(named) }),
    ...(graph.training === undefined
      ? {}
      : { training: { ...graph.training, loss: resolve(graph.training.loss) } }),
  };
}

function rewriteScope(
  graph: Graph,
  nodes: readonly Node[],
  roots: readonly Value[],
  rewrite: RewriteNode,
): { readonly nodes: readonly Node[]; readonly resolve: (value: Value) => Value } {
  const [first] = nodes;
  const replaced = new Map<Value, Value>();
  const resolve = (value: Value): Value => replaced.get(value) ?? value;
  if (first === undefined) return { nodes, resolve };
  const builder = new GraphBuilder(inferTypes, first.origin);
  const definitions = new Map<Value, Node>();
  let counts: ReadonlyMap<Value, number> | undefined;
  let indexed = 0;
  const definition = (value: Value): Node | undefined => {
    for (; indexed < builder.nodes.length; indexed++) {
      const node = builder.nodes[indexed];
      for (const result of node?.results ?? []) if (node !== undefined) definitions.set(result, node);
    }
    return definitions.get(value);
  };
  const scope: RewriteScope = {
    graph,
    builder,
    definition,
    uses: (value) => (counts ??= countUses(nodes, roots)).get(value) ?? 0,
  };
  let changed = false;
  for (const node of nodes) {
    const current = rewriteInside(graph, node, resolve, rewrite);
    const start = builder.nodes.length;
    const results = builder.at(node.origin, () => rewrite(scope, current));
    if (results === undefined) {
      if (builder.nodes.length > start)
        throw new InternalError(`a rule for ${node.op} emits nodes, and then keeps the old one`);
      builder.nodes.push(current);
      changed ||= current !== node;
      continue;
    }
    changed = true;
    const named = keepNames(builder, start, node, results);
    node.results.forEach((result, at) => {
      const made = named[at];
      if (made === undefined) throw new InternalError(`a rule for ${node.op} replaces too few results`);
      replaced.set(result, made);
      const maker = builder.nodes.at(-1);
      if (maker?.results.includes(made) === true) definitions.set(made, maker);
    });
  }
  return { nodes: changed ? builder.nodes : nodes, resolve };
}

/** A new value takes over the hint of the one that it replaces. */
function keepNames(
  builder: GraphBuilder,
  start: number,
  node: Node,
  results: readonly Value[],
): readonly Value[] {
  return results.map((made, at) => {
    const name = node.results[at]?.name;
    const last = builder.nodes.length - 1;
    const maker = builder.nodes[last];
    if (name === undefined || made.name !== undefined || last < start) return made;
    if (maker?.results.includes(made) !== true) return made;
    const named: Value = { ...made, name };
    const rename = (result: Value): Value => (result === made ? named : result);
    builder.nodes[last] = { ...maker, results: maker.results.map(rename) };
    return named;
  });
}

function rewriteInside(
  graph: Graph,
  node: Node,
  resolve: (value: Value) => Value,
  rewrite: RewriteNode,
): Node {
  const operands = node.operands.map(resolve);
  const same = operands.every((operand, at) => operand === node.operands[at]);
  const region = node.region && rewriteRegion(graph, node.region, rewrite);
  if (same && region === node.region) return node;
  return region === undefined ? { ...node, operands } : { ...node, operands, region };
}

function rewriteRegion(graph: Graph, region: Region, rewrite: RewriteNode): Region {
  const { nodes, resolve } = rewriteScope(graph, region.nodes, region.results, rewrite);
  return nodes === region.nodes ? region : { ...region, nodes, results: region.results.map(resolve) };
}

/** Uses of each value as an operand or a root; what regions use are parameters of their own. */
export function countUses(nodes: readonly Node[], roots: readonly Value[]): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  const count = (value: Value): void => void counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const node of nodes) node.operands.forEach(count);
  roots.forEach(count);
  return counts;
}

/** The only result of a node that has one. */
export function resultOf(node: Node): Value {
  const [result] = node.results;
  if (result === undefined) throw new InternalError(`${node.op} has no result`);
  return result;
}

export function operandOf(node: Node, at: number): Value {
  const operand = node.operands[at];
  if (operand === undefined) throw new InternalError(`${node.op} has no operand ${at}`);
  return operand;
}
