/** Samples of scans, with regions written by hand: a record cannot use the table that it is part of. */
import { constantDim } from '../ir/dim.ts';
import type { NodeOf, OpName, Origin, Region, Value } from '../ir/graph.ts';
import type { TensorType } from '../ir/types.ts';
import type { OpSample } from './op.ts';
import { dimOf, f32, i32 } from './samples.ts';

const start = { offset: 0, line: 1, column: 1 };
const origin: Origin = { span: { file: 'sample.lm', start, end: start }, derivation: [] };

const value = (type: TensorType, name: string): Value => ({ type, name });

function node<Name extends OpName>(
  op: Name,
  operands: readonly Value[],
  attributes: NodeOf<Name>['attributes'],
  result: Value,
) {
  return { op, operands, attributes, results: [result], origin };
}

/** h' = tanh(x_t + w · h); stacks h', sums x_t · h'. */
function recurrence(type: TensorType): Region {
  const [position, x, h, w] = [value(i32(), 't'), value(type, 'x_t'), value(type, 'h'), value(type, 'w')];
  const [product, sum, next, term] = [
    value(type, 'product'),
    value(type, 'sum'),
    value(type, 'next'),
    value(type, 'term'),
  ];
  return {
    parameters: [position, x, h, w],
    nodes: [
      node('mul', [w, h], {}, product),
      node('add', [x, product], {}, sum),
      node('tanh', [sum], {}, next),
      node('mul', [x, next], {}, term),
    ],
    results: [next, next, term],
  };
}

/** Σ of the positions, by a carry; stacks the position. */
function positions(): Region {
  const [position, total, next] = [value(i32(), 't'), value(i32(), 'total'), value(i32(), 'next')];
  return {
    parameters: [position, total],
    nodes: [node('add', [total, position], {}, next)],
    results: [next, position],
  };
}

const counts = { sequences: 1, carries: 1, stacks: 1 };

export const scanSamples: readonly OpSample<'scan'>[] = [
  {
    title: 'forward',
    operands: [f32('seq', 3), f32(3), f32(3)],
    attributes: { trip: dimOf('seq'), reverse: false, ...counts },
    region: recurrence(f32(3)),
    sizes: { seq: 5 },
  },
  {
    title: 'reversed',
    operands: [f32('seq', 'batch', 2), f32('batch', 2), f32('batch', 2)],
    attributes: { trip: dimOf('seq'), reverse: true, ...counts },
    region: recurrence(f32('batch', 2)),
    sizes: { seq: 4, batch: 3 },
  },
  {
    title: 'one step',
    operands: [f32(1), f32(), f32()],
    attributes: { trip: constantDim(1), reverse: false, ...counts },
    region: recurrence(f32()),
  },
  {
    title: 'no step',
    operands: [f32(0, 3), f32(3), f32(3)],
    attributes: { trip: constantDim(0), reverse: false, ...counts },
    region: recurrence(f32(3)),
  },
  {
    title: 'positions only',
    operands: [i32()],
    attributes: { trip: constantDim(7), reverse: false, sequences: 0, carries: 1, stacks: 1 },
    region: positions(),
  },
];
