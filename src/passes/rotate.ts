/**
 * Turns a scan's step around where it ends in a product that only the next step reads: the factors become the carries,
 * and the product stands at the beginning of the step that reads it, whose pointwise work is its epilogue. The backward
 * step of a recurrence is then one kernel instead of two. Needs: nothing; `sink` first, or sums still read the carry.
 * Keeps: results, random streams. At the first position the product is of zeros: an infinite weight gives NaN there,
 * as it does in every other step.
 */
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph, Node, NodeOf, Region, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';
import { scanOperands, scanResults } from '../ops/scan.ts';
import { findDependent } from './hoist/find-dependent.ts';
import type { Pass } from './pass.ts';
import { countUses, operandOf, rewriteGraph, type RewriteScope } from './rewrite.ts';
import { uniformNumber } from './simplify/uniform.ts';

export const rotate: Pass = {
  name: 'rotate',
  run: (graph: Graph): Graph =>
    rewriteGraph(graph, (scope, node) => (node.op === 'scan' ? rotateScan(scope, node) : undefined)),
};

/** next carry = Σ products + Σ rest */
interface Tail {
  readonly carry: number;
  readonly products: readonly {
    readonly node: NodeOf<'dot'>;
    readonly factor: Value;
    readonly side: 0 | 1;
  }[];
  readonly rest: readonly Value[];
  /** The nodes that make it, which nothing else uses. */
  readonly nodes: ReadonlySet<Node>;
}

function rotateScan(scope: RewriteScope, node: NodeOf<'scan'>): readonly Value[] | undefined {
  const { region, attributes } = node;
  if (region === undefined) return undefined;
  const carries = scanResults(region.results, attributes).carries;
  const at = carries.findIndex((_, carry) => findTail(node, region, carry) !== undefined);
  const tail = at < 0 ? undefined : findTail(node, region, at);
  return tail && applyRotation(scope, node, region, tail);
}

function findTail(node: NodeOf<'scan'>, region: Region, carry: number): Tail | undefined {
  const { attributes } = node;
  const makers = new Map(region.nodes.flatMap((each) => each.results.map((value) => [value, each] as const)));
  const uses = countUses(region.nodes, region.results);
  const dependent = findDependent(region, attributes);
  const fixed = new Set(scanOperands(region.parameters.slice(1), attributes).invariants);
  const nodes = new Set<Node>();
  const products: Tail['products'][number][] = [];
  const rest: Value[] = [];
  const visit = (value: Value): void => {
    const maker = makers.get(value);
    const isOwn = maker !== undefined && uses.get(value) === 1;
    if (isOwn && maker.op === 'add') {
      nodes.add(maker);
      return maker.operands.forEach(visit);
    }
    const side = isOwn && maker.op === 'dot' ? factorSide(maker) : undefined;
    if (maker?.op !== 'dot' || side === undefined) return void rest.push(value);
    nodes.add(maker);
    products.push({ node: maker, side, factor: operandOf(maker, side) });
  };
  /** The operand that the step computes, where the other one is the same in every step. */
  const factorSide = (dot: NodeOf<'dot'>): 0 | 1 | undefined => {
    for (const side of [0, 1] as const) {
      const factor = operandOf(dot, side);
      if (fixed.has(operandOf(dot, side === 0 ? 1 : 0)) && makers.has(factor) && dependent.has(factor))
        return side;
    }
    return undefined;
  };
  const next = scanResults(region.results, attributes).carries[carry];
  if (next === undefined) return undefined;
  visit(next);
  return products.length === 0 ? undefined : { carry, products, rest, nodes };
}

function applyRotation(
  scope: RewriteScope,
  node: NodeOf<'scan'>,
  region: Region,
  tail: Tail,
): readonly Value[] {
  const { attributes } = node;
  const { builder } = scope;
  const operands = scanOperands(node.operands, attributes);
  const [position, ...all] = region.parameters;
  const parameters = scanOperands(all, attributes);
  const results = scanResults(region.results, attributes);
  const [old, initial] = [parameters.carries[tail.carry], operands.carries[tail.carry]];
  if (old === undefined || initial === undefined || position === undefined) throw new RangeError('no carry');

  const factors = tail.products.map(({ factor }): Value => ({ ...factor }));
  const keepsRest = tail.rest.length > 0 || uniformNumber(scope, initial) !== 0;
  const remainder: readonly Value[] = keepsRest ? [{ ...old }] : [];

  // The end of the step before, at the beginning of this one.
  const start = new GraphBuilder(inferTypes, node.origin);
  const carried = combine(start, tail, factors, remainder[0], (value) => value);
  const end = new GraphBuilder(inferTypes, node.origin);
  const [firstRest, ...moreRest] = tail.rest;
  const rest = keepsRest
    ? [
        moreRest.reduce(
          (sum, value) => end.emit('add', [sum, value], {}),
          firstRest ?? end.constant(0, old.type.dtype, old.type.shape),
        ),
      ]
    : [];
  const resolve = (value: Value): Value => (value === old ? carried : value);
  const body = [...region.nodes.filter((each) => !tail.nodes.has(each)), ...end.nodes];
  const replace = <T>(list: readonly T[], by: readonly T[]): readonly T[] => [
    ...list.slice(0, tail.carry),
    ...by,
    ...list.slice(tail.carry + 1),
  ];
  const rotated: Region = {
    parameters: [
      position,
      ...parameters.sequences,
      ...replace(parameters.carries, [...factors, ...remainder]),
      ...parameters.invariants,
    ],
    nodes: [...start.nodes, ...body.map((each): Node => ({ ...each, operands: each.operands.map(resolve) }))],
    results: [
      ...replace(results.carries, [...tail.products.map(({ factor }) => factor), ...rest]),
      ...results.stacks,
      ...results.sums,
    ].map(resolve),
  };
  const count = factors.length + remainder.length;
  const made = builder.emitAll(
    'scan',
    [
      ...operands.sequences,
      ...replace(operands.carries, [
        ...factors.map(({ type }) => builder.constant(0, type.dtype, type.shape)),
        ...(keepsRest ? [initial] : []),
      ]),
      ...operands.invariants,
    ],
    { ...attributes, carries: attributes.carries - 1 + count },
    { region: rotated },
  );
  const own = scanResults(made, { ...attributes, carries: attributes.carries - 1 + count });
  const finals = own.carries.slice(tail.carry, tail.carry + count);
  const outside = new Map(
    parameters.invariants.map((value, at) => [value, operands.invariants[at] ?? value]),
  );
  const final = combine(
    builder,
    tail,
    finals.slice(0, factors.length),
    keepsRest ? finals[factors.length] : undefined,
    (value) => outside.get(value) ?? value,
  );
  return [
    ...own.carries.slice(0, tail.carry),
    final,
    ...own.carries.slice(tail.carry + count),
    ...own.stacks,
    ...own.sums,
  ];
}

/** rest + Σ products of the factors */
function combine(
  builder: GraphBuilder,
  tail: Tail,
  factors: readonly Value[],
  rest: Value | undefined,
  resolve: (value: Value) => Value,
): Value {
  const products = tail.products.map(({ node, side }, at) => {
    const operands = node.operands.map((operand, other) =>
      other === side ? (factors[at] ?? operand) : resolve(operand),
    );
    return builder.at(node.origin, () => builder.emit('dot', operands, node.attributes));
  });
  const terms = rest === undefined ? products : [rest, ...products];
  return terms.reduce((sum, term) => builder.emit('add', [sum, term], {}));
}
