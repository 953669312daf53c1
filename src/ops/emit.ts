/** Short forms for gradients: pointwise nodes whose types are known to fit. */
import type { GraphBuilder } from '../ir/builder.ts';
import type { BinaryOp, CompareOp, Empty, UnaryOp, Value } from '../ir/graph.ts';

const NONE: Empty = {};

export interface Emitter {
  readonly unary: (op: UnaryOp, x: Value) => Value;
  readonly binary: (op: BinaryOp | CompareOp, x: Value, y: Value) => Value;
  readonly select: (condition: Value, then: Value, otherwise: Value) => Value;
  readonly mul: (x: Value, y: Value) => Value;
  readonly sub: (x: Value, y: Value) => Value;
  readonly div: (x: Value, y: Value) => Value;
  readonly neg: (x: Value) => Value;
  /** A number in the dtype and shape of `x`. */
  readonly like: (x: Value, value: number) => Value;
}

export function emitter(builder: GraphBuilder): Emitter {
  const binary = (op: BinaryOp | CompareOp, x: Value, y: Value): Value => builder.emit(op, [x, y], NONE);
  const unary = (op: UnaryOp, x: Value): Value => builder.emit(op, [x], NONE);
  return {
    unary,
    binary,
    select: (condition, then, otherwise) => builder.emit('select', [condition, then, otherwise], NONE),
    mul: (x, y) => binary('mul', x, y),
    sub: (x, y) => binary('sub', x, y),
    div: (x, y) => binary('div', x, y),
    neg: (x) => unary('neg', x),
    like: (x, value) => builder.constant(value, x.type.dtype, x.type.shape),
  };
}
