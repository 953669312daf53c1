/** A small graph that uses every part of the graph level. */
import { GraphBuilder } from '../../../src/ir/builder.ts';
import { constantDim, symbolDim } from '../../../src/ir/dim.ts';
import type { Graph, GraphState, HostFormula, Initializer, Origin, Value } from '../../../src/ir/graph.ts';
import { tensorType } from '../../../src/ir/types.ts';
import { inferTypes } from '../../../src/ops/index.ts';

const origin: Origin = {
  span: {
    file: 'models/x.lm',
    start: { offset: 312, line: 14, column: 5 },
    end: { offset: 327, line: 14, column: 20 },
  },
  derivation: ['gradient', 'of two words'],
};
const [batch, seq, width] = [symbolDim('batch'), symbolDim('seq'), constantDim(3)];

const vector = tensorType('f32', [width]);
const x: Value = { type: tensorType('f32', [seq, batch, width]), name: 'x' };
const lr: Value = { type: tensorType('f32', []) };
const correction: Value = { type: tensorType('f32', []), name: 'lr' };
const state = (name: string, role: GraphState['role'], initializer: Initializer): GraphState => ({
  name,
  role,
  initializer,
  value: { type: vector, name: `${name}!` },
  origin,
});
const states: readonly GraphState[] = [
  state('fc.weight', 'parameter', { kind: 'uniform', low: -0.1, high: 0.1 }),
  state('fc bias', 'parameter', { kind: 'constant', value: -0 }),
  state('adam.exp_avg/fc.weight', 'optimizer', { kind: 'normal', mean: 0, std: 1e-7 }),
  state('embedding', 'parameter', { kind: 'normal-except-row', std: 1, row: 0 }),
];

const builder = new GraphBuilder(inferTypes, origin);
const first = builder.constant(0.5, 'f32', [batch, width]);
builder.constant(-Infinity);
const h = builder.emit('add', [first, first], {}, 'rnn.h');
const [weight, bias] = [states[0]?.value ?? x, states[1]?.value ?? x];

function region() {
  const inner = builder.nested();
  const [t, slice, carry, invariant]: Value[] = [
    { type: tensorType('i32', []), name: 't' },
    { type: tensorType('f32', [batch, width]), name: 'x_t' },
    { type: tensorType('f32', [batch, width]) },
    { type: vector, name: 'w' },
  ];
  if (t === undefined || slice === undefined || carry === undefined || invariant === undefined)
    throw new Error();
  const wide = inner.broadcast(invariant, [batch, width], [1]);
  const next = inner.emit('add', [inner.emit('mul', [carry, wide], {}), slice], {}, 'next');
  return {
    parameters: [t, slice, carry, invariant],
    nodes: inner.nodes,
    results: [next, next, inner.sum(next, [0])],
  };
}

const [final = h, , total = h] = builder.emitAll(
  'scan',
  [x, h, weight],
  { trip: seq, reverse: true, sequences: 1, carries: 1, stacks: 1 },
  { region: region(), names: ['h', undefined, 'total'] },
);
const scores = builder.emit('dot', [final, final], { batch: [[0, 0]], contract: [[1, 1]] });
const loss = builder.sum(
  builder.emit('mul', [scores, builder.emit('random', [], { shape: [batch], stream: 'a "b"' })], {}),
  [0],
);

const apply = (fn: 'subtract' | 'power', ...args: readonly HostFormula[]): HostFormula => ({
  kind: 'apply',
  fn,
  args,
});

export const everything: Graph = {
  name: 'every thing',
  dims: [
    { name: 'batch', bound: 64 },
    { name: 'seq', bound: 256 },
  ],
  inputs: [
    { role: 'data', name: 'x', value: x, origin },
    { role: 'host', name: 'lr', value: lr, origin, formula: { kind: 'variable', name: 'lr' } },
    {
      role: 'host',
      name: 'correction',
      value: correction,
      origin: { ...origin, derivation: [] },
      formula: apply(
        'subtract',
        { kind: 'number', value: 1 },
        apply('power', { kind: 'number', value: 0.999 }, { kind: 'variable', name: 'step' }),
      ),
    },
  ],
  states,
  nodes: builder.nodes,
  outputs: [
    { name: 'loss', value: loss },
    { name: 'h', value: final },
  ],
  updates: [{ state: 'fc bias', value: bias }],
  gradients: [{ state: 'fc.weight', value: total }],
  training: {
    loss,
    optimizer: {
      name: 'adamw',
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      amsgrad: false,
    },
    groups: [
      { parameters: ['fc bias', 'norm.weight'], rateScale: 1, weightDecay: 0, isFrozen: false },
      { parameters: ['embedding.weight'], rateScale: 0.1, weightDecay: 0.01, isFrozen: true },
    ],
    accumulates: true,
    recompute: 3,
    average: 0.99,
    clipValue: 0.5,
    clipNorm: 1.5,
    origin,
  },
};
