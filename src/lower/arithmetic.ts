/** Operators and elementwise functions over numbers, sizes and tensors. */
import { help, note } from '../diagnostics/define.ts';
import type { Diagnostic, Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { addDims, divideDims, equalDims, multiplyDims, subtractDims, type Dim } from '../ir/dim.ts';
import type { BinaryOp, CompareOp, Value } from '../ir/graph.ts';
import type { DType } from '../ir/types.ts';
import { broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import type { Context } from './context.ts';
import { axisText, describeValue, dimNotes, dimText, typeText } from './describe.ts';
import { dimValue, hole, poison, tensor, toDim, type LmValue, type NumberValue } from './values.ts';

export type Arithmetic = '+' | '-' | '*' | '/' | '//' | '%' | '**' | 'max' | 'min';
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

const COMPARISONS: Readonly<Record<Comparison, CompareOp>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

/** Two operands with how they are written, for messages. */
export interface Operands {
  readonly span: Span;
  readonly lhs: LmValue;
  readonly rhs: LmValue;
  readonly lhsSpan: Span;
  readonly rhsSpan: Span;
}

/** Undefined where both are numbers or tensors; else what the operation gives without looking further. */
function absorb(lhs: LmValue, rhs: LmValue): LmValue | undefined {
  if (lhs.kind === 'poison' || rhs.kind === 'poison') return poison;
  // A carry of unknown shape takes that of the tensor it meets.
  if (lhs.kind === 'hole') return rhs.kind === 'tensor' ? rhs : hole;
  if (rhs.kind === 'hole') return lhs.kind === 'tensor' ? lhs : hole;
  return undefined;
}

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

/** A number, boolean or size as a tensor of a dtype, without axes; a tensor as it is. */
export function asTensor(ctx: Context, value: LmValue, dtype: DType): Value | undefined {
  switch (value.kind) {
    case 'tensor':
      return value.value;
    case 'number':
      if (dtype === 'bool' || (dtype === 'i32' && !isInt32(value.value))) return undefined;
      return ctx.constant(value.value, dtype);
    case 'boolean':
      return dtype === 'bool' ? ctx.constant(value.value ? 1 : 0, 'bool') : undefined;
    case 'dim': {
      if (dtype === 'bool') return undefined;
      const size = ctx.emit('dim-size', [], { dim: value.dim });
      return dtype === 'i32' ? size : ctx.emit('cast', [size], { dtype });
    }
    default:
      return undefined;
  }
}

function isInt32(value: number): boolean {
  return Number.isInteger(value) && value >= -2147483648 && value <= 2147483647;
}

/** Both operands as tensors of one dtype and shape; undefined after an error. */
export function align(
  ctx: Context,
  operator: string,
  operands: Operands,
): readonly [Value, Value] | undefined {
  const { lhs, rhs, span } = operands;
  const dtype =
    lhs.kind === 'tensor' ? lhs.value.type.dtype : rhs.kind === 'tensor' ? rhs.value.type.dtype : 'f32';
  const [left, right] = [asTensor(ctx, lhs, dtype), asTensor(ctx, rhs, dtype)];
  if (left === undefined || right === undefined) {
    const [found, at] = left === undefined ? [lhs, operands.lhsSpan] : [rhs, operands.rhsSpan];
    const isFraction = dtype === 'i32' && found.kind === 'number';
    ctx.report(
      types.dtypeMismatch(
        at,
        { expected: dtype, found: found.kind === 'number' ? String(found.value) : found.kind },
        isFraction
          ? [note('the other side is `i32`: whole numbers'), help('convert it with `f32(…)` first')]
          : [],
      ),
    );
    return undefined;
  }
  if (left.type.dtype !== right.type.dtype) {
    const isLeftFloat = left.type.dtype === 'f32';
    ctx.report(
      types.dtypeMismatch(
        isLeftFloat ? operands.rhsSpan : operands.lhsSpan,
        {
          expected: isLeftFloat ? left.type.dtype : right.type.dtype,
          found: isLeftFloat ? right.type.dtype : left.type.dtype,
        },
        [
          note(`the left side is \`${typeText(left.type)}\``, operands.lhsSpan),
          note(`the right side is \`${typeText(right.type)}\``, operands.rhsSpan),
          help(`convert one of them, as in \`${isLeftFloat ? left.type.dtype : 'f32'}(…)\``),
        ],
      ),
    );
    return undefined;
  }
  const shape = commonShape(left.type.shape, right.type.shape);
  if (isDisagreement(shape)) {
    const rank = Math.max(left.type.shape.length, right.type.shape.length);
    ctx.report(
      types.sizeMismatch(
        span,
        {
          what: `the sides of \`${operator}\` do not fit`,
          axis: axisText(rank - shape.fromLast, rank),
          left: dimText(shape.left),
          right: dimText(shape.right),
        },
        [
          note(`the left side is \`${typeText(left.type)}\``, operands.lhsSpan),
          note(`the right side is \`${typeText(right.type)}\``, operands.rhsSpan),
          ...dimNotes([shape.left, shape.right]),
          ...transposeHelp(left, right),
        ],
      ),
    );
    return undefined;
  }
  return [broadcastTo(ctx, left, shape), broadcastTo(ctx, right, shape)];
}

function transposeHelp(left: Value, right: Value): readonly Note[] {
  const fits = (x: readonly Dim[], y: readonly Dim[]): boolean => !isDisagreement(commonShape(x, y));
  const flipped = (shape: readonly Dim[]): readonly Dim[] => shape.toReversed();
  if (right.type.shape.length === 2 && fits(left.type.shape, flipped(right.type.shape)))
    return [help('the right side fits when it is transposed: `.T`')];
  if (left.type.shape.length === 2 && fits(flipped(left.type.shape), right.type.shape))
    return [help('the left side fits when it is transposed: `.T`')];
  return [];
}

export function compare(ctx: Context, operator: Comparison, operands: Operands): LmValue {
  const { lhs, rhs, span } = operands;
  if (lhs.kind === 'poison' || rhs.kind === 'poison') return poison;
  if (lhs.kind === 'hole' || rhs.kind === 'hole') return hole;
  const isEquality = operator === '==' || operator === '!=';
  const asksNone = isEquality && (lhs.kind === 'none' || rhs.kind === 'none');
  if (!asksNone && (lhs.kind === 'tensor' || rhs.kind === 'tensor')) {
    const pair = align(ctx, operator, operands);
    return pair === undefined ? poison : ctx.tensor(COMPARISONS[operator], pair, {});
  }
  if (lhs.kind === 'number' && rhs.kind === 'number')
    return { kind: 'boolean', value: compareNumbers(operator, lhs.value, rhs.value) };
  if (isEquality) {
    const same = isSame(lhs, rhs);
    if (same !== undefined) return { kind: 'boolean', value: operator === '==' ? same : !same };
  }
  return ctx.fail(
    types.unknownAtCompileTime(span, { left: describeValue(lhs), right: describeValue(rhs), operator }),
  );
}

function compareNumbers(operator: Comparison, x: number, y: number): boolean {
  switch (operator) {
    case '==':
      return x === y;
    case '!=':
      return x !== y;
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
  }
}

/** Undefined where it depends on sizes that are not known yet. */
function isSame(lhs: LmValue, rhs: LmValue): boolean | undefined {
  if (lhs.kind === 'none' || rhs.kind === 'none') return lhs.kind === rhs.kind;
  const [x, y] = [toDim(lhs), toDim(rhs)];
  if (x !== undefined && y !== undefined) return equalDims(x, y) ? true : undefined;
  if (lhs.kind === 'string' && rhs.kind === 'string') return lhs.value === rhs.value;
  if (lhs.kind === 'boolean' && rhs.kind === 'boolean') return lhs.value === rhs.value;
  return lhs.kind === rhs.kind ? undefined : false;
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

/** `and`, `or`, `not` of booleans and of bool tensors. */
export function logic(ctx: Context, operator: 'and' | 'or', operands: Operands): LmValue {
  const { lhs, rhs } = operands;
  const absorbed = absorb(lhs, rhs);
  if (absorbed !== undefined) return absorbed;
  if (lhs.kind === 'boolean' && rhs.kind === 'boolean')
    return {
      kind: 'boolean',
      value: operator === 'and' ? lhs.value && rhs.value : lhs.value || rhs.value,
    };
  for (const [value, at] of [
    [lhs, operands.lhsSpan],
    [rhs, operands.rhsSpan],
  ] as const)
    if (value.kind !== 'boolean' && !(value.kind === 'tensor' && value.value.type.dtype === 'bool'))
      return ctx.fail(
        types.wrongKind(at, { expected: `true or false for \`${operator}\``, found: describeValue(value) }),
      );
  const pair = align(ctx, operator, operands);
  return pair === undefined ? poison : ctx.tensor(operator, pair, {});
}

export function invert(ctx: Context, value: LmValue, span: Span): LmValue {
  if (value.kind === 'poison' || value.kind === 'hole') return value;
  if (value.kind === 'boolean') return { kind: 'boolean', value: !value.value };
  if (value.kind === 'tensor' && value.value.type.dtype === 'bool')
    return ctx.tensor('not', [value.value], {});
  return ctx.fail(
    types.wrongKind(span, { expected: 'true or false for `not`', found: describeValue(value) }),
  );
}
