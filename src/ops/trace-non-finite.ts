/**
 * Where a step's first number that is not finite comes about: the graph is run node by node, each result rounded to f32
 * as a device stores it, and what reaches the loss, the gradient's norm or a state is followed back to where it was born.
 * Infinities that a mask hides again are nobody's fault, and one that somebody wrote is found where there is no other.
 */
import type { Float64Tensor } from '../ir/evaluate-scalar.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { prepareGraph, type GraphBindings } from './evaluate.ts';

export type NonFinite =
  /** A number of the data, or a state from before the step, is not finite itself. */
  | {
      readonly kind: 'given';
      readonly what: 'input' | 'state';
      readonly name: string;
      readonly at: BadElement;
    }
  /** What a program says in so many words, such as the loss of a target that no alignment spells. */
  | { readonly kind: 'written'; readonly node: Node; readonly at: BadElement }
  | {
      readonly kind: 'node';
      readonly node: Node;
      readonly at: BadElement;
      /** Step of the scan that it stands in. */
      readonly position: number | undefined;
      /** The operands at the same place, where all of them have as many elements. */
      readonly from: readonly number[];
    };

export interface BadElement {
  /** NaN, or an infinity. */
  readonly value: number;
  readonly index: readonly number[];
}

interface Birth {
  readonly finding: NonFinite;
  /** The node of the graph itself: the scan, for what is born in one. */
  top: Node | undefined;
}

/** For tests: changes the results of a node before anybody sees them. */
export type Inject = (node: Node, results: readonly Float64Tensor[], position: number | undefined) => void;

/** Undefined where the whole step is finite. Throws an EvaluationError. */
export function traceNonFinite(
  graph: Graph,
  { sizes, ...bindings }: GraphBindings,
  inject?: Inject,
): NonFinite | undefined {
  const births: Birth[] = [];
  const bad = new Map<Value, BadElement>();
  const top = new Set(graph.nodes);
  const results = prepareGraph(graph, sizes, (node, operands, values, position) => {
    for (const value of values) roundInPlace(value);
    inject?.(node, values, position);
    if (top.has(node)) for (const birth of births) birth.top ??= node;
    values.forEach((value, at) => {
      const found = findBad(value);
      const of = node.results[at];
      if (found === undefined || of === undefined) return;
      if (top.has(node)) bad.set(of, found);
      if (!isBorn(node, found, operands)) return;
      const isElementwise = operands.every(({ data }) => data.length === value.data.length);
      const from = isElementwise
        ? operands.map(({ data }) => data[offsetOf(found, value)] ?? Number.NaN)
        : [];
      const finding: NonFinite = { kind: 'node', node, at: found, position, from };
      births.push({ finding, top: top.has(node) ? node : undefined });
    });
  })(bindings);
  const given = givenOf(graph, bindings);
  for (const { value, finding } of given) bad.set(value, finding.at);
  const reached = followBack(graph, badResults(graph, results), bad);
  const first = given.find(({ value }) => reached.values.has(value))?.finding;
  const born = births.find((birth) => birth.top !== undefined && reached.nodes.has(birth.top))?.finding;
  return first ?? born ?? writtenAmong(reached.nodes, bad);
}

function writtenAmong(nodes: ReadonlySet<Node>, bad: ReadonlyMap<Value, BadElement>): NonFinite | undefined {
  for (const node of nodes) {
    const at =
      node.op === 'constant' ? node.results.flatMap((result) => bad.get(result) ?? [])[0] : undefined;
    if (at !== undefined) return { kind: 'written', node, at };
  }
  return undefined;
}

/** What goes in from outside and is not finite. */
function givenOf(
  graph: Graph,
  { inputs, states }: Omit<GraphBindings, 'sizes'>,
): readonly { readonly value: Value; readonly finding: NonFinite }[] {
  const check = (what: 'input' | 'state', name: string, value: Value, tensor: Float64Tensor | undefined) => {
    const at = tensor && findBad(tensor);
    return at === undefined ? [] : [{ value, finding: { kind: 'given', what, name, at } as const }];
  };
  return [
    ...graph.inputs.flatMap(({ name, value }) => check('input', name, value, inputs.get(name))),
    ...graph.states.flatMap(({ name, value }) => check('state', name, value, states.get(name))),
  ];
}

/** The loss, or else the norm of the gradient, or else what the states become. */
function badResults(
  graph: Graph,
  { outputs, updates }: ReturnType<ReturnType<typeof prepareGraph>>,
): readonly Value[] {
  const isBad = (tensor: Float64Tensor | undefined): boolean =>
    tensor !== undefined && findBad(tensor) !== undefined;
  for (const wanted of ['loss', 'grad_norm'])
    for (const { name, value } of graph.outputs)
      if (name === wanted && isBad(outputs.get(name))) return [value];
  return graph.updates.filter(({ state }) => isBad(updates.get(state))).map(({ value }) => value);
}

/** Everything that is not finite and that these values were computed from. */
function followBack(
  graph: Graph,
  from: readonly Value[],
  bad: ReadonlyMap<Value, BadElement>,
): { readonly nodes: ReadonlySet<Node>; readonly values: ReadonlySet<Value> } {
  const makers = new Map(
    graph.nodes.flatMap((node) => node.results.map((result) => [result, node] as const)),
  );
  const [nodes, values] = [new Set<Node>(), new Set<Value>()];
  const waiting = [...from];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (values.has(value) || !bad.has(value)) continue;
    values.add(value);
    const node = makers.get(value);
    if (node === undefined || nodes.has(node)) continue;
    nodes.add(node);
    waiting.push(...node.operands);
  }
  return { nodes, values };
}

/** NaN of operands without NaN, an infinity of finite operands; a constant is what somebody wrote. */
function isBorn(node: Node, { value }: BadElement, operands: readonly Float64Tensor[]): boolean {
  if (node.op === 'constant' || node.op === 'scan') return false;
  return !operands.some(({ data }) => data.some(Number.isNaN(value) ? Number.isNaN : isInfinite));
}

const isInfinite = (value: number): boolean => !Number.isFinite(value);

/** The first NaN, or else the first infinity. */
function findBad({ dtype, shape, data }: Float64Tensor): BadElement | undefined {
  if (dtype !== 'f32') return undefined;
  const nan = data.findIndex(Number.isNaN);
  const offset = nan === -1 ? data.findIndex(isInfinite) : nan;
  if (offset === -1) return undefined;
  let rest = offset;
  const index = shape.toReversed().map((size) => {
    const at = rest % size;
    rest = Math.floor(rest / size);
    return at;
  });
  return { value: data[offset] ?? Number.NaN, index: index.toReversed() };
}

function offsetOf({ index }: BadElement, { shape }: Float64Tensor): number {
  return index.reduce((offset, at, axis) => offset * (shape[axis] ?? 1) + at, 0);
}

function roundInPlace({ dtype, data }: Float64Tensor): void {
  if (dtype !== 'f32') return;
  for (let at = 0; at < data.length; at++) data[at] = Math.fround(data[at] ?? 0);
}
