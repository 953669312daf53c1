/** The text classifier as a graph, written as lowering writes it: embedding, bidirectional LSTM, linear, cross-entropy. */
import { GraphBuilder } from '../../../src/ir/builder.ts';
import { constantDim, symbolDim } from '../../../src/ir/dim.ts';
import type { Graph, GraphState, Initializer, OptimizerSpec, Region, Value } from '../../../src/ir/graph.ts';
import { tensorType, type DType } from '../../../src/ir/types.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { origin } from '../ops/support.ts';

const [batch, seq] = [symbolDim('batch'), symbolDim('seq')];
const n = constantDim;
type Size = ReturnType<typeof n>;

export interface ClassifierSizes {
  readonly vocab: number;
  readonly embedding: number;
  readonly hidden: number;
  readonly classes: number;
  readonly layers: number;
  readonly directions: 1 | 2;
  readonly dropout: boolean;
  readonly optimizer?: OptimizerSpec;
}

export const small: ClassifierSizes = {
  vocab: 7,
  embedding: 3,
  hidden: 4,
  classes: 2,
  layers: 2,
  directions: 2,
  dropout: true,
};

class Model {
  readonly b = new GraphBuilder(inferTypes, origin);
  readonly states: GraphState[] = [];
  readonly lengths = value('lengths', 'i32', batch);

  parameter(name: string, ...shape: readonly number[]): Value {
    const made = value(name, 'f32', ...shape.map((size) => n(size)));
    const initializer: Initializer = { kind: 'uniform', low: -0.5, high: 0.5 };
    this.states.push({ name, value: made, role: 'parameter', initializer, origin });
    return made;
  }

  dropout(x: Value, stream: string): Value {
    const { b } = this;
    const { shape } = x.type;
    const keep = b.emit('ge', [b.emit('random', [], { shape, stream }), b.constant(0.5, 'f32', shape)], {});
    return b.emit('select', [keep, b.withNumber('mul', x, 2), b.constant(0, 'f32', shape)], {});
  }

  /** Outputs [seq, batch, hidden], and the last state. */
  direction(x: Value, suffix: string, inputs: number, hidden: number, reverse: boolean) {
    const { b } = this;
    const weights = [
      this.parameter(`rnn.weight_ih_${suffix}`, 4 * hidden, inputs),
      this.parameter(`rnn.weight_hh_${suffix}`, 4 * hidden, hidden),
      this.parameter(`rnn.bias_ih_${suffix}`, 4 * hidden),
      this.parameter(`rnn.bias_hh_${suffix}`, 4 * hidden),
    ];
    const zero = b.constant(0, 'f32', [batch, n(hidden)]);
    const results = b.emitAll(
      'scan',
      [x, zero, zero, this.lengths, ...weights],
      { trip: seq, reverse, sequences: 1, carries: 2, stacks: 1 },
      { region: lstmRegion(b, inputs, hidden), names: ['h', 'c', 'y'] },
    );
    const [h, , y] = results;
    if (h === undefined || y === undefined) throw new Error('the scan lost results');
    return { h, y };
  }
}

function value(name: string, dtype: DType, ...shape: readonly Size[]): Value {
  return { name, type: tensorType(dtype, shape) };
}

function lstmRegion(outer: GraphBuilder, inputs: number, hidden: number): Region {
  const b = outer.nested();
  const [wide, narrow] = [n(4 * hidden), n(hidden)];
  const t = value('t', 'i32');
  const x = value('x_t', 'f32', batch, n(inputs));
  const [h, c] = [value('h', 'f32', batch, narrow), value('c', 'f32', batch, narrow)];
  const lengths = value('lengths', 'i32', batch);
  const [wih, whh] = [value('weight_ih', 'f32', wide, n(inputs)), value('weight_hh', 'f32', wide, narrow)];
  const [bih, bhh] = [value('bias_ih', 'f32', wide), value('bias_hh', 'f32', wide)];
  const product = (lhs: Value, rhs: Value): Value =>
    b.emit('dot', [lhs, rhs], { batch: [], contract: [[1, 1]] });
  const add = (lhs: Value, rhs: Value): Value => b.emit('add', [lhs, rhs], {});
  const spread = (bias: Value): Value => b.broadcast(bias, [batch, wide], [1]);
  const gates = add(add(add(product(x, wih), spread(bih)), product(h, whh)), spread(bhh));
  const gate = (at: number): Value =>
    b.emit('slice', [gates], { axis: 1, start: n(at * hidden), length: narrow });
  const [i, f] = [b.emit('sigmoid', [gate(0)], {}), b.emit('sigmoid', [gate(1)], {})];
  const [g, o] = [b.emit('tanh', [gate(2)], {}), b.emit('sigmoid', [gate(3)], {})];
  const cNext = add(b.emit('mul', [f, c], {}), b.emit('mul', [i, g], {}));
  const hNext = b.emit('mul', [o, b.emit('tanh', [cNext], {})], {}, 'h');
  const inside = b.emit('lt', [b.broadcast(t, [batch], []), lengths], {});
  const mask = b.broadcast(inside, [batch, narrow], [0]);
  const keep = (next: Value, old: Value): Value => b.emit('select', [mask, next, old], {});
  return {
    parameters: [t, x, h, c, lengths, wih, whh, bih, bhh],
    nodes: b.nodes,
    results: [keep(hNext, h), keep(cNext, c), keep(hNext, b.constant(0, 'f32', [batch, narrow]))],
  };
}

