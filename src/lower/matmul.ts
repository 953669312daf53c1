/**
 * `@`: NumPy's matrix product, and one form that NumPy refuses: a weight `[out, in]` to the left of a value
 * `[…, in]` with leading axes is applied to each of its vectors and gives `[…, out]`, as in `weight_ih @ x_t`.
 * A product that both readings fit is an error, never a guess.
 */
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import { equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import type { Operands } from './align.ts';
import { broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import type { Context } from './context.ts';
import { describeValue, dimNotes, dimText, typeText } from './describe.ts';
import { hole, poison, tensor, type LmValue } from './values.ts';

export function matmul(ctx: Context, operands: Operands): LmValue {
  const { lhs, rhs } = operands;
  if (lhs.kind === 'poison' || rhs.kind === 'poison') return poison;
  for (const [value, span] of [
    [lhs, operands.lhsSpan],
    [rhs, operands.rhsSpan],
  ] as const) {
    if (value.kind === 'hole') continue;
    if (value.kind !== 'tensor')
      return ctx.fail(
        types.wrongKind(
          span,
          { expected: 'a tensor for `@`', found: describeValue(value) },
          value.kind === 'number' ? [help('multiply by a number with `*`')] : [],
        ),
      );
    if (value.value.type.dtype !== 'f32')
      return ctx.fail(types.dtypeMismatch(span, { expected: 'f32', found: value.value.type.dtype }));
    if (value.value.type.shape.length === 0)
      return ctx.fail(
        types.wrongKind(span, { expected: 'a vector or matrix for `@`', found: 'a tensor without axes' }, [
          help('multiply by a number with `*`'),
        ]),
      );
  }
  if (lhs.kind !== 'tensor' || rhs.kind !== 'tensor') return hole;
  return product(ctx, lhs.value, rhs.value, operands);
}

function product(ctx: Context, left: Value, right: Value, operands: Operands): LmValue {
  const [leftShape, rightShape] = [left.type.shape, right.type.shape];
  const inner = leftShape.at(-1);
  const outer = rightShape.at(rightShape.length === 1 ? 0 : -2);
  const last = rightShape.at(-1);
  if (inner === undefined || outer === undefined || last === undefined) return poison;
  const isWeight = leftShape.length === 2 && ctx.facts.isWeight(left) && !ctx.facts.isWeight(right);
  const perVector = isWeight && rightShape.length > 1 && equalDims(inner, last);
  const ordinary = equalDims(inner, outer);
  if (perVector && ordinary)
    return ctx.fail(
      types.ambiguousProduct(operands.span, { left: typeText(left.type), right: typeText(right.type) }, [
        help('write `x @ weight.T` to apply the weight to each vector, or an `einsum` with named axes'),
      ]),
    );
  if (perVector)
    return tensor(ctx.emit('dot', [right, left], { batch: [], contract: [[rightShape.length - 1, 1]] }));
  if (!ordinary)
    return ctx.fail(
      types.productMismatch(
        operands.span,
        {
          left: typeText(left.type),
          right: typeText(right.type),
          leftSize: dimText(inner),
          rightSize: dimText(outer),
          rightAxis: rightShape.length === 1 ? 'only axis' : 'last axis but one',
        },
        [
          note(`the left side is \`${typeText(left.type)}\``, operands.lhsSpan),
          note(`the right side is \`${typeText(right.type)}\``, operands.rhsSpan),
          ...dimNotes([inner, outer]),
          ...productHelp(leftShape, rightShape),
        ],
      ),
    );
  return batched(ctx, left, right, operands);
}

function productHelp(left: readonly Dim[], right: readonly Dim[]): readonly Note[] {
  const [inner, first, last] = [left.at(-1), left.at(-2), right.at(-1)];
  const outer = right.at(-2);
  if (inner && last && right.length === 2 && equalDims(inner, last))
    return [help('the right side fits when it is transposed: `@ ….T`')];
  if (first && outer && left.length === 2 && equalDims(first, outer))
    return [help('the left side fits when it is transposed: `….T @`')];
  if (last && first && equalDims(last, first)) return [help('the sides fit the other way round')];
  return [];
}

/** Leading axes broadcast; `[k] @ …` and `… @ [k]` have no axis left on that side. */
function batched(ctx: Context, left: Value, right: Value, operands: Operands): LmValue {
  const [leftShape, rightShape] = [left.type.shape, right.type.shape];
  const contract = [leftShape.length - 1, Math.max(0, rightShape.length - 2)] as const;
  if (rightShape.length <= 2)
    return tensor(ctx.emit('dot', [left, right], { batch: [], contract: [contract] }));
  if (leftShape.length === 1) {
    return tensor(ctx.emit('dot', [left, right], { batch: [], contract: [contract] }));
  }
  const [leftLead, rightLead] = [leftShape.slice(0, -2), rightShape.slice(0, -2)];
  const lead = commonShape(leftLead, rightLead);
  if (isDisagreement(lead))
    return ctx.fail(
      types.sizeMismatch(
        operands.span,
        {
          what: 'the leading axes of the sides of `@` do not fit',
          axis: 'an axis',
          left: dimText(lead.left),
          right: dimText(lead.right),
        },
        [
          note(`the left side is \`${typeText(left.type)}\``, operands.lhsSpan),
          note(`the right side is \`${typeText(right.type)}\``, operands.rhsSpan),
          ...dimNotes([lead.left, lead.right]),
        ],
      ),
    );
  if (leftLead.length === 0) {
    // [m, k] @ [b…, k, n] -> [b…, m, n]: the rows come first out of the product
    const flat = ctx.emit('dot', [right, left], {
      batch: [],
      contract: [[rightShape.length - 2, 1]],
    });
    return tensor(swapLast(ctx, flat));
  }
  const x = broadcastTo(ctx, left, [...lead, ...leftShape.slice(-2)]);
  const y = broadcastTo(ctx, right, [...lead, ...rightShape.slice(-2)]);
  return tensor(
    ctx.emit('dot', [x, y], {
      batch: lead.map((_, axis) => [axis, axis] as const),
      contract: [[lead.length + 1, lead.length]],
    }),
  );
}

function swapLast(ctx: Context, value: Value): Value {
  const rank = value.type.shape.length;
  const permutation = value.type.shape.map((_, axis) =>
    axis === rank - 1 ? rank - 2 : axis === rank - 2 ? rank - 1 : axis,
  );
  return ctx.emit('transpose', [value], { permutation });
}
