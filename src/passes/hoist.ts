/**
 * Moves out of scans what depends on no carry: products and reductions with what they need and the pointwise work on
 * their results, for all positions at once; and work on invariants, once. The input projection of a recurrence becomes
 * one product before the loop. Cheap work on sequences stays: in the loop it costs nothing, outside it a buffer.
 * Needs: nothing. Keeps: results up to the order of additions, random streams.
 */
import type { GraphBuilder } from '../ir/builder.ts';
import type { Dim } from '../ir/dim.ts';
import { evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph, Node, NodeOf, Origin, Region, Value } from '../ir/graph.ts';
import { scanOperands, scanResults } from '../ops/scan.ts';
import { tensorType } from '../ir/types.ts';
import { batchNode, type Outside } from './hoist/batch-node.ts';
import { chooseHoisted } from './hoist/choose-hoisted.ts';
import { findDependent } from './hoist/find-dependent.ts';
import { regroupSums } from './hoist/regroup-sums.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';

export const hoist: Pass = {
  name: 'hoist',
  run(graph: Graph): Graph {
    const bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
    const volume = (value: Value): number => evaluateDim(productOfDims(value.type.shape), bounds);
    return rewriteGraph(graph, (scope, node) =>
      node.op === 'scan' ? hoistFrom(scope, node, volume) : undefined,
    );
  },
};

function hoistFrom(
  scope: RewriteScope,
  node: NodeOf<'scan'>,
  volume: (value: Value) => number,
): readonly Value[] | undefined {
  if (node.region === undefined) return undefined;
  const { attributes } = node;
  const { trip } = attributes;
  const region = regroupSums(node.region, findDependent(node.region, attributes));
  const dependent = findDependent(region, attributes);
  const moved = chooseHoisted(region, attributes, dependent, volume);
  const [position, ...all] = region.parameters;
  const parameters = scanOperands(all, attributes);
  const operands = scanOperands(node.operands, attributes);
  const results = scanResults(region.results, attributes);
  const own = scanResults(node.results, attributes);

  const outside = new Map<Value, Outside>();
  parameters.sequences.forEach((parameter, at) => note(parameter, operands.sequences[at], true));
  parameters.invariants.forEach((parameter, at) => note(parameter, operands.invariants[at], false));
  function note(parameter: Value, value: Value | undefined, batched: boolean): void {
    if (value !== undefined) outside.set(parameter, { value, batched });
  }
  const made = new Set([...moved].flatMap((each) => each.results));
  const stacksOutside = own.stacks.some(
    (value, at) => scope.uses(value) > 0 && leavesWhole(results.stacks[at]),
  );
  const sumsOutside = own.sums.some((value, at) => scope.uses(value) > 0 && leavesWhole(results.sums[at]));
  function leavesWhole(value: Value | undefined): boolean {
    return value !== undefined && (outside.has(value) || made.has(value));
  }
  if (moved.size === 0 && !stacksOutside && !sumsOutside) return undefined;

  const builder = scope.builder;
  if (position !== undefined && usesPosition(position, moved, results))
    outside.set(position, { value: builder.emit('iota', [], { length: trip }), batched: true });
  for (const each of region.nodes) {
    if (!moved.has(each)) continue;
    builder.at(hoistedOrigin(each.origin), () => {
      const inputs = each.operands.map((operand) => outside.get(operand));
      const values = batchNode(
        builder,
        each,
        inputs.filter((input) => input !== undefined),
        trip,
      );
      each.results.forEach((value, at) => {
        const found = values[at];
        if (found !== undefined) outside.set(value, found);
      });
    });
  }
  const rebuilt = withFrontier({ ...node, region }, region, moved, outside);
  const scanned = builder.emitAll('scan', rebuilt.operands, rebuilt.attributes, {
    region: rebuilt.region,
    names: node.results.map((result) => result.name),
  });
  const parts = scanResults(scanned, attributes);
  return [
    ...parts.carries,
    ...parts.stacks.map((value, at) => stackOutside(builder, results.stacks[at], outside, trip) ?? value),
    ...parts.sums.map((value, at) => sumOutside(builder, results.sums[at], outside, trip) ?? value),
  ];
}

function usesPosition(
  position: Value,
  moved: ReadonlySet<Node>,
  results: { readonly stacks: readonly Value[]; readonly sums: readonly Value[] },
): boolean {
  return (
    [...moved].some((node) => node.operands.includes(position)) ||
    [...results.stacks, ...results.sums].includes(position)
  );
}

function stackOutside(
  builder: GraphBuilder,
  inner: Value | undefined,
  outside: ReadonlyMap<Value, Outside>,
  trip: Dim,
): Value | undefined {
  const found = inner && outside.get(inner);
  if (found === undefined || found.batched) return found?.value;
  const { shape } = found.value.type;
  return builder.broadcast(
    found.value,
    [trip, ...shape],
    shape.map((_, axis) => axis + 1),
  );
}

function sumOutside(
  builder: GraphBuilder,
  inner: Value | undefined,
  outside: ReadonlyMap<Value, Outside>,
  trip: Dim,
): Value | undefined {
  const stacked = stackOutside(builder, inner, outside, trip);
  return stacked && builder.sum(stacked, [0]);
}

/** The scan without the moved nodes; what the others use of them arrives as sequences and invariants. */
function withFrontier(
  node: NodeOf<'scan'>,
  region: Region,
  moved: ReadonlySet<Node>,
  outside: ReadonlyMap<Value, Outside>,
) {
  const kept = region.nodes.filter((each) => !moved.has(each));
  const made = new Set([...moved].flatMap((each) => each.results));
  const crossing = new Set(
    [...kept.flatMap((each) => each.operands), ...region.results].filter((value) => made.has(value)),
  );
  const arrivals = [...crossing].flatMap((value) => {
    const found = outside.get(value);
    const parameter: Value = { ...value };
    return found === undefined ? [] : [{ value, parameter, found }];
  });
  const replaced = new Map(arrivals.map(({ value, parameter }) => [value, parameter]));
  const resolve = (value: Value): Value => replaced.get(value) ?? value;
  const sequences = arrivals.filter(({ found }) => found.batched);
  const invariants = arrivals.filter(({ found }) => !found.batched);
  const { attributes } = node;
  const operands = scanOperands(node.operands, attributes);
  const [position, ...all] = region.parameters;
  const parameters = scanOperands(all, attributes);
  const own = position ?? { type: tensorType('i32', []) };
  return {
    operands: [
      ...operands.sequences,
      ...sequences.map(({ found }) => found.value),
      ...operands.carries,
      ...operands.invariants,
      ...invariants.map(({ found }) => found.value),
    ],
    attributes: { ...attributes, sequences: attributes.sequences + sequences.length },
    region: {
      parameters: [
        own,
        ...parameters.sequences,
        ...sequences.map(({ parameter }) => parameter),
        ...parameters.carries,
        ...parameters.invariants,
        ...invariants.map(({ parameter }) => parameter),
      ],
      nodes: kept.map((each): Node => ({ ...each, operands: each.operands.map(resolve) })),
      results: region.results.map(resolve),
    },
  };
}

export function hoistedOrigin(origin: Origin): Origin {
  return origin.derivation.includes('hoisted')
    ? origin
    : { span: origin.span, derivation: [...origin.derivation, 'hoisted'] };
}