export function classifier(sizes: ClassifierSizes = small): Graph {
  const model = new Model();
  const { b, lengths } = model;
  const tokens = value('tokens', 'i32', batch, seq);
  const labels = value('labels', 'i32', batch);
  const table = model.parameter('embedding.weight', sizes.vocab, sizes.embedding);
  let x = b.transpose(b.emit('gather', [table, tokens], {}, 'embedded'), [1, 0, 2]);
  if (sizes.dropout) x = model.dropout(x, 'dropout');
  let width = sizes.embedding;
  let last: readonly Value[] = [];
  for (let layer = 0; layer < sizes.layers; layer++) {
    const directions = (['', '_reverse'] as const)
      .slice(0, sizes.directions)
      .map((suffix) => model.direction(x, `l${layer}${suffix}`, width, sizes.hidden, suffix !== ''));
    last = directions.map(({ h }) => h);
    x = b.emit(
      'concat',
      directions.map(({ y }) => y),
      { axis: 2 },
    );
    if (sizes.dropout && layer < sizes.layers - 1) x = model.dropout(x, `rnn.${layer}`);
    width = sizes.directions * sizes.hidden;
  }
  const weight = model.parameter('fc.weight', sizes.classes, width);
  const bias = model.parameter('fc.bias', sizes.classes);
  const shape = [batch, n(sizes.classes)];
  const product = b.emit('dot', [b.emit('concat', last, { axis: 1 }), weight], {
    batch: [],
    contract: [[1, 1]],
  });
  const logits = b.emit('add', [product, b.broadcast(bias, shape, [1])], {}, 'logits');
  const loss = crossEntropy(b, logits, labels, sizes.classes);
  const optimizer: OptimizerSpec = sizes.optimizer ?? {
    name: 'adam',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    amsgrad: false,
  };
  return {
    name: 'classifier',
    dims: [
      { name: 'batch', bound: 32 },
      { name: 'seq', bound: 64 },
    ],
    inputs: [tokens, lengths, labels].map((each) => ({
      name: each.name ?? '',
      value: each,
      origin,
      role: 'data',
    })),
    states: model.states,
    nodes: b.nodes,
    outputs: [{ name: 'loss', value: loss }],
    updates: [],
    training: { loss, optimizer, origin },
  };
}

/** The mean over the batch of log Σ exp − the label's logit. */
function crossEntropy(b: GraphBuilder, logits: Value, labels: Value, classes: number): Value {
  const { shape } = logits.type;
  const wide = (row: Value): Value => b.broadcast(row, shape, [0]);
  const max = b.emit('stop-gradient', [b.emit('reduce', [logits], { combine: 'max', axes: [1] })], {});
  const total = b.sum(b.emit('exp', [b.emit('sub', [logits, wide(max)], {})], {}), [1]);
  const logsumexp = b.emit('add', [b.emit('log', [total], {}), max], {});
  const places = b.broadcast(b.emit('iota', [], { length: n(classes) }), shape, [1]);
  const hit = b.emit('eq', [places, wide(labels)], {});
  const picked = b.sum(b.emit('select', [hit, logits, b.constant(0, 'f32', shape)], {}), [1]);
  const sum = b.sum(b.emit('sub', [logsumexp, picked], {}), [0]);
  const count = b.emit('cast', [b.emit('dim-size', [], { dim: batch })], { dtype: 'f32' });
  return b.emit('div', [sum, count], {}, 'loss');
}
