/** Cells in a user's own `scan` are the layers; dropout is between layers, in training alone, as PyTorch's. */
import { describe, expect, it } from 'vitest';
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { Graph, GraphInput } from '../../../src/ir/graph.ts';
import { evaluateGraph, type Float64Tensor } from '../../../src/ops/evaluate.ts';
import { lowerClean } from '../lower/support.ts';

const sizes = new Map([
  ['batch', 3],
  ['seq', 5],
]);

/** Numbers that depend on the name of a state without its layer, so that a cell's are those of a layer. */
function numbersFor(name: string, count: number): Float64Array {
  const own = (name.split('.').at(-1) ?? '').replace(/_l\d$/, '');
  return Float64Array.from({ length: count }, (_, at) => Math.sin(0.37 * at + own.length) / 2);
}

function run(graph: Graph, seed = 1): ReadonlyMap<string, Float64Tensor> {
  const shapeOf = ({ type }: GraphInput['value']): readonly number[] =>
    type.shape.map((dim) => evaluateDim(dim, sizes));
  const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  const inputs = graph.inputs.map(({ name, value }): [string, Float64Tensor] => {
    const shape = shapeOf(value);
    const data =
      name === 'lengths' ? Float64Array.of(5, 2, 4) : numbersFor(name, count(shape)).map((each) => 2 * each);
    return [name, { dtype: value.type.dtype, shape, data }];
  });
  const states = graph.states.map(({ name, value }): [string, Float64Tensor] => {
    const shape = shapeOf(value);
    return [name, { dtype: 'f32', shape, data: numbersFor(name, count(shape)) }];
  });
  return evaluateGraph(graph, {
    sizes,
    inputs: new Map(inputs),
    states: new Map(states),
    host: new Map(),
    seed,
    step: 1,
  }).outputs;
}

const head = 'import nn\ndim batch\ndim seq <= 8\n';
const signature = 'model M(x: f32[batch, seq, 6], lengths: i32[batch])';

describe.each([
  ['LSTM', 'LSTMCell', 'h = 0, c = 0', 'h, c', 'h = h, c = c'],
  ['GRU', 'GRUCell', 'h = 0', 'h', 'h = h'],
  ['RNN', 'RNNCell', 'h = 0', 'h', 'h = h'],
])('%s', (layer, cell, carry, states, next) => {
  it('is its cell in a scan of one’s own', () => {
    const results = layer === 'LSTM' ? 'y, _, _' : 'y, _';
    const whole = lowerClean(`${head}${signature} -> f32[batch, seq, 4] {
  layer = ${layer}{6, 4}
  ${results} = layer(x, lengths)
  return y
}`);
    const carries = carry
      .split(', ')
      .map((each) => each.replace(' =', ': f32[batch, 4] ='))
      .join(', ');
    const scanned = states === 'h' ? 'y, _' : 'y, _, _';
    const own = lowerClean(`${head}${signature} -> f32[batch, seq, 4] {
  cell = ${cell}{6, 4}
  ${scanned} = scan x_t over seq of x masked lengths carry (${carries}) {
    ${states} = cell(x_t, ${states})
    next (${next}) emit h
  }
  return y
}`);
    const [expected, found] = [whole, own].map(({ graphs }) => run(graphs.predict).get('output'));
    expect(found?.shape).toEqual([3, 5, 4]);
    expect(expected?.data.some((each) => each !== 0)).toBe(true);
    for (const [at, value] of (expected?.data ?? new Float64Array()).entries())
      expect(found?.data[at], `element ${at}`).toBeCloseTo(value, 12);
  });

  it('drops between its layers, in training alone', () => {
    const lossOf = (
      layers: number,
      dropout: number,
      which: string,
      mode: 'train' | 'eval',
      seed = 1,
    ): number => {
      const results = layer === 'LSTM' ? 'y, h, _' : 'y, h';
      const { graphs } = lowerClean(`${head}${signature} -> f32[batch] {
  layer = ${layer}{6, 4, ${layers}, dropout=${dropout}}
  ${results} = layer(x, lengths)
  return sum(${which}, axis=1) + 0 * (sum(y[:, 0], axis=1) + sum(h[0, 0], axis=1))
}
task t for M {
  loss  = sum(output)
  optim = sgd{lr=1}
}`);
      const graph = graphs[mode];
      if (graph === undefined) throw new Error(`no ${mode}`);
      return run(graph, seed).get('loss')?.data[0] ?? Number.NaN;
    };
    // One layer has nothing behind it, and the last layer's outputs are not dropped.
    expect(lossOf(1, 0.5, 'y[:, 0]', 'train')).toBe(lossOf(1, 0, 'y[:, 0]', 'train'));
    // Of two, the first is as without, the second sees what was dropped, differently with every seed.
    expect(lossOf(2, 0.5, 'h[0, 0]', 'train')).toBe(lossOf(2, 0, 'h[0, 0]', 'train'));
    const dropped = lossOf(2, 0.5, 'h[1, 0]', 'train');
    expect(dropped).not.toBe(lossOf(2, 0, 'h[1, 0]', 'train'));
    expect(dropped).not.toBe(lossOf(2, 0.5, 'h[1, 0]', 'train', 2));
    expect(lossOf(2, 0.5, 'h[1, 0]', 'eval')).toBe(lossOf(2, 0, 'h[1, 0]', 'eval'));
  });
});
