/** What a scan’s body hands on and emits: checked, and held behind a row’s length. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import { equalDims } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import type { TensorType } from '../ir/types.ts';
import { asTensor } from './align.ts';
import { broadcastLeading, broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import type { Context, Outcome } from './context.ts';
import { describeValue, dimNotes, typeText } from './describe.ts';
import type { LmValue } from './values.ts';
import type { Setup } from './scan-setup.ts';
import { nextCarries, walk } from './scan-carries.ts';

/** The region's results, with masked rows keeping their carries and emitting 0. */
export function regionResults(
  ctx: Context,
  setup: Setup,
  walked: ReturnType<typeof walk>,
  carryTypes: readonly TensorType[],
) {
  const { outcome } = walked;
  if (outcome.kind !== 'next') {
    ctx.report(types.missingNext(setup.expression.span, { what: 'scan' }));
    return undefined;
  }
  const next = nextCarries(setup, outcome).map((value, at) =>
    checkCarry(ctx, setup, at, value, carryTypes[at], outcome),
  );
  const emits = outcome.emits.map((value, at) => {
    if (value.kind === 'tensor') return value.value;
    const scalar = asTensor(ctx, value, value.kind === 'boolean' ? 'bool' : 'f32');
    if (scalar === undefined && value.kind !== 'poison')
      ctx.report(
        types.wrongKind(outcome.statement.emits[at]?.span ?? outcome.statement.span, {
          expected: 'a tensor to emit',
          found: describeValue(value),
        }),
      );
    return scalar;
  });
  const [knownNext, knownEmits] = [next.flatMap((each) => each ?? []), emits.flatMap((each) => each ?? [])];
  if (knownNext.length !== next.length || knownEmits.length !== emits.length) return undefined;
  if (setup.lengths === undefined)
    return {
      next: knownNext.map((each) => ctx.frame.use(each)),
      stacks: knownEmits.map((each) => ctx.frame.use(each)),
    };
  const keep = maskOf(ctx, setup.lengths, walked.position);
  const masked = (value: Value, otherwise: Value | undefined, what: string): Value | undefined => {
    const { shape } = value.type;
    const lead = keep.type.shape;
    if (shape.length < lead.length || lead.some((dim, axis) => !equalDims(dim, shape[axis] ?? dim))) {
      ctx.report(
        types.maskMismatch(setup.expression.masked?.span ?? setup.expression.span, {
          what,
          type: typeText(value.type),
          lengths: typeText(setup.lengths?.type ?? value.type),
        }),
      );
      return undefined;
    }
    const other = otherwise ?? ctx.constant(0, value.type.dtype, shape);
    return ctx.emit('select', [broadcastLeading(ctx, keep, shape), value, other], {});
  };
  const kept = knownNext.map((value, at) =>
    masked(value, walked.carries[at], `carry \`${setup.expression.carries[at]?.name.name ?? ''}\``),
  );
  const stacked = knownEmits.map((value) => masked(value, undefined, 'the emitted value'));
  const [all, stacks] = [kept.flatMap((each) => each ?? []), stacked.flatMap((each) => each ?? [])];
  return all.length === kept.length && stacks.length === stacked.length ? { next: all, stacks } : undefined;
}

/** True where the position is before the row's length. */
function maskOf(ctx: Context, lengths: Value, position: Value): Value {
  const { shape } = lengths.type;
  const here = shape.length === 0 ? position : ctx.emit('broadcast', [position], { shape, axes: [] });
  return ctx.emit('lt', [here, lengths], {});
}

function checkCarry(
  ctx: Context,
  setup: Setup,
  at: number,
  value: LmValue,
  type: TensorType | undefined,
  outcome: Extract<Outcome, { kind: 'next' }>,
): Value | undefined {
  const carry = setup.expression.carries[at];
  if (carry === undefined || type === undefined || value.kind === 'poison') return undefined;
  const next = value.kind === 'tensor' ? value.value : asTensor(ctx, value, type.dtype);
  const common = next && commonShape(next.type.shape, type.shape);
  if (
    next !== undefined &&
    next.type.dtype === type.dtype &&
    common !== undefined &&
    !isDisagreement(common) &&
    common.length === type.shape.length &&
    common.every((dim, axis) => equalDims(dim, type.shape[axis] ?? dim))
  )
    return broadcastTo(ctx, next, type.shape);
  const { statement } = outcome;
  const given = statement.carries.find(({ name }) => name.name === carry.name.name);
  ctx.report(
    types.carryChanged(
      given?.value.span ?? statement.span,
      {
        name: carry.name.name,
        before: typeText(type),
        after: next === undefined ? describeValue(value) : typeText(next.type),
      },
      [
        note(`\`${carry.name.name}\` starts here`, carry.span),
        ...(next === undefined ? [] : dimNotes([...type.shape, ...next.type.shape]).slice(0, 3)),
        help('every step must leave a carry as it found it: same type, same sizes'),
      ],
    ),
  );
  return undefined;
}
