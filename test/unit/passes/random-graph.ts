/** Graphs from a tape of choices: fast-check draws and shrinks the tape, every tape is a valid graph. */
import { GraphBuilder } from '../../../src/ir/builder.ts';
import {
  constantDim,
  constantOf,
  equalDims,
  productOfDims,
  symbolDim,
  type Dim,
} from '../../../src/ir/dim.ts';
import type {
  BinaryOp,
  CompareOp,
  Graph,
  Node,
  OptimizerSpec,
  Region,
  UnaryOp,
  Value,
} from '../../../src/ir/graph.ts';
import { equalTypes, tensorType, type DType, type TensorType } from '../../../src/ir/types.ts';
import { freeAxes } from '../../../src/ops/contraction.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { origin } from '../ops/support.ts';

export const sizes: ReadonlyMap<string, number> = new Map([
  ['batch', 2],
  ['seq', 3],
]);
const [batch, seq] = [symbolDim('batch'), symbolDim('seq')];
const dims: readonly Dim[] = [batch, seq, constantDim(2), constantDim(3), constantDim(1)];

export interface GraphChoices {
  /** Only ops whose derivative exists everywhere. */
  readonly smooth: boolean;
  readonly optimizer?: OptimizerSpec;
  readonly clipNorm?: number;
}

/** Draws from the tape; past its end everything is the first choice. */
export class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  get isEmpty(): boolean {
    return this.#at >= this.#numbers.length;
  }

  below(limit: number): number {
    return (this.#numbers[this.#at++] ?? 0) % Math.max(1, limit);
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }
}

const NONE = {};
const smoothUnary: readonly UnaryOp[] = ['tanh', 'sigmoid', 'sin', 'neg', 'cos', 'erf', 'stop-gradient'];
const roughUnary: readonly UnaryOp[] = ['relu', 'abs', 'sign', 'floor'];
const smoothBinary: readonly BinaryOp[] = ['add', 'mul', 'sub'];
const roughBinary: readonly BinaryOp[] = ['max', 'min'];
const comparisons: readonly CompareOp[] = ['lt', 'ge', 'le', 'gt', 'eq', 'ne'];

/** Values of one list of nodes, and how to add to them. */
class Pool {
  readonly builder: GraphBuilder;
  readonly values: Value[];
  readonly tape: Tape;
  readonly smooth: boolean;
  readonly depth: number;

  constructor(builder: GraphBuilder, values: readonly Value[], tape: Tape, smooth: boolean, depth: number) {
    this.builder = builder;
    this.values = [...values];
    this.tape = tape;
    this.smooth = smooth;
    this.depth = depth;
  }

  grow(steps: number): void {
    for (let step = 0; step < steps && !this.tape.isEmpty; step++) {
      const made = this.#node();
      for (const value of made) if (value.type.shape.length <= 4) this.values.push(value);
    }
  }

  floats(): readonly Value[] {
    return this.values.filter((value) => value.type.dtype === 'f32');
  }

  float(): Value {
    return this.tape.pick(this.floats().toReversed());
  }

  /** Another value of this type, or one made from a number. */
  like(type: TensorType): Value {
    const fitting = this.values.filter((value) => equalTypes(value.type, type)).toReversed();
    const at = this.tape.below(fitting.length + 1);
    return (
      fitting[at] ??
      this.builder.constant(
        type.dtype === 'f32' ? this.tape.pick([0.5, 0, 1, -1, 2]) : 1,
        type.dtype,
        type.shape,
      )
    );
  }

