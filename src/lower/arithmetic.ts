/** Arithmetic over numbers, sizes and tensors. */
import { help, note } from '../diagnostics/define.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { addDims, divideDims, multiplyDims, subtractDims, type Dim } from '../ir/dim.ts';
import type { BinaryOp, Value } from '../ir/graph.ts';
import type { Context } from './context.ts';
import { describeValue } from './describe.ts';
import { dimValue, poison, tensor, toDim, type LmValue, type NumberValue } from './values.ts';
import { absorb, align, asTensor, type Operands } from './align.ts';

export type Arithmetic = '+' | '-' | '*' | '/' | '//' | '%' | '**' | 'max' | 'min';

function isNumeric(value: LmValue): boolean {
  return value.kind === 'number' || value.kind === 'dim' || value.kind === 'tensor';
}

export function arithmetic(ctx: Context, operator: Arithmetic, operands: Operands): LmValue {
  const { lhs, rhs, span } = operands;
  const absorbed = absorb(lhs, rhs);
  if (absorbed !== undefined) return absorbed;
  for (const [value, at] of [
    [lhs, operands.lhsSpan],
    [rhs, operands.rhsSpan],
  ] as const)
    if (!isNumeric(value)) return ctx.fail(notNumeric(value, operator, at));
  if (lhs.kind === 'number' && rhs.kind === 'number') return numbers(ctx, operator, lhs, rhs, span);
  if (lhs.kind !== 'tensor' && rhs.kind !== 'tensor') return sizes(ctx, operator, lhs, rhs, span);
  const pair = align(ctx, operator, operands);
  if (pair === undefined) return poison;
  const [left, right] = pair;
  if (left.type.dtype === 'bool')
    return ctx.fail(
      types.dtypeMismatch(span, { expected: 'f32', found: 'bool' }, [
        help(`\`${operator}\` counts numbers; convert with \`f32(…)\``),
      ]),
    );
  if (left.type.dtype === 'i32' && operator === '/')
    return ctx.fail(
      types.dtypeMismatch(span, { expected: 'f32', found: 'i32' }, [
        help('divide whole numbers with `//`, or convert them with `f32(…)` first'),
      ]),
    );
  return tensor(tensorArithmetic(ctx, operator, left, right, rhs));
}

function tensorArithmetic(
  ctx: Context,
  operator: Arithmetic,
  left: Value,
  right: Value,
  rhs: LmValue,
): Value {
  const isFloat = left.type.dtype === 'f32';
  const emit = (op: BinaryOp, x: Value, y: Value): Value => ctx.emit(op, [x, y], {});
  switch (operator) {
    case '+':
      return emit('add', left, right);
    case '-':
      return emit('sub', left, right);
    case '*':
      return emit('mul', left, right);
    case '/':
      return emit('div', left, right);
    case 'max':
    case 'min':
      return emit(operator, left, right);
    case '%':
      return isFloat ? emit('mod', left, right) : floorMod(emit, left, right);
    case '//':
      return isFloat
        ? ctx.emit('floor', [emit('div', left, right)], {})
        : emit('div', emit('sub', left, floorMod(emit, left, right)), right);
    case '**':
      return rhs.kind === 'number' ? power(ctx, left, right, rhs.value) : emit('pow', left, right);
  }
}

/** Python's remainder of whole numbers has the sign of the divisor; the op has that of the dividend. */
function floorMod(emit: (op: BinaryOp, x: Value, y: Value) => Value, x: Value, y: Value): Value {
  return emit('mod', emit('add', emit('mod', x, y), y), y);
}

/** Small whole powers are products: exact, and defined below 0, where a GPU's `pow` is not. */
function power(ctx: Context, base: Value, exponentTensor: Value, exponent: number): Value {
  if (exponent === 0.5) return ctx.emit('sqrt', [base], {});
  if (exponent === -0.5) return ctx.emit('rsqrt', [base], {});
  const count = Math.abs(exponent);
  if (!Number.isInteger(exponent) || count > 16) return ctx.emit('pow', [base, exponentTensor], {});
  const one = (): Value => ctx.constant(1, base.type.dtype, base.type.shape);
  let result: Value | undefined;
  let square = base;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : ctx.emit('mul', [result, square], {});
    if (rest > 1) square = ctx.emit('mul', [square, square], {});
  }
  result ??= one();
  return exponent < 0 ? ctx.emit('div', [one(), result], {}) : result;
}

function notNumeric(value: LmValue, operator: Arithmetic, at: Span): Diagnostic {
  if (value.kind === 'none' && value.parameter !== undefined) {
    const { name, span } = value.parameter;
    return types.absentParameter(at, { name }, [note('its initialiser is `none`', span)]);
  }
  const expected = `a number or tensor for \`${operator}\``;
  return types.wrongKind(at, { expected, found: describeValue(value) });
}

function numbers(
  ctx: Context,
  operator: Arithmetic,
  lhs: NumberValue,
  rhs: NumberValue,
  span: Span,
): LmValue {
  const [x, y] = [lhs.value, rhs.value];
  if (y === 0 && (operator === '/' || operator === '//' || operator === '%'))
    return ctx.fail(types.divisionByZero(span, { operator }));
  const whole = lhs.isInteger && rhs.isInteger;
  const result = {
    '+': x + y,
    '-': x - y,
    '*': x * y,
    '/': x / y,
    '//': Math.floor(x / y),
    '%': x - y * Math.floor(x / y),
    '**': x ** y,
    max: Math.max(x, y),
    min: Math.min(x, y),
  }[operator];
  return { kind: 'number', value: result, isInteger: whole && Number.isInteger(result) };
}

function sizes(ctx: Context, operator: Arithmetic, lhs: LmValue, rhs: LmValue, span: Span): LmValue {
  const [x, y] = [toSignedDim(lhs), toSignedDim(rhs)];
  const result = x === undefined || y === undefined ? undefined : combineDims(operator, x, y);
  if (result !== undefined) return dimValue(result);
  // Not a size any more (`1 / seq`): a number that is known at run time.
  const [left, right] = [asTensor(ctx, lhs, 'f32'), asTensor(ctx, rhs, 'f32')];
  if (left === undefined || right === undefined)
    return ctx.fail(types.wrongKind(span, { expected: 'numbers', found: describeValue(lhs) }));
  return tensor(tensorArithmetic(ctx, operator, left, right, rhs));
}

function toSignedDim(value: LmValue): Dim | undefined {
  if (value.kind === 'number' && Number.isSafeInteger(value.value) && value.value < 0) {
    const positive = toDim({ ...value, value: -value.value });
    return positive && subtractDims({ terms: [] }, positive);
  }
  return toDim(value);
}

function combineDims(operator: Arithmetic, x: Dim, y: Dim): Dim | undefined {
  switch (operator) {
    case '+':
      return addDims(x, y);
    case '-':
      return subtractDims(x, y);
    case '*':
      return multiplyDims(x, y);
    case '/':
    case '//':
      return divideDims(x, y);
    case '%':
    case '**':
    case 'max':
    case 'min':
      return undefined;
  }
}

export function negate(ctx: Context, value: LmValue, span: Span): LmValue {
  switch (value.kind) {
    case 'poison':
    case 'hole':
      return value;
    case 'number':
      return { kind: 'number', value: -value.value, isInteger: value.isInteger };
    case 'dim':
      return dimValue(subtractDims({ terms: [] }, value.dim));
    case 'tensor':
      return ctx.tensor('neg', [value.value], {});
    default:
      return ctx.fail(types.wrongKind(span, { expected: 'a number or tensor', found: describeValue(value) }));
  }
}
