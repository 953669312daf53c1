/** Samples of records as one-node graphs with data, for the tests that walk the op table. */
import { evaluateDim } from '../../../src/ir/dim.ts';
import { GraphBuilder } from '../../../src/ir/builder.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import type { Graph, GraphInput, NodeOf, OpName, Origin, Value } from '../../../src/ir/graph.ts';
import type { TensorType } from '../../../src/ir/types.ts';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { inferTypes, recordOf } from '../../../src/ops/index.ts';
import type { OpSample } from '../../../src/ops/op.ts';
import { philoxUniform } from '../../../runtime/philox.ts';

export const origin: Origin = {
  span: {
    file: 'test.lm',
    start: { offset: 10, line: 2, column: 3 },
    end: { offset: 14, line: 2, column: 7 },
  },
  derivation: [],
};

export type Sizes = ReadonlyMap<string, number>;

export interface SampleGraph {
  readonly node: NodeOf<OpName>;
  readonly operands: readonly Value[];
  readonly results: readonly Value[];
  readonly builder: GraphBuilder;
  readonly sizes: Sizes;
}

/** The sample's node, in a builder that a gradient can go on with. */
export function buildSample<Name extends OpName>(op: Name, sample: OpSample<Name>): SampleGraph {
  const builder = new GraphBuilder(inferTypes, origin);
  const operands = sample.operands.map((type): Value => ({ type }));
  const options = sample.region === undefined ? {} : { region: sample.region };
  const results = builder.emitAll(op, operands, sample.attributes, options);
  const [node] = builder.nodes;
  if (node === undefined) throw new Error('no node');
  return { node, operands, results, builder, sizes: new Map(Object.entries(sample.sizes ?? {})) };
}

export function graphOf(
  builder: GraphBuilder,
  inputs: readonly Value[],
  outputs: readonly Value[],
  sizes: Sizes,
): Graph {
  return {
    name: 'sample',
    dims: [...sizes].map(([name, bound]) => ({ name, bound })),
    inputs: inputs.map((value, at): GraphInput => ({ role: 'data', name: `x${at}`, value, origin })),
    states: [],
    nodes: [...builder.nodes],
    outputs: outputs.map((value, at) => ({ name: `y${at}`, value })),
    updates: [],
  };
}

export function run(graph: Graph, inputs: readonly Float64Tensor[], sizes: Sizes): readonly Float64Tensor[] {
  const { outputs } = evaluateGraph(graph, {
    sizes,
    inputs: new Map(inputs.map((input, at) => [`x${at}`, input])),
    states: new Map(),
    host: new Map(),
    seed: 7,
    step: 3,
  });
  return [...outputs.values()];
}

/** Reproducible data of a type; i32 is whole, bool 0 or 1. */
export function randomTensor(
  type: TensorType,
  sizes: Sizes,
  stream: number,
  range?: readonly [number, number],
): Float64Tensor {
  const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
  const [low, high] = range ?? (type.dtype === 'i32' ? [0, 4] : [-2, 2]);
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => {
    const uniform = philoxUniform(1, stream, index, 1);
    if (type.dtype === 'bool') return Math.round(uniform);
    if (type.dtype === 'i32')
      return Math.floor(Math.ceil(low) + uniform * (Math.floor(high) - Math.ceil(low) + 1));
    return low + uniform * (high - low);
  });
  return { dtype: type.dtype, shape, data };
}

/** Data for each operand of a sample; `range` is for indices alone where a table stands beside them. */
export function sampleData<Name extends OpName>(
  op: Name,
  sample: OpSample<Name>,
  sizes: Sizes,
): Float64Tensor[] {
  const indexed = recordOf(op).lowering.kind === 'gather' || recordOf(op).lowering.kind === 'scatter';
  return sample.operands.map((type, at) =>
    randomTensor(type, sizes, at + 1, indexed && type.dtype === 'f32' ? undefined : sample.range),
  );
}

export function tensorOf(
  dtype: Float64Tensor['dtype'],
  shape: readonly number[],
  data: readonly number[],
): Float64Tensor {
  return { dtype, shape, data: Float64Array.from(data) };
}
