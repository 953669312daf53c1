/**
 * The float64 evaluator as a session: what `--device reference` runs. States are rounded to f32 between the steps, as
 * a device stores them, so that a checkpoint of this session continues bit for bit, too.
 */
import {
  RuntimeError,
  type ProgramName,
  type Run,
  type RunRequest,
  type Session,
  type TensorData,
} from '../runtime/session.ts';
import { evaluateDim } from './ir/dim.ts';
import type { Float64Tensor } from './ir/evaluate-scalar.ts';
import type { Graph, GraphState } from './ir/graph.ts';
import { hostNumbers } from './ir/host-formula.ts';
import { elementCount } from './ir/strides.ts';
import { EvaluationError, prepareGraph } from './ops/evaluate.ts';

export interface ReferenceOptions {
  /** Initial values of a state, row-major; the same function that a device's states start from. */
  readonly initialize: (state: GraphState, shape: readonly number[]) => ArrayLike<number>;
}

/** Sizes recur from batch to batch; what was compiled for the last few is kept. */
const preparedLimit = 8;

/** Runs optimized graphs (no `training` request left). Throws a RuntimeError where a request does not fit. */
export function openReferenceSession(
  graphs: Readonly<Partial<Record<ProgramName, Graph>>>,
  { initialize }: ReferenceOptions,
): Session {
  const states = new Map<string, Float64Tensor>();
  for (const graph of Object.values(graphs))
    for (const state of graph.states)
      if (!states.has(state.name)) states.set(state.name, initialState(state, initialize));
  const prepared = new Map<string, ReturnType<typeof prepareGraph>>();

  const prepare = (program: ProgramName, graph: Graph, sizes: ReadonlyMap<string, number>) => {
    const key = `${program} ${graph.dims.map(({ name }) => sizes.get(name) ?? 0).join(' ')}`;
    const known = prepared.get(key);
    const found = known ?? prepareGraph(graph, new Map(sizes));
    // Deleted and set again: the first key of the map is then the one unused for longest.
    prepared.delete(key);
    prepared.set(key, found);
    for (const oldest of prepared.keys()) {
      if (prepared.size <= preparedLimit) break;
      prepared.delete(oldest);
    }
    return found;
  };

  const run = (program: ProgramName, request: RunRequest): ReadonlyMap<string, TensorData> => {
    const graph = graphs[program];
    if (graph === undefined) throw new RuntimeError(2, `this model has no program "${program}"`);
    checkSizes(graph, request.sizes);
    const inputs = new Map<string, Float64Tensor>();
    for (const input of graph.inputs)
      if (input.role === 'data') inputs.set(input.name, bindInput(input.name, input.value.type, request));
    try {
      const { outputs, updates } = prepare(
        program,
        graph,
        request.sizes,
      )({
        inputs,
        states,
        host: hostNumbers(graph, { step: request.step, lr: request.lr }),
        seed: request.seed,
        step: request.step,
      });
      for (const [name, tensor] of updates) states.set(name, roundToSingle(tensor));
      return new Map([...outputs].map(([name, tensor]) => [name, toTensorData(tensor)]));
    } catch (error) {
      if (error instanceof EvaluationError) throw new RuntimeError(5, error.message, { cause: error });
      throw error;
    }
  };

  return {
    description: 'reference (float64 on the processor)',
    get allocatedBytes() {
      return [...states.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    },
    submit: (program, request): Run => {
      const outputs = run(program, request);
      // By way of a timer, so that a Ctrl-C gets its turn between the steps.
      return { outputs: () => new Promise((resolve) => setTimeout(() => resolve(outputs))) };
    },
    readState: async (name) => toTensorData(stateOf(states, name)),
    writeState: (name, tensor) => {
      const { dtype, shape } = stateOf(states, name);
      if (tensor.dtype !== (dtype === 'f32' ? 'f32' : 'i32') || !equalSizes(tensor.shape, shape))
        throw new RuntimeError(
          5,
          `${name} is ${dtype}[${shape.join(', ')}], not ${tensor.dtype}[${tensor.shape.join(', ')}]`,
        );
      states.set(name, { dtype, shape, data: Float64Array.from(tensor.data) });
    },
    resetCarries: (program) => {
      for (const { name, role } of graphs[program]?.states ?? [])
        if (role === 'carry') {
          const state = stateOf(states, name);
          states.set(name, { ...state, data: new Float64Array(state.data.length) });
        }
    },
    finish: async () => {},
    close: () => {
      states.clear();
      prepared.clear();
    },
  };
}

function initialState(state: GraphState, initialize: ReferenceOptions['initialize']): Float64Tensor {
  const { dtype } = state.value.type;
  // The shape of a state has no runtime dimension.
  const shape = state.value.type.shape.map((dim) => evaluateDim(dim, new Map()));
  const data = Float64Array.from(initialize(state, shape));
  return roundToSingle({ dtype, shape, data });
}

function stateOf(states: ReadonlyMap<string, Float64Tensor>, name: string): Float64Tensor {
  const state = states.get(name);
  if (state === undefined) throw new RuntimeError(5, `the model has no tensor "${name}"`);
  return state;
}

function checkSizes(graph: Graph, sizes: ReadonlyMap<string, number>): void {
  for (const { name, bound } of graph.dims) {
    const size = sizes.get(name);
    if (size === undefined) throw new RuntimeError(5, `the batch has no size for dimension ${name}`);
    if (!Number.isInteger(size) || size < 1 || size > bound)
      throw new RuntimeError(5, `dimension ${name} is ${size}, outside 1 … ${bound}`);
  }
}

function bindInput(
  name: string,
  type: GraphState['value']['type'],
  { inputs, sizes }: RunRequest,
): Float64Tensor {
  const tensor = inputs.get(name);
  const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
  const dtype = type.dtype === 'f32' ? 'f32' : 'i32';
  if (tensor === undefined) throw new RuntimeError(5, `the batch has no input ${name}`);
  if (
    tensor.dtype !== dtype ||
    !equalSizes(tensor.shape, shape) ||
    tensor.data.length !== elementCount(shape)
  )
    throw new RuntimeError(
      5,
      `input ${name} is ${dtype}[${shape.join(', ')}] for this batch, and was given ${tensor.dtype}[${tensor.shape.join(', ')}]`,
    );
  return { dtype: type.dtype, shape, data: Float64Array.from(tensor.data) };
}

function equalSizes(lhs: readonly number[], rhs: readonly number[]): boolean {
  return lhs.length === rhs.length && lhs.every((size, axis) => size === rhs[axis]);
}

function roundToSingle(tensor: Float64Tensor): Float64Tensor {
  return tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map(Math.fround) } : tensor;
}

function toTensorData({ dtype, shape, data }: Float64Tensor): TensorData {
  return dtype === 'f32'
    ? { dtype: 'f32', shape, data: Float32Array.from(data) }
    : { dtype: 'i32', shape, data: Int32Array.from(data) };
}
