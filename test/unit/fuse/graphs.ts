/** Hand-made graphs of the shapes that fusion is for. */
import { GraphBuilder } from '../../../src/ir/builder.ts';
import { constantDim, symbolDim, type Dim } from '../../../src/ir/dim.ts';
import type { Graph, Origin, Region, Value } from '../../../src/ir/graph.ts';
import { tensorType, type DType } from '../../../src/ir/types.ts';
import { inferTypes } from '../../../src/ops/index.ts';

export const batch = symbolDim('batch');
export const seq = symbolDim('seq');
export const n = constantDim;
export const sizes: ReadonlyMap<string, number> = new Map([
  ['batch', 3],
  ['seq', 4],
]);

export const origin: Origin = {
  span: { file: 'test.lm', start: { offset: 0, line: 1, column: 1 }, end: { offset: 0, line: 1, column: 1 } },
  derivation: [],
};

export function value(name: string, dtype: DType, ...shape: readonly (Dim | number)[]): Value {
  return {
    name,
    type: tensorType(
      dtype,
      shape.map((dim) => (typeof dim === 'number' ? n(dim) : dim)),
    ),
  };
}

export interface Parts {
  readonly inputs?: readonly Value[];
  readonly states?: readonly Value[];
  readonly outputs: Readonly<Record<string, Value>>;
  readonly updates?: Readonly<Record<string, Value>>;
}

export function graphOf(build: (builder: GraphBuilder) => Parts): Graph {
  const builder = new GraphBuilder(inferTypes, origin);
  const { inputs = [], states = [], outputs, updates = {} } = build(builder);
  return {
    name: 'test',
    dims: [
      { name: 'batch', bound: 64 },
      { name: 'seq', bound: 256 },
    ],
    inputs: inputs.map((each) => ({ name: each.name ?? '', value: each, origin, role: 'data' })),
    states: states.map((each) => ({
      name: each.name ?? '',
      value: each,
      role: 'parameter',
      initializer: { kind: 'constant', value: 0 },
      origin,
    })),
    nodes: builder.nodes,
    outputs: Object.entries(outputs).map(([name, each]) => ({ name, value: each })),
    updates: Object.entries(updates).map(([state, each]) => ({ state, value: each })),
  };
}

/** relu(x · wᵀ + b) */
export function dense(): Graph {
  return graphOf((b) => {
    const [x, w, bias] = [value('x', 'f32', batch, 5), value('w', 'f32', 7, 5), value('b', 'f32', 7)];
    const product = b.emit('dot', [x, w], { batch: [], contract: [[1, 1]] });
    const sum = b.emit('add', [product, b.broadcast(bias, [batch, n(7)], [1])], {});
    return { inputs: [x], states: [w, bias], outputs: { y: b.emit('relu', [sum], {}) } };
  });
}

/** Mean cross-entropy of logits, and its gradient. */
export function crossEntropy(): Graph {
  return graphOf((b) => {
    const [x, labels] = [value('x', 'f32', batch, 6), value('labels', 'i32', batch)];
    const shape = [batch, n(6)];
    const wide = (row: Value): Value => b.broadcast(row, shape, [0]);
    const max = b.emit('reduce', [x], { combine: 'max', axes: [1] });
    const shifted = b.emit('exp', [b.emit('sub', [x, wide(max)], {})], {});
    const total = b.sum(shifted, [1]);
    const logsumexp = b.emit('add', [b.emit('log', [total], {}), max], {});
    const hit = b.emit(
      'eq',
      [b.broadcast(b.emit('iota', [], { length: n(6) }), shape, [1]), wide(labels)],
      {},
    );
    const picked = b.sum(b.emit('select', [hit, x, b.constant(0, 'f32', shape)], {}), [1]);
    const loss = b.sum(b.emit('sub', [logsumexp, picked], {}), [0]);
    const softmax = b.emit('div', [shifted, wide(total)], {});
    const target = b.emit('cast', [hit], { dtype: 'f32' });
    return { inputs: [x, labels], outputs: { loss, gradient: b.emit('sub', [softmax, target], {}) } };
  });
}

/** One direction of an LSTM with lengths, from projected inputs; stacks what the backward pass needs. */
export function lstm(reverse: boolean, hidden = 4): Graph {
  return graphOf((b) => {
    const wide = n(4 * hidden);
    const narrow = n(hidden);
    const projected = value('projected', 'f32', seq, batch, wide);
    const lengths = value('lengths', 'i32', batch);
    const weight = value('weight', 'f32', wide, narrow);
    const zero = b.constant(0, 'f32', [batch, narrow]);
    const region = lstmStep(b, { wide, narrow, hidden });
    const [h, c, emitted, histories, cells] = b.emitAll(
      'scan',
      [projected, zero, zero, lengths, weight],
      { trip: seq, reverse, sequences: 1, carries: 2, stacks: 3 },
      { region },
    );
    if (!h || !c || !emitted || !histories || !cells) throw new Error('a scan lost results');
    return {
      inputs: [projected, lengths],
      states: [weight],
      outputs: { h, c, emitted, sum: b.sum(b.emit('mul', [histories, cells], {}), [0]) },
    };
  });
}

function lstmStep(
  outer: GraphBuilder,
  { wide, narrow, hidden }: { readonly wide: Dim; readonly narrow: Dim; readonly hidden: number },
): Region {
  const b = outer.nested();
  const [t, x, h, c] = [
    value('t', 'i32'),
    value('x', 'f32', batch, wide),
    value('h', 'f32', batch, narrow),
    value('c', 'f32', batch, narrow),
  ];
  const [lengths, weight] = [value('lengths', 'i32', batch), value('weight', 'f32', wide, narrow)];
  const gates = b.emit('add', [x, b.emit('dot', [h, weight], { batch: [], contract: [[1, 1]] })], {});
  const gate = (at: number): Value =>
    b.emit('slice', [gates], { axis: 1, start: n(at * hidden), length: narrow });
  const [i, f, o] = [0, 1, 3].map((at) => b.emit('sigmoid', [gate(at)], {}));
  const g = b.emit('tanh', [gate(2)], {});
  if (!i || !f || !o) throw new Error('no gates');
  const cNext = b.emit('add', [b.emit('mul', [f, c], {}), b.emit('mul', [i, g], {})], {}, 'c');
  const hNext = b.emit('mul', [o, b.emit('tanh', [cNext], {})], {}, 'h');
  const inside = b.emit('lt', [b.broadcast(t, [batch], []), lengths], {});
  const mask = b.broadcast(inside, [batch, narrow], [0]);
  const keep = (next: Value, old: Value): Value => b.emit('select', [mask, next, old], {});
  const emitted = b.emit('select', [mask, hNext, b.constant(0, 'f32', [batch, narrow])], {});
  return {
    parameters: [t, x, h, c, lengths, weight],
    nodes: b.nodes,
    results: [keep(hNext, h), keep(cNext, c), emitted, h, c],
  };
}

/** Four gates' gradients joined to one buffer, which a product then reads. */
export function joined(): Graph {
  return graphOf((b) => {
    const [x, w] = [value('x', 'f32', batch, 3), value('w', 'f32', 12, 2)];
    const parts = (['tanh', 'sigmoid', 'exp', 'sin'] as const).map((op) => b.emit(op, [x], {}));
    const all = b.emit('concat', parts, { axis: 1 });
    return {
      inputs: [x],
      states: [w],
      outputs: { all, y: b.emit('dot', [all, w], { batch: [], contract: [[1, 0]] }) },
    };
  });
}
