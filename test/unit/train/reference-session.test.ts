import { describe, expect, it } from 'vitest';
import { philoxUniform } from '../../../runtime/philox.ts';
import type { RunRequest, Session, TensorData } from '../../../runtime/session.ts';
import { GraphBuilder } from '../../../src/ir/builder.ts';
import type { Graph, Origin, OptimizerSpec, Value } from '../../../src/ir/graph.ts';
import { constantDim, symbolDim } from '../../../src/ir/dim.ts';
import { hashStream } from '../../../src/ir/scalar-builder.ts';
import { tensorType } from '../../../src/ir/types.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { openReferenceSession } from '../../../src/reference-session.ts';

const place = { offset: 0, line: 3, column: 1 };
const origin: Origin = { span: { file: 'line.lm', start: place, end: place }, derivation: [] };
const adam: OptimizerSpec = {
  name: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  amsgrad: false,
};

/** loss = sum over the batch of (table[x] * u − t)², with u uniform random in training. */
function buildGraph(kind: 'train' | 'predict'): Graph {
  const batch = symbolDim('batch');
  const builder = new GraphBuilder(inferTypes, origin);
  const table: Value = { type: tensorType('f32', [constantDim(3)]), name: 'table' };
  const x: Value = { type: tensorType('i32', [batch]), name: 'x' };
  const t: Value = { type: tensorType('f32', [batch]), name: 't' };
  const row = builder.emit('gather', [table, x], {});
  const noise = builder.emit('random', [], { shape: [batch], stream: 'noise' });
  const output = kind === 'train' ? builder.emit('mul', [row, noise], {}) : row;
  const difference = builder.emit('sub', [output, t], {});
  const loss = builder.emit('reduce', [builder.emit('mul', [difference, difference], {})], {
    combine: 'sum',
    axes: [0],
  });
  const data = kind === 'train' ? [x, t] : [x];
  return {
    name: kind,
    dims: [{ name: 'batch', bound: 4 }],
    inputs: data.map((value) => ({ role: 'data', name: value.name ?? '', value, origin })),
    states: [
      {
        name: 'table',
        role: 'parameter',
        value: table,
        initializer: { kind: 'constant', value: 0.5 },
        origin,
      },
    ],
    nodes: kind === 'train' ? builder.nodes : builder.nodes.slice(0, 1),
    outputs: kind === 'train' ? [{ name: 'loss', value: loss }] : [{ name: 'output', value: row }],
    updates: [],
    ...(kind === 'train' ? { training: { loss, optimizer: adam, origin } } : {}),
  };
}

function open(): Session {
  const graphs = { train: runPasses(buildGraph('train')), predict: runPasses(buildGraph('predict')) };
  return openReferenceSession(graphs, {
    initialize: ({ initializer }, shape) =>
      repeat(
        shape.reduce((product, size) => product * size, 1),
        initializer.kind === 'constant' ? initializer.value : Number.NaN,
      ),
  });
}

const repeat = (length: number, value: number): readonly number[] => Array.from({ length }, () => value);
const integers = (...values: readonly number[]): TensorData => ({
  dtype: 'i32',
  shape: [values.length],
  data: Int32Array.from(values),
});
const floats = (...values: readonly number[]): TensorData => ({
  dtype: 'f32',
  shape: [values.length],
  data: Float32Array.from(values),
});

function request(step: number, changes: Partial<RunRequest> = {}): RunRequest {
  return {
    sizes: new Map([['batch', 3]]),
    inputs: new Map([
      ['x', integers(2, 0, 2)],
      ['t', floats(1, -1, 2)],
    ]),
    step,
    seed: 9,
    lr: 0.1,
    ...changes,
  };
}

