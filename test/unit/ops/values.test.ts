/** Values that the walk over the records cannot know: edges, ties, order, and errors of the oracle. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/ir/builder.ts';
import { constantDim } from '../../../src/ir/dim.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import type { Graph, OpAttributes, OpName, Region, Value } from '../../../src/ir/graph.ts';
import { hashStream } from '../../../src/ir/scalar-builder.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import type { TensorType } from '../../../src/ir/types.ts';
import { evaluateGraph, EvaluationError } from '../../../src/ops/evaluate.ts';
import { inferTypes, vjpOf } from '../../../src/ops/index.ts';
import { scanSamples } from '../../../src/ops/scan-samples.ts';
import { dimOf, dimsOf, f32, i32 } from '../../../src/ops/samples.ts';
import { philoxUniform } from '../../../runtime/philox.ts';
import { graphOf, origin, run, tensorOf } from './support.ts';

const none = new Map<string, number>();

function typeOf({ dtype, shape }: Float64Tensor): TensorType {
  return { dtype, shape: shape.map((size) => constantDim(size)) };
}

/** The results of one node on numbers. */
function evaluate<Name extends OpName>(
  op: Name,
  inputs: readonly Float64Tensor[],
  attributes: OpAttributes[Name],
  region?: Region,
): readonly (readonly number[])[] {
  const builder = new GraphBuilder(inferTypes, origin);
  const operands = inputs.map((input): Value => ({ type: typeOf(input) }));
  const results = builder.emitAll(op, operands, attributes, region === undefined ? {} : { region });
  return run(graphOf(builder, operands, results, none), inputs, none).map(({ data }) => [...data]);
}

/** Cotangents of the operands of one node, for a cotangent of ones. */
function gradients<Name extends OpName>(
  op: Name,
  inputs: readonly Float64Tensor[],
  attributes: OpAttributes[Name],
): readonly (readonly number[])[] {
  const builder = new GraphBuilder(inferTypes, origin);
  const operands = inputs.map((input): Value => ({ type: typeOf(input) }));
  const result = builder.emit(op, operands, attributes);
  const [node] = builder.nodes;
  const ones = builder.constant(1, 'f32', result.type.shape);
  const found = (node && vjpOf(node, builder, [ones])) ?? [];
  const outputs = found.filter((value) => value !== undefined);
  return run(graphOf(builder, operands, outputs, none), inputs, none).map(({ data }) => [...data]);
}

const vector = (...data: readonly number[]): Float64Tensor => tensorOf('f32', [data.length], data);
const indices = (...data: readonly number[]): Float64Tensor => tensorOf('i32', [data.length], data);

describe('gradients at the edges, as PyTorch has them', () => {
  test('relu and abs have none at 0', () => {
    expect(gradients('relu', [vector(-1, 0, 2)], {})).toEqual([[0, 0, 1]]);
    expect(gradients('abs', [vector(-1, 0, 2)], {})).toEqual([[-1, 0, 1]]);
  });

  test('ties of max and min share', () => {
    expect(gradients('max', [vector(1, 2, 3), vector(2, 2, 2)], {})).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
    ]);
    expect(gradients('min', [vector(1, 2, 3), vector(2, 2, 2)], {})).toEqual([
      [1, 0.5, 0],
      [0, 0.5, 1],
    ]);
    expect(gradients('reduce', [vector(3, 1, 3, 3)], { combine: 'max', axes: [0] })).toEqual([
      [1 / 3, 0, 1 / 3, 1 / 3],
    ]);
  });

  test('powers of and by 0', () => {
    expect(gradients('pow', [vector(0, 0, -2), vector(2, 0, 3)], {})[0]).toEqual([0, 0, 12]);
    expect(gradients('pow', [vector(0, 0), vector(2, 0)], {})[1]).toEqual([0, 0]);
  });

  test('what select does not choose has none, even where it is NaN', () => {
    const [chosen, other] = gradients(
      'select',
      [tensorOf('bool', [2], [1, 0]), vector(1, Number.NaN), vector(2, 3)],
      {},
    );
    expect([chosen, other]).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});

