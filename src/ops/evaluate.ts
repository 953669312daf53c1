/**
 * The oracle: a graph in float64, node by node, from the records' lowerings only. It shares no code with fusion,
 * scheduling or WGSL. Slow and exact; nothing is fused, and every value is an array.
 */
import { InternalError } from '../diagnostics/diagnostic.ts';
import { formatSpan } from '../diagnostics/span.ts';
import { evaluateDim } from '../ir/dim.ts';
import type { Float64Tensor } from '../ir/evaluate-scalar.ts';
import type { Graph, Node, NodeOf, Origin, Value } from '../ir/graph.ts';
import { elementCount } from '../ir/strides.ts';
import { printType, type TensorType } from '../ir/types.ts';
import { evaluateAttention, isAttention } from './evaluate-attention.ts';
import { compileNode, sizesOf, type Run } from './evaluate-node.ts';
import { scanOperands, scanResults } from './scan.ts';

export type { Float64Tensor };

export interface GraphBindings {
  /** Sizes of the runtime dimensions. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Data inputs by name. */
  readonly inputs: ReadonlyMap<string, Float64Tensor>;
  /** States by name; read, never written. */
  readonly states: ReadonlyMap<string, Float64Tensor>;
  /** Host inputs by name (`hostNumbers` of ir/host-formula.ts computes them). */
  readonly host: ReadonlyMap<string, number>;
  /** u32 */
  readonly seed: number;
  /** 1 for the first step. */
  readonly step: number;
}

export interface GraphResults {
  readonly outputs: ReadonlyMap<string, Float64Tensor>;
  /** New contents of the states that the graph updates. */
  readonly updates: ReadonlyMap<string, Float64Tensor>;
  /** By state, where the graph has gradients of its own. */
  readonly gradients: ReadonlyMap<string, Float64Tensor>;
}

/** What a node refused at run time (an index outside its table), or data that does not fit the graph. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  readonly origin: Origin;
  constructor(message: string, origin: Origin, options?: ErrorOptions) {
    super(`${formatSpan(origin.span)}: ${message}`, options);
    this.origin = origin;
  }
}

/** Runs a graph once. Throws an EvaluationError. */
export function evaluateGraph(graph: Graph, bindings: GraphBindings): GraphResults {
  return prepareGraph(graph, bindings.sizes)(bindings);
}

/**
 * Is told of every node that has run, in order; those of a scan's region once a step, at its position. It may change the
 * results: whoever reads them sees the change.
 */
export type Observe = (
  node: Node,
  operands: readonly Float64Tensor[],
  results: readonly Float64Tensor[],
  position: number | undefined,
) => void;

/** Compiles a graph for given sizes, to be run any number of times. Throws an EvaluationError, as the runs do. */
export function prepareGraph(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
  observe?: Observe,
): (bindings: Omit<GraphBindings, 'sizes'>) => GraphResults {
  const run: ObservedRun = { sizes, seed: 0, step: 1, observe, position: undefined };
  const nodes = compileNodes(graph.nodes, run);
  return (bindings) => {
    run.seed = bindings.seed;
    run.step = bindings.step;
    const frame = bindGraph(graph, bindings, run);
    for (const execute of nodes) execute(frame);
    const named = (values: readonly (readonly [string, Value])[]): ReadonlyMap<string, Float64Tensor> =>
      new Map(values.map(([name, value]) => [name, read(frame, value)]));
    return {
      outputs: named(graph.outputs.map(({ name, value }) => [name, value])),
      updates: named(graph.updates.map(({ state, value }) => [state, value])),
      gradients: named((graph.gradients ?? []).map(({ state, value }) => [state, value])),
    };
  };
}

function bindGraph(graph: Graph, bindings: Omit<GraphBindings, 'sizes'>, run: Run): Frame {
  const frame: Frame = new Map();
  for (const input of graph.inputs) {
    const tensor =
      input.role === 'host' ? hostTensor(bindings.host, input.name) : bindings.inputs.get(input.name);
    bindTensor(frame, `input ${input.name}`, input.value, tensor, input.origin, run);
  }
  for (const { name, value, origin } of graph.states)
    bindTensor(frame, `state ${name}`, value, bindings.states.get(name), origin, run);
  return frame;
}

/** Contents of the values so far. A region's values are overwritten by its next step. */
type Frame = Map<Value, Float64Tensor>;

type Execute = (frame: Frame) => void;

function read(frame: Frame, value: Value): Float64Tensor {
  const tensor = frame.get(value);
  if (tensor === undefined)
    throw new InternalError(`${value.name ?? 'a value'} is used before it is computed`);
  return tensor;
}

function hostTensor(host: ReadonlyMap<string, number>, name: string): Float64Tensor | undefined {
  const number = host.get(name);
  return number === undefined ? undefined : { dtype: 'f32', shape: [], data: Float64Array.of(number) };
}