describe('the reference session', () => {
  it("does Adam's steps", async () => {
    const session = open();
    const x = [2, 0, 2];
    const t = [1, -1, 2];
    let [w, m, v] = [
      [0.5, 0.5, 0.5],
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (let step = 1; step <= 4; step++) {
      const outputs = await session.submit('train', request(step)).outputs();
      let loss = 0;
      const gradient = [0, 0, 0];
      x.forEach((row, at) => {
        const u = philoxUniform(9, hashStream('noise'), at, step);
        const difference = (w[row] ?? 0) * u - (t[at] ?? 0);
        loss += difference ** 2;
        gradient[row] = (gradient[row] ?? 0) + 2 * difference * u;
      });
      expect(outputs.get('loss')?.data[0]).toBeCloseTo(loss, 5);
      expect(outputs.get('grad_norm')?.data[0]).toBeCloseTo(Math.hypot(...gradient), 4);
      m = m.map((old, at) => 0.9 * old + 0.1 * (gradient[at] ?? 0));
      v = v.map((old, at) => 0.999 * old + 0.001 * (gradient[at] ?? 0) ** 2);
      w = w.map((old, at) => {
        const [first, second] = [(m[at] ?? 0) / (1 - 0.9 ** step), (v[at] ?? 0) / (1 - 0.999 ** step)];
        return old - (0.1 * first) / (Math.sqrt(second) + 1e-8);
      });
      const { data } = await session.readState('table');
      w.forEach((value, at) => expect(data[at]).toBeCloseTo(value, 5));
    }
  });

  it('goes on from states that were read, bit for bit', async () => {
    const [whole, first, second] = [open(), open(), open()];
    for (let step = 1; step <= 4; step++) whole.submit('train', request(step));
    for (let step = 1; step <= 2; step++) first.submit('train', request(step));
    for (const name of ['table', 'adam.exp_avg/table', 'adam.exp_avg_sq/table'])
      second.writeState(name, await first.readState(name));
    for (let step = 3; step <= 4; step++) second.submit('train', request(step));
    expect(await second.readState('table')).toEqual(await whole.readState('table'));
  });

  it('runs any size within the bound', async () => {
    const session = open();
    for (const size of [1, 4, 2]) {
      const inputs = new Map([['x', integers(...repeat(size, 1))]]);
      const run = session.submit('predict', request(1, { sizes: new Map([['batch', size]]), inputs }));
      expect((await run.outputs()).get('output')).toEqual(floats(...repeat(size, 0.5)));
    }
  });

  it.each([
    ['no size', { sizes: new Map() }, /no size for dimension batch/],
    ['a size over the bound', { sizes: new Map([['batch', 5]]) }, /batch is 5, outside 1 … 4/],
    ['a missing input', { inputs: new Map([['x', integers(0, 0, 0)]]) }, /no input t/],
    [
      'a wrong shape',
      {
        inputs: new Map([
          ['x', integers(0, 1)],
          ['t', floats(0, 0, 0)],
        ]),
      },
      /input x is i32\[3\]/,
    ],
    [
      'a wrong dtype',
      {
        inputs: new Map([
          ['x', floats(0, 1, 2)],
          ['t', floats(0, 0, 0)],
        ]),
      },
      /given f32\[3\]/,
    ],
    [
      'an index outside',
      {
        inputs: new Map([
          ['x', integers(0, 1, 3)],
          ['t', floats(0, 0, 0)],
        ]),
      },
      /line\.lm:3:1.*index 3/,
    ],
  ])('refuses %s', (_, changes, message) => {
    const session = open();
    expect(() => session.submit('train', request(1, changes))).toThrow(
      expect.objectContaining({ exitCode: 5, message: expect.stringMatching(message) }),
    );
  });

  it('refuses states that do not fit', async () => {
    const session = open();
    expect(() => session.writeState('table', floats(1))).toThrow(/table is f32\[3\], not f32\[1\]/);
    expect(() => session.writeState('tabel', floats(1))).toThrow(/no tensor "tabel"/);
    expect(() => session.submit('eval', request(1))).toThrow(/no program "eval"/);
  });
});
