/** Two operands as tensors of one dtype and shape. */
import { help, note } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import type { Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import type { DType } from '../ir/types.ts';
import { broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import type { Context } from './context.ts';
import { axisText, dimNotes, dimText, typeText } from './describe.ts';
import { hole, poison, type LmValue } from './values.ts';

/** Two operands with how they are written, for messages. */
export interface Operands {
  readonly span: Span;
  readonly lhs: LmValue;
  readonly rhs: LmValue;
  readonly lhsSpan: Span;
  readonly rhsSpan: Span;
}

/** Undefined where both are numbers or tensors; else what the operation gives without looking further. */
export function absorb(lhs: LmValue, rhs: LmValue): LmValue | undefined {
  if (lhs.kind === 'poison' || rhs.kind === 'poison') return poison;
  // A carry of unknown shape takes that of the tensor it meets.
  if (lhs.kind === 'hole') return rhs.kind === 'tensor' ? rhs : hole;
  if (rhs.kind === 'hole') return lhs.kind === 'tensor' ? lhs : hole;
  return undefined;
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
          help(
            left.type.dtype === 'bool' || right.type.dtype === 'bool'
              ? 'a mask chooses by `where(mask, x, -1e30)`; `f32(mask)` makes zeros and ones of it'
              : `convert one of them, as in \`${isLeftFloat ? left.type.dtype : 'f32'}(…)\``,
          ),
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
