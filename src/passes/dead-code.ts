/**
 * Removes nodes that no output, update, gradient or loss depends on, and of scans the sequences, carries, stacks, sums
 * and invariants that nothing uses or that occur twice. Needs: nothing. Keeps: inputs and states, the order of what
 * stays, random streams.
 */
import type { Graph, Node, NodeOf, Region, Value } from '../ir/graph.ts';
import { scanOperands, scanResults } from '../ops/scan.ts';
import type { Pass } from './pass.ts';

export const deadCode: Pass = {
  name: 'dead-code',
  run(graph: Graph): Graph {
    const roots = [
      ...graph.outputs.map((output) => output.value),
      ...graph.updates.map((update) => update.value),
      ...(graph.gradients ?? []).map((gradient) => gradient.value),
      ...(graph.training === undefined ? [] : [graph.training.loss]),
    ];
    const nodes = liveNodes(graph.nodes, new Set(roots));
    return nodes === graph.nodes ? graph : { ...graph, nodes };
  },
};

/** Adds to `live` what the nodes that stay use. The same list where everything stays. */
export function liveNodes(nodes: readonly Node[], live: Set<Value>): readonly Node[] {
  const kept: Node[] = [];
  let changed = false;
  for (const node of nodes.toReversed()) {
    if (!node.results.some((result) => live.has(result))) {
      changed = true;
      continue;
    }
    const pruned = node.op === 'scan' ? pruneScan(node, live) : node;
    changed ||= pruned !== node;
    for (const operand of pruned.operands) live.add(operand);
    kept.push(pruned);
  }
  return changed ? kept.toReversed() : nodes;
}

function pruneScan(node: NodeOf<'scan'>, live: ReadonlySet<Value>): Node {
  const { attributes, region } = node;
  if (region === undefined) return node;
  const parameters = scanOperands(region.parameters.slice(1), attributes);
  const results = scanResults(region.results, attributes);
  const own = scanResults(node.results, attributes);
  const isLive = (value: Value | undefined): boolean => value !== undefined && live.has(value);

  // A carry that one step needs, the step before must compute.
  const carries = new Set(own.carries.flatMap((value, at) => (isLive(value) ? [at] : [])));
  let inner = new Set<Value>();
  let nodes: readonly Node[] = [];
  for (let before = -1; before !== carries.size;) {
    before = carries.size;
    inner = new Set([
      ...results.carries.filter((_, at) => carries.has(at)),
      ...results.stacks.filter((_, at) => isLive(own.stacks[at])),
      ...results.sums.filter((_, at) => isLive(own.sums[at])),
    ]);
    nodes = liveNodes(region.nodes, inner);
    parameters.carries.forEach((parameter, at) => void (inner.has(parameter) && carries.add(at)));
  }

  const operands = scanOperands(node.operands, attributes);
  const merged = new Map<Value, Value>();
  /** Which operands stay: used inside, and the first of equal ones. */
  const keep = (values: readonly Value[], inside: readonly Value[]): readonly number[] => {
    const first = new Map<Value, Value>();
    return values.flatMap((value, at) => {
      const parameter = inside[at];
      if (parameter === undefined || !inner.has(parameter)) return [];
      const known = first.get(value);
      if (known === undefined) {
        first.set(value, parameter);
        return [at];
      }
      merged.set(parameter, known);
      return [];
    });
  };
  const sequences = keep(operands.sequences, parameters.sequences);
  const invariants = keep(operands.invariants, parameters.invariants);
  const keptCarries = [...carries].toSorted((lhs, rhs) => lhs - rhs);
  const stacks = own.stacks.flatMap((value, at) => (isLive(value) ? [at] : []));
  const sums = own.sums.flatMap((value, at) => (isLive(value) ? [at] : []));

  const all =
    nodes === region.nodes &&
    sequences.length + keptCarries.length + invariants.length === node.operands.length &&
    keptCarries.length + stacks.length + sums.length === node.results.length;
  if (all) return node;
  const pick = <T>(list: readonly T[], at: readonly number[]): readonly T[] =>
    at.flatMap((index) => list.slice(index, index + 1));
  const parts = <T>(from: { sequences: readonly T[]; carries: readonly T[]; invariants: readonly T[] }) => [
    ...pick(from.sequences, sequences),
    ...pick(from.carries, keptCarries),
    ...pick(from.invariants, invariants),
  ];
  const outcomes = (from: typeof results): readonly Value[] => [
    ...pick(from.carries, keptCarries),
    ...pick(from.stacks, stacks),
    ...pick(from.sums, sums),
  ];
  const rebuilt: Region = substitute(
    {
      parameters: [...region.parameters.slice(0, 1), ...parts(parameters)],
      nodes,
      results: outcomes(results),
    },
    merged,
  );
  return {
    ...node,
    operands: parts(operands),
    attributes: {
      ...attributes,
      sequences: sequences.length,
      carries: keptCarries.length,
      stacks: stacks.length,
    },
    results: outcomes(own),
    region: rebuilt,
  };
}

function substitute(region: Region, values: ReadonlyMap<Value, Value>): Region {
  if (values.size === 0) return region;
  const resolve = (value: Value): Value => values.get(value) ?? value;
  return {
    parameters: region.parameters,
    nodes: region.nodes.map((node): Node => ({ ...node, operands: node.operands.map(resolve) })),
    results: region.results.map(resolve),
  };
}