  #node(): readonly Value[] {
    const { builder: b, tape } = this;
    const x = this.float();
    const { shape } = x.type;
    const axis = tape.below(shape.length);
    const size = shape[axis];
    switch (tape.below(this.depth === 0 ? 17 : 15)) {
      case 0:
        return [b.emit(tape.pick([...smoothUnary, ...(this.smooth ? [] : roughUnary)]), [x], NONE)];
      case 1:
        return [
          b.emit(
            tape.pick([...smoothBinary, ...(this.smooth ? [] : roughBinary)]),
            [x, this.like(x.type)],
            NONE,
          ),
        ];
      case 2: {
        const divisor = b.withNumber('add', b.emit('mul', [x, x], NONE), 1.5);
        return [
          b.emit('div', [this.like(x.type), divisor], NONE),
          b.emit(tape.pick(['sqrt', 'rsqrt', 'log']), [divisor], NONE),
        ];
      }
      case 3:
        return [b.emit('dot', ...this.#dot(x))];
      case 4: {
        const condition = this.#condition(x.type.shape);
        return [b.emit('select', [condition, x, this.like(x.type)], NONE)];
      }
      case 5: {
        const at = tape.below(shape.length + 1);
        const wide = [...shape.slice(0, at), tape.pick(dims), ...shape.slice(at)];
        return wide.length > 4
          ? []
          : [
              b.broadcast(
                x,
                wide,
                shape.map((_, i) => (i < at ? i : i + 1)),
              ),
            ];
      }
      case 6: {
        const turn = tape.below(shape.length);
        return [
          b.transpose(
            x,
            shape.map((_, i) => (i + turn) % shape.length),
          ),
        ];
      }
      case 7:
        return this.#reshape(x);
      case 8: {
        if (size === undefined) return [];
        const length = constantOf(size);
        const start = tape.below(length === undefined ? 1 : length);
        const rest = length === undefined ? size : constantDim(length - start);
        return [b.emit('slice', [x], { axis, start: constantDim(start), length: rest })];
      }
      case 9:
        return size === undefined
          ? []
          : [
              b.emit('pad', [x], {
                axis,
                before: constantDim(tape.below(2)),
                after: tape.pick([constantDim(1), batch]),
              }),
            ];
      case 10:
        return size === undefined ? [] : [b.emit('reverse', [x], { axis })];
      case 11:
        return size === undefined
          ? []
          : [b.emit('concat', [x, this.like(x.type), x].slice(0, 1 + tape.below(3)), { axis })];
      case 12: {
        if (size === undefined) return [];
        const axes = shape.map((_, i) => i).filter((i) => i === axis || tape.below(2) === 1);
        const combine = this.smooth ? 'sum' : tape.pick(['sum', 'max', 'min'] as const);
        return [b.emit('reduce', [x], { combine, axes })];
      }
      case 13: {
        if (size === undefined) return [];
        const rows = shape[0];
        const count = rows === undefined ? undefined : constantOf(rows);
        if (count === undefined || count < 1) return [];
        const indices = this.#indices(count);
        const rank = indices.type.shape.length + shape.length - 1;
        if (rank > 4) return [];
        const gathered = b.emit('gather', [x, indices], NONE);
        return [gathered, b.emit('scatter-add', [indices, gathered], { rows: constantDim(count) })];
      }
      case 14:
        return this.#pow(x);
      case 15:
        return [b.emit('random', [], { shape, stream: `s${tape.below(2)}` })];
      default:
        return this.#scan();
    }
  }

  #pow(x: Value): readonly Value[] {
    const exponent = this.tape.pick([2, 3, 1, 0, 4]);
    return [this.builder.emit('tanh', [this.builder.withNumber('pow', x, exponent)], NONE)];
  }

  #condition(shape: readonly Dim[]): Value {
    const { builder: b, tape } = this;
    const bools = this.values.filter(
      ({ type }) => type.dtype === 'bool' && equalTypes(type, tensorType('bool', shape)),
    );
    const known = bools[tape.below(bools.length + 1)];
    if (known !== undefined) return known;
    // By place, not by value: a comparison of values would make a derivative jump.
    const along = shape.length === 0 ? undefined : tape.below(shape.length);
    const size = along === undefined ? undefined : shape[along];
    const place =
      along === undefined || size === undefined
        ? b.constant(tape.below(2), 'i32')
        : b.broadcast(b.emit('iota', [], { length: size }), shape, [along]);
    const condition = b.emit(tape.pick(comparisons), [place, b.constant(1, 'i32', place.type.shape)], NONE);
    return tape.below(3) === 0 ? b.emit('not', [condition], NONE) : condition;
  }

  #indices(rows: number): Value {
    const { builder: b, tape } = this;
    const ids = this.values.filter(({ type, name }) => type.dtype === 'i32' && name === 'ids');
    const source = tape.pick([...ids, b.emit('iota', [], { length: batch })]);
    return b.emit('mod', [source, b.constant(rows, 'i32', source.type.shape)], NONE);
  }

  #reshape(x: Value): readonly Value[] {
    const { shape } = x.type;
    if (shape.length === 0) return [this.builder.reshape(x, [constantDim(1)])];
    const at = this.tape.below(shape.length);
    const merged = [...shape.slice(0, at), productOfDims(shape.slice(at, at + 2)), ...shape.slice(at + 2)];
    const widened = shape.length < 4 ? [...shape, constantDim(1)] : merged;
    return [this.builder.reshape(x, this.tape.below(2) === 0 ? merged : widened)];
  }

  #dot(lhs: Value) {
    const { tape } = this;
    const candidates = this.floats().filter(({ type }) => type.shape.length > 0 && type.shape.length <= 3);
    const rhs = candidates.length === 0 ? lhs : tape.pick(candidates.toReversed());
    const batchPairs: (readonly [number, number])[] = [];
    const contract: (readonly [number, number])[] = [];
    lhs.type.shape.forEach((dim, left) => {
      const right = rhs.type.shape.findIndex(
        (other, at) => equalDims(dim, other) && ![...batchPairs, ...contract].some((pair) => pair[1] === at),
      );
      const choice = tape.below(4);
      if (right < 0 || choice === 0) return;
      (choice === 1 ? batchPairs : contract).push([left, right]);
    });
    let attributes = { batch: batchPairs, contract };
    const rank =
      batchPairs.length +
      freeAxes(lhs.type.shape.length, 0, attributes).length +
      freeAxes(rhs.type.shape.length, 1, attributes).length;
    let operands = [lhs, rhs];
    if (rank > 4) {
      attributes = { batch: lhs.type.shape.map((_, at) => [at, at] as const), contract: [] };
      operands = [lhs, lhs];
    }
    return [operands, attributes] as const;
  }

  #scan(): readonly Value[] {
    const { tape, builder } = this;
    const trip = tape.pick([seq, constantDim(2)]);
    const sliced = this.values.filter(
      ({ type }) => type.shape[0] !== undefined && equalDims(type.shape[0], trip) && type.shape.length <= 3,
    );
    const sequences = Array.from({ length: sliced.length === 0 ? 0 : 1 + tape.below(2) }, () =>
      tape.pick(sliced),
    );
    const small = this.floats().filter(({ type }) => type.shape.length <= 3);
    const carries = Array.from({ length: 1 + tape.below(2) }, () => tape.pick(small));
    const invariants = Array.from({ length: tape.below(3) }, () => tape.pick(this.values));
    const parameters: Value[] = [
      { type: tensorType('i32', []), name: 't' },
      ...sequences.map(({ type, name }) => ({
        type: tensorType(type.dtype, type.shape.slice(1)),
        ...(name && { name }),
      })),
      ...[...carries, ...invariants].map(({ type, name }) => ({ type, ...(name && { name }) })),
    ];
    const inner = new Pool(builder.nested(), parameters.slice(1), tape, this.smooth, this.depth + 1);
    inner.grow(3 + tape.below(6));
    const next = carries.map(({ type }) => {
      const bounded = inner.builder.emit('tanh', [inner.like(type)], NONE);
      return inner.builder.emit(tape.pick(['add', 'mul', 'sub']), [bounded, inner.like(type)], NONE);
    });
    const stacks = Array.from({ length: tape.below(3) }, () => tape.pick(inner.values.toReversed())).filter(
      ({ type }) => type.shape.length <= 3,
    );
    const sums = Array.from({ length: tape.below(3) }, () => tape.pick(inner.floats().toReversed()));
    const region: Region = { parameters, nodes: inner.builder.nodes, results: [...next, ...stacks, ...sums] };
    const attributes = {
      trip,
      reverse: tape.below(2) === 1,
      sequences: sequences.length,
      carries: carries.length,
      stacks: stacks.length,
    };
    return builder.emitAll('scan', [...sequences, ...carries, ...invariants], attributes, { region });
  }
}