describe('values at the edges', () => {
  test('argmax takes the first of equal maxima, whatever their sign', () => {
    expect(evaluate('argmax', [vector(1, 3, 3, 2)], { axis: 0 })).toEqual([[1]]);
    expect(evaluate('argmax', [vector(-Infinity, -Infinity)], { axis: 0 })).toEqual([[0]]);
  });

  test('reductions over nothing', () => {
    const nothing = tensorOf('f32', [2, 0], []);
    expect(evaluate('reduce', [nothing], { combine: 'sum', axes: [1] })).toEqual([[0, 0]]);
    expect(evaluate('reduce', [nothing], { combine: 'max', axes: [1] })).toEqual([[-Infinity, -Infinity]]);
    expect(evaluate('reduce', [nothing], { combine: 'min', axes: [1] })).toEqual([[Infinity, Infinity]]);
    expect(evaluate('reduce', [tensorOf('i32', [0], [])], { combine: 'max', axes: [0] })).toEqual([
      [-2147483648],
    ]);
  });

  test('NaN passes through extrema', () => {
    expect(evaluate('reduce', [vector(1, Number.NaN, 2)], { combine: 'max', axes: [0] })).toEqual([
      [Number.NaN],
    ]);
    expect(evaluate('max', [vector(1), vector(Number.NaN)], {})).toEqual([[Number.NaN]]);
  });

  test('a reshape over groups of axes keeps the row-major order', () => {
    const data = Array.from({ length: 24 }, (_, at) => at);
    for (const shape of [dimsOf(24), dimsOf(4, 6), dimsOf(2, 12), dimsOf(6, 4), dimsOf(1, 2, 1, 3, 4, 1)])
      expect(evaluate('reshape', [tensorOf('f32', [2, 3, 4], data)], { shape })).toEqual([data]);
  });

  test('transpose follows its permutation', () => {
    const data = [0, 1, 2, 3, 4, 5];
    expect(evaluate('transpose', [tensorOf('f32', [1, 2, 3], data)], { permutation: [2, 0, 1] })).toEqual([
      [0, 3, 1, 4, 2, 5],
    ]);
  });

  test('concat along an inner axis', () => {
    const [a, b] = [tensorOf('f32', [2, 1], [1, 2]), tensorOf('f32', [2, 2], [3, 4, 5, 6])];
    expect(evaluate('concat', [a, b], { axis: 1 })).toEqual([[1, 3, 4, 2, 5, 6]]);
  });

  test('dot orders its axes batch, lhs, rhs', () => {
    const lhs = tensorOf('f32', [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    const rhs = tensorOf('f32', [2, 2, 1], [1, 10, 100, 1000]);
    expect(evaluate('dot', [lhs, rhs], { batch: [[0, 0]], contract: [[2, 1]] })).toEqual([
      [21, 43, 6500, 8700],
    ]);
  });

  test('scatter-add sums equal indices and leaves the other rows 0', () => {
    expect(evaluate('scatter-add', [indices(2, 0, 2), vector(1, 2, 4)], { rows: constantDim(4) })).toEqual([
      [2, 0, 5, 0],
    ]);
  });

  test('random is Philox by seed, step, stream and row-major index', () => {
    const expected = Array.from({ length: 6 }, (_, index) =>
      philoxUniform(7, hashStream('a.dropout'), index, 3),
    );
    expect(evaluate('random', [], { shape: dimsOf(2, 3), stream: 'a.dropout' })).toEqual([expected]);
  });
});

describe('scan', () => {
  const [forward, , , , positions] = scanSamples;
  const recurrence = (reverse: boolean): readonly (readonly number[])[] => {
    if (forward?.region === undefined) throw new Error('the first sample of scan is gone');
    const xs = tensorOf('f32', [2, 3], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    return evaluate(
      'scan',
      [xs, vector(1, 1, 1), vector(0.5, 0.5, 0.5)],
      { ...forward.attributes, trip: constantDim(2), reverse },
      forward.region,
    );
  };

  test('runs from the first position to the last', () => {
    const first = [0.1, 0.2, 0.3].map((x) => Math.tanh(x + 0.5));
    const second = [0.4, 0.5, 0.6].map((x, at) => Math.tanh(x + 0.5 * (first[at] ?? 0)));
    const sums = [0.1, 0.2, 0.3].map((x, at) => x * (first[at] ?? 0) + (x + 0.3) * (second[at] ?? 0));
    const [last, stacked, summed] = recurrence(false);
    expect(last).toEqual(second);
    expect(stacked).toEqual([...first, ...second]);
    summed?.forEach((sum, at) => expect(sum).toBeCloseTo(sums[at] ?? 0, 14));
  });

  test('reversed, it runs down, and stacks by position', () => {
    const second = [0.4, 0.5, 0.6].map((x) => Math.tanh(x + 0.5));
    const first = [0.1, 0.2, 0.3].map((x, at) => Math.tanh(x + 0.5 * (second[at] ?? 0)));
    const [last, stacked] = recurrence(true);
    expect(last).toEqual(first);
    expect(stacked).toEqual([...first, ...second]);
  });

  test('counts positions', () => {
    if (positions?.region === undefined) throw new Error('the last sample of scan is gone');
    expect(evaluate('scan', [tensorOf('i32', [], [10])], positions.attributes, positions.region)).toEqual([
      [10 + 21],
      [0, 1, 2, 3, 4, 5, 6],
    ]);
  });
});

describe('the oracle says what it cannot do, and where', () => {
  test('an index outside its table', () => {
    expect(() => evaluate('gather', [vector(1, 2), indices(0, 2)], {})).toThrow(
      'test.lm:2:3: gather: index 2 at position 1 is outside the 2 rows',
    );
    expect(() => evaluate('scatter-add', [indices(-1), vector(1)], { rows: constantDim(3) })).toThrow(
      EvaluationError,
    );
  });

  test('a slice that does not fit the sizes at hand', () => {
    const builder = new GraphBuilder(inferTypes, origin);
    const x: Value = { type: f32('seq') };
    const y = builder.emit('slice', [x], { axis: 0, start: constantDim(0), length: constantDim(4) });
    const graph = graphOf(builder, [x], [y], new Map([['seq', 3]]));
    expect(() => run(graph, [vector(1, 2, 3)], new Map([['seq', 3]]))).toThrow(
      'test.lm:2:3: slice: element 3 of axis 0, which has 3, does not exist',
    );
  });

  test('inputs that are missing or of another shape', () => {
    const x: Value = { type: f32('seq') };
    const graph = graphOf(new GraphBuilder(inferTypes, origin), [x], [x], none);
    expect(() => run(graph, [], new Map([['seq', 3]]))).toThrow('input x0 is not given');
    expect(() => run(graph, [vector(1, 2)], new Map([['seq', 3]]))).toThrow(
      'input x0 is f32[seq], here f32[3], and was given f32[2] with 2 elements',
    );
  });
});

test('host numbers reach the graph, and updates see the state before the step', () => {
  const [state, rate]: Value[] = [{ type: f32(2) }, { type: f32() }];
  if (state === undefined || rate === undefined) throw new Error();
  const builder = new GraphBuilder(inferTypes, origin);
  const next = builder.emit('sub', [state, builder.broadcast(rate, dimsOf(2), [])], {});
  const graph: Graph = {
    name: 'step',
    dims: [],
    inputs: [
      {
        role: 'host',
        name: 'rate',
        value: rate,
        origin,
        formula: {
          kind: 'apply',
          fn: 'divide',
          args: [
            { kind: 'variable', name: 'lr' },
            { kind: 'apply', fn: 'sqrt', args: [{ kind: 'variable', name: 'step' }] },
          ],
        },
      },
    ],
    states: [
      { name: 'w', value: state, role: 'parameter', initializer: { kind: 'constant', value: 0 }, origin },
    ],
    nodes: builder.nodes,
    outputs: [{ name: 'before', value: state }],
    updates: [{ state: 'w', value: next }],
  };
  const { outputs, updates } = evaluateGraph(graph, {
    sizes: none,
    inputs: new Map(),
    states: new Map([['w', vector(1, 2)]]),
    host: hostNumbers(graph, { step: 4, lr: 0.5 }),
    seed: 0,
    step: 4,
  });
  expect([...(updates.get('w')?.data ?? [])]).toEqual([0.75, 1.75]);
  expect([...(outputs.get('before')?.data ?? [])]).toEqual([1, 2]);
});

test('sizes evaluate at run time', () => {
  const builder = new GraphBuilder(inferTypes, origin);
  const size = builder.emit('dim-size', [], { dim: dimOf('seq') });
  const positions = builder.emit('iota', [], { length: dimOf('seq') });
  const sizes = new Map([['seq', 4]]);
  const [count, steps] = run(graphOf(builder, [], [size, positions], sizes), [], sizes);
  expect(count?.data[0]).toBe(4);
  expect([...(steps?.data ?? [])]).toEqual([0, 1, 2, 3]);
  expect(i32()).toEqual(size.type);
});
