/** Functions of one element, of numbers as well as of tensors. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { note } from '../../diagnostics/define.ts';
import type { UnaryOp, Value } from '../../ir/graph.ts';
import type { DType } from '../../ir/types.ts';
import { align, asTensor } from '../align.ts';
import { arithmetic } from '../arithmetic.ts';
import { broadcastTo, commonShape, isDisagreement } from '../broadcast.ts';
import { dimNotes, dimText, typeText } from '../describe.ts';
import { poison, real, tensor, type LmValue } from '../values.ts';
import type { Call, FunctionTable, LmFunction } from './function.ts';
import { choiceOf, numberOf, spanOf, tensorOf, valueOf } from './read.ts';

/** `exp(0.5)` is a number, `exp(x)` a tensor. */
function unary(op: UnaryOp, documentation: string, compute?: (x: number) => number): LmFunction {
  return {
    parameters: ['x'],
    documentation,
    apply(call) {
      const value = valueOf(call, 'x');
      if (value?.kind === 'number' && compute !== undefined) {
        const result = compute(value.value);
        const isWhole = value.isInteger && Number.isInteger(result) && op !== 'sqrt';
        return isWhole ? { kind: 'number', value: result, isInteger: true } : real(result);
      }
      const dtypes: readonly DType[] =
        op === 'abs' || op === 'sign' || op === 'relu'
          ? ['f32', 'i32']
          : op === 'stop-gradient'
            ? ['f32', 'i32', 'bool']
            : ['f32'];
      const x = tensorOf(call, 'x', dtypes);
      return x === undefined ? poison : call.ctx.tensor(op, [x], {});
    },
  };
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** x · constant */
export function times({ ctx }: Call, x: Value, factor: number): Value {
  return ctx.emit('mul', [x, ctx.constant(factor, x.type.dtype, x.type.shape)], {});
}

export function plus({ ctx }: Call, x: Value, addend: number): Value {
  return ctx.emit('add', [x, ctx.constant(addend, x.type.dtype, x.type.shape)], {});
}

const gelu: LmFunction = {
  parameters: ['x', 'approximate?'],
  documentation:
    'x·Φ(x) by the error function; `approximate="tanh"` for the form of GPT-2 (Hendrycks and Gimpel 2016).',
  apply(call) {
    const x = tensorOf(call, 'x', ['f32']);
    const form = choiceOf(call, 'approximate', ['none', 'tanh'], 'none');
    if (x === undefined || form === undefined) return poison;
    const { ctx } = call;
    const inner =
      form === 'none'
        ? ctx.emit('erf', [times(call, x, Math.SQRT1_2)], {})
        : ctx.emit('tanh', [tanhArgument(call, x)], {});
    return ctx.tensor('mul', [times(call, x, 0.5), plus(call, inner, 1)], {});
  },
};

/** √(2/π) (x + 0.044715 x³) */
function tanhArgument(call: Call, x: Value): Value {
  const { ctx } = call;
  const cube = ctx.emit('mul', [ctx.emit('mul', [x, x], {}), x], {});
  return times(call, ctx.emit('add', [x, times(call, cube, 0.044715)], {}), Math.sqrt(2 / Math.PI));
}

const silu: LmFunction = {
  parameters: ['x'],
  documentation: 'x·σ(x), also called swish.',
  apply(call) {
    const x = tensorOf(call, 'x', ['f32']);
    return x === undefined ? poison : call.ctx.tensor('mul', [x, call.ctx.emit('sigmoid', [x], {})], {});
  },
};

const leakyRelu: LmFunction = {
  parameters: ['x', 'slope?'],
  documentation: 'x where it is above 0, `slope`·x (0.01) elsewhere.',
  apply(call) {
    const x = tensorOf(call, 'x', ['f32']);
    const slope = numberOf(call, 'slope', 0.01);
    if (x === undefined || slope === undefined) return poison;
    const { ctx } = call;
    const above = ctx.emit('gt', [x, ctx.constant(0, 'f32', x.type.shape)], {});
    return ctx.tensor('select', [above, x, times(call, x, slope)], {});
  },
};

/** max(x, 0) with the gradient ½ at 0, which makes that of a sum with even terms right there. */
export function positivePart({ ctx }: Call, x: Value): Value {
  return ctx.emit('max', [x, ctx.constant(0, 'f32', x.type.shape)], {});
}

/** log(1 + e^x) = max(x, 0) + log(1 + e^−|x|), which does not overflow. */
export function softplusOf(call: Call, x: Value): Value {
  const { ctx } = call;
  const small = ctx.emit('exp', [ctx.emit('neg', [ctx.emit('abs', [x], {})], {})], {});
  return ctx.emit('add', [positivePart(call, x), ctx.emit('log', [plus(call, small, 1)], {})], {});
}

const softplus: LmFunction = {
  parameters: ['x'],
  documentation: 'log(1 + e^x), without overflow.',
  apply(call) {
    const x = tensorOf(call, 'x', ['f32']);
    return x === undefined ? poison : tensor(softplusOf(call, x));
  },
};

/** Two values of one shape, by the operator's rules. */
function pairwise(operator: 'max' | 'min', documentation: string): LmFunction {
  return {
    parameters: ['a', 'b'],
    documentation,
    acceptsHole: true,
    apply(call) {
      const [a, b] = [valueOf(call, 'a'), valueOf(call, 'b')];
      if (a === undefined || b === undefined) return poison;
      return arithmetic(call.ctx, operator, {
        span: call.span,
        lhs: a,
        rhs: b,
        lhsSpan: spanOf(call, 'a'),
        rhsSpan: spanOf(call, 'b'),
      });
    },
  };
}

const where: LmFunction = {
  parameters: ['condition', 'a', 'b'],
  documentation: '`a` where the condition holds, `b` elsewhere; all three broadcast.',
  acceptsHole: true,
  apply(call) {
    const { ctx, span } = call;
    const [condition, a, b] = [valueOf(call, 'condition'), valueOf(call, 'a'), valueOf(call, 'b')];
    if (condition === undefined || a === undefined || b === undefined) return poison;
    if (a.kind === 'hole' || b.kind === 'hole' || condition.kind === 'hole') return a.kind === 'hole' ? b : a;
    const test = tensorOf(call, 'condition', ['bool']);
    if (test === undefined) return poison;
    const dtype: DType = [a, b].every((each) => each.kind === 'boolean') ? 'bool' : 'f32';
    const lifted = a.kind !== 'tensor' && b.kind !== 'tensor' ? asTensor(ctx, a, dtype) : undefined;
    const pair = align(ctx, 'where', {
      span,
      lhs: lifted === undefined ? a : tensor(lifted),
      rhs: b,
      lhsSpan: spanOf(call, 'a'),
      rhsSpan: spanOf(call, 'b'),
    });
    return pair === undefined ? poison : select(call, test, pair[0], pair[1]);
  },
};

function select(call: Call, test: Value, a: Value, b: Value): LmValue {
  const { ctx } = call;
  const shape = commonShape(test.type.shape, a.type.shape);
  if (isDisagreement(shape))
    return ctx.fail(
      types.sizeMismatch(
        spanOf(call, 'condition'),
        {
          what: 'the condition and the values of `where` do not fit',
          axis: 'an axis',
          left: dimText(shape.left),
          right: dimText(shape.right),
        },
        [
          note(`the condition is \`${typeText(test.type)}\``, spanOf(call, 'condition')),
          note(`the values are \`${typeText(a.type)}\``, spanOf(call, 'a')),
          ...dimNotes([shape.left, shape.right]),
        ],
      ),
    );
  return ctx.tensor(
    'select',
    [test, a, b].map((each) => broadcastTo(ctx, each, shape)),
    {},
  );
}

function conversion(dtype: DType): LmFunction {
  return {
    parameters: ['x'],
    documentation: `x as \`${dtype}\`.`,
    apply(call) {
      const value = valueOf(call, 'x');
      if (value?.kind === 'number' && dtype === 'i32')
        return { kind: 'number', value: Math.trunc(value.value), isInteger: true };
      const own = value?.kind === 'boolean' ? 'bool' : dtype;
      const x = value && asTensor(call.ctx, value, own);
      if (x === undefined) return tensorOf(call, 'x') === undefined ? poison : poison;
      return x.type.dtype === dtype ? tensor(x) : call.ctx.tensor('cast', [x], { dtype });
    },
  };
}

export const elementwise: FunctionTable = {
  tanh: unary('tanh', 'The hyperbolic tangent.', Math.tanh),
  sigmoid: unary('sigmoid', '1 / (1 + e^−x).', sigmoid),
  relu: unary('relu', 'max(x, 0).', (x) => Math.max(x, 0)),
  leaky_relu: leakyRelu,
  gelu,
  silu,
  softplus,
  exp: unary('exp', 'e to the power of x.', Math.exp),
  log: unary('log', 'The natural logarithm.', Math.log),
  sqrt: unary('sqrt', 'The square root.', Math.sqrt),
  rsqrt: unary('rsqrt', '1/√x.', (x) => 1 / Math.sqrt(x)),
  abs: unary('abs', '|x|.', Math.abs),
  sign: unary('sign', '−1, 0 or 1.', Math.sign),
  floor: unary('floor', 'The largest whole number that is not above x.', Math.floor),
  sin: unary('sin', 'The sine.', Math.sin),
  cos: unary('cos', 'The cosine.', Math.cos),
  erf: unary('erf', 'The error function.'),
  stop_gradient: unary('stop-gradient', 'x, through which no gradient passes.'),
  maximum: pairwise('max', 'The larger of two values, element by element.'),
  minimum: pairwise('min', 'The smaller of two values, element by element.'),
  where,
  f32: conversion('f32'),
  i32: conversion('i32'),
  bool: conversion('bool'),
};