function bindTensor(
  frame: Frame,
  what: string,
  value: Value,
  tensor: Float64Tensor | undefined,
  origin: Origin,
  run: Run,
): void {
  if (tensor === undefined) throw new EvaluationError(`${what} is not given`, origin);
  const expected = sizesOf(value.type, run);
  const fits =
    tensor.dtype === value.type.dtype &&
    tensor.shape.length === expected.length &&
    tensor.shape.every((size, axis) => size === expected[axis]) &&
    tensor.data.length === elementCount(expected);
  if (!fits)
    throw new EvaluationError(
      `${what} is ${printType(value.type)}, here ${value.type.dtype}[${expected.join(', ')}], and was given ${tensor.dtype}[${tensor.shape.join(', ')}] with ${tensor.data.length} elements`,
      origin,
    );
  frame.set(value, tensor);
}

interface ObservedRun extends Run {
  readonly observe: Observe | undefined;
  /** Of the innermost scan that is under way. */
  position: number | undefined;
}

function compileNodes(nodes: readonly Node[], run: ObservedRun): readonly Execute[] {
  return nodes.map((node) => {
    const execute = located(node, node.op === 'scan' ? compileScan(node, run) : compilePlain(node, run));
    const { observe } = run;
    if (observe === undefined) return execute;
    return (frame) => {
      execute(frame);
      const [operands, results] = [node.operands, node.results].map((values) =>
        values.map((value) => read(frame, value)),
      );
      observe(node, operands ?? [], results ?? [], run.position);
    };
  });
}

/** Says where a node stands that fails. */
function located(node: Node, execute: Execute): Execute {
  return (frame) => {
    try {
      execute(frame);
    } catch (error) {
      if (error instanceof RangeError)
        throw new EvaluationError(`${node.op}: ${error.message}`, node.origin, { cause: error });
      throw error;
    }
  };
}

function compilePlain(node: Exclude<Node, { op: 'scan' }>, run: Run): Execute {
  if (isAttention(node))
    return (frame) => {
      const operands = node.operands.map((operand) => read(frame, operand));
      bindAll(frame, node.results, evaluateAttention(node, operands));
    };
  const [result] = node.results;
  if (result === undefined) throw new InternalError(`${node.op} has no result`);
  let compiled: ReturnType<typeof compileNode> | undefined;
  return (frame) => {
    // On the first run, so that what a record refuses for these sizes is reported like what it refuses for its data.
    compiled ??= compileNode(node, run);
    frame.set(result, compiled(node.operands.map((operand) => read(frame, operand))));
  };
}

function compileScan(node: NodeOf<'scan'>, run: ObservedRun): Execute {
  const { attributes, region } = node;
  if (region === undefined) throw new InternalError('a scan has no region');
  const body = compileNodes(region.nodes, run);
  const trip = evaluateDim(attributes.trip, run.sizes);
  const [position, ...parameters] = region.parameters;
  const results = scanResults(region.results, attributes);
  const own = scanResults(node.results, attributes);
  const inner = scanOperands(parameters, attributes);

  return (outer) => {
    const operands = scanOperands(
      node.operands.map((operand) => read(outer, operand)),
      attributes,
    );
    const frame: Frame = new Map();
    bindAll(frame, inner.invariants, operands.invariants);
    let carries = operands.carries;
    const stacks = own.stacks.map(({ type }) => zeros(type, run));
    const sums = own.sums.map(({ type }) => zeros(type, run));
    const outerPosition = run.position;
    for (let count = 0; count < trip; count++) {
      const at = attributes.reverse ? trip - 1 - count : count;
      run.position = at;
      if (position !== undefined) frame.set(position, { dtype: 'i32', shape: [], data: Float64Array.of(at) });
      bindAll(
        frame,
        inner.sequences,
        operands.sequences.map((sequence) => sliceAt(sequence, at)),
      );
      bindAll(frame, inner.carries, carries);
      for (const execute of body) execute(frame);
      carries = results.carries.map((next) => read(frame, next));
      results.stacks.forEach((slice, number) => {
        const { data } = read(frame, slice);
        stacks[number]?.data.set(data, at * data.length);
      });
      results.sums.forEach((term, number) => addInto(sums[number], read(frame, term)));
    }
    run.position = outerPosition;
    bindAll(outer, own.carries, carries);
    bindAll(outer, own.stacks, stacks);
    bindAll(outer, own.sums, sums);
  };
}

function bindAll(frame: Frame, values: readonly Value[], tensors: readonly Float64Tensor[]): void {
  values.forEach((value, number) => {
    const tensor = tensors[number];
    if (tensor !== undefined) frame.set(value, tensor);
  });
}

function zeros(type: TensorType, run: Run): Float64Tensor {
  const shape = sizesOf(type, run);
  return { dtype: type.dtype, shape, data: new Float64Array(elementCount(shape)) };
}

/** A step's part of a sequence; a view of its memory. */
function sliceAt({ dtype, shape, data }: Float64Tensor, position: number): Float64Tensor {
  const rest = shape.slice(1);
  const length = elementCount(rest);
  return { dtype, shape: rest, data: data.subarray(position * length, (position + 1) * length) };
}

function addInto(total: Float64Tensor | undefined, term: Float64Tensor): void {
  total?.data.forEach((sum, at) => {
    total.data[at] = sum + (term.data[at] ?? 0);
  });
}