const value = (name: string, dtype: DType, ...shape: readonly Dim[]): Value => ({
  name,
  type: tensorType(dtype, shape),
});

/** A graph with three parameters, four inputs, a loss that depends on what the tape made, and a training request. */
export function randomGraph(numbers: readonly number[], choices: GraphChoices): Graph {
  const builder = new GraphBuilder(inferTypes, origin);
  const inputs = [
    value('x', 'f32', batch, constantDim(3)),
    value('xs', 'f32', seq, batch, constantDim(2)),
    value('ids', 'i32', seq, batch),
    value('flag', 'bool', batch),
  ];
  const parameters = [
    value('w', 'f32', constantDim(3), constantDim(2)),
    value('b', 'f32', constantDim(2)),
    value('s', 'f32'),
  ];
  const pool = new Pool(builder, [...inputs, ...parameters], new Tape(numbers), choices.smooth, 0);
  pool.grow(24);
  const used = new Set(builder.nodes.flatMap((node: Node) => node.operands));
  const ends = pool.floats().filter((each) => !used.has(each) || parameters.includes(each));
  let loss = builder.constant(0.25);
  for (const [at, end] of ends.entries()) {
    const bounded = builder.emit('tanh', [builder.withNumber('mul', end, 0.3 + 0.1 * at)], NONE);
    loss = builder.emit(
      'add',
      [
        loss,
        builder.sum(
          bounded,
          bounded.type.shape.map((_, axis) => axis),
        ),
      ],
      NONE,
    );
  }
  return {
    name: 'random',
    dims: [
      { name: 'batch', bound: 64 },
      { name: 'seq', bound: 256 },
    ],
    inputs: inputs.map((each) => ({ name: each.name ?? '', value: each, origin, role: 'data' })),
    states: parameters.map((each) => ({
      name: each.name ?? '',
      value: each,
      role: 'parameter',
      initializer: { kind: 'constant', value: 0 },
      origin,
    })),
    nodes: builder.nodes,
    outputs: [
      { name: 'loss', value: loss },
      ...ends.slice(0, 3).map((each, at) => ({ name: `y${at}`, value: each })),
      ...pool.values
        .filter(({ type }) => type.dtype !== 'f32')
        .slice(-1)
        .map((each) => ({ name: 'other', value: each })),
    ],
    updates: [],
    training: {
      loss,
      optimizer: choices.optimizer ?? {
        name: 'sgd',
        momentum: 0,
        weightDecay: 0,
        dampening: 0,
        nesterov: false,
      },
      ...(choices.clipNorm === undefined ? {} : { clipNorm: choices.clipNorm }),
      origin,
    },
  };
}
