/**
 * `scan x_t over seq of x masked lengths carry (h = 0) { … next (h = …) emit h }`: the body is walked once without
 * knowing the carries' shapes, to find them; then until they are stable; then for good, into a region.
 */
import * as types from '../diagnostics/catalogue/types.ts';
import type { Value } from '../ir/graph.ts';
import type { TensorType } from '../ir/types.ts';
import { asTensor } from './align.ts';
import { broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import { isCarried, keepCarry, startCarry } from './carried-states.ts';
import type { Context, Scope } from './context.ts';
import { describeValue, typeText } from './describe.ts';
import { hole, poison, tensor, tupleOf, type LmValue } from './values.ts';
import { prepare, type Scan, type Setup } from './scan-setup.ts';
import { findCarryTypes, walk } from './scan-carries.ts';
import { regionResults } from './scan-results.ts';

export function scan(ctx: Context, expression: Scan, scope: Scope): LmValue {
  const setup = prepare(ctx, expression, scope);
  if (setup === undefined) return poison;
  if (setup === 'hole') return hole;
  const carryTypes = findCarryTypes(ctx, setup);
  if (carryTypes === undefined) return poison;
  return emitScan(ctx, setup, carryTypes);
}

function emitScan(ctx: Context, setup: Setup, carryTypes: readonly TensorType[]): LmValue {
  const { expression, trip, reverse } = setup;
  const frame = ctx.frame.region(trip);
  const given = initialCarries(ctx, setup, carryTypes);
  if (given === undefined) return poison;
  const kept = isCarried(ctx, expression.span, setup.scope, trip, reverse)
    ? given.map((value, at) => startCarry(ctx, expression.carries[at]?.name.name ?? '', value, setup.scope))
    : undefined;
  const initial = kept?.map((carry) => carry.initial) ?? given;
  const errors = ctx.errors;
  const body = ctx.within(frame, () => {
    const walked = walk(ctx, setup, frame, carryTypes);
    const results = regionResults(ctx, setup, walked, carryTypes);
    return results && { ...walked, ...results };
  });
  if (body === undefined || ctx.errors > errors) return poison;
  const carried = body.carries.flatMap((carry) => carry ?? []);
  const results = ctx.frame.emitAll(
    'scan',
    [
      ...setup.sequences,
      ...frame.sequences.map(({ outer }) => outer),
      ...initial,
      ...frame.invariants.map(({ outer }) => outer),
    ],
    {
      trip,
      reverse,
      sequences: setup.sequences.length + frame.sequences.length,
      carries: initial.length,
      stacks: body.stacks.length,
    },
    {
      region: {
        parameters: [
          body.position,
          ...body.slices,
          ...frame.sequences.map(({ inner }) => inner),
          ...carried,
          ...frame.invariants.map(({ inner }) => inner),
        ],
        nodes: frame.builder.nodes,
        results: [...body.next, ...body.stacks],
      },
      names: expression.carries.map(({ name }) => name.name),
    },
  );
  for (const [at, { state }] of (kept ?? []).entries()) {
    const last = results[at];
    if (last !== undefined) keepCarry(ctx, state, last);
  }
  const stacks = results.slice(initial.length).map((stack) => backInPlace(ctx, stack, setup.axis));
  return tupleOf([...stacks, ...results.slice(0, initial.length)].map(tensor));
}

/** `[seq, batch, …]` with the scanned axis where the sequence had it. */
function backInPlace(ctx: Context, stack: Value, axis: number): Value {
  const rank = stack.type.shape.length;
  const place = Math.min(axis, rank - 1);
  if (place === 0) return stack;
  const rest = stack.type.shape.map((_, each) => each).slice(1);
  return ctx.emit('transpose', [stack], {
    permutation: [...rest.slice(0, place), 0, ...rest.slice(place)],
  });
}

function initialCarries(
  ctx: Context,
  setup: Setup,
  carryTypes: readonly TensorType[],
): readonly Value[] | undefined {
  const values = setup.initial.map((value, at) => {
    const [type, carry] = [carryTypes[at], setup.expression.carries[at]];
    if (type === undefined || carry === undefined) return undefined;
    const given = asTensor(ctx, value, type.dtype);
    const common = given && commonShape(given.type.shape, type.shape);
    const fits =
      given !== undefined &&
      given.type.dtype === type.dtype &&
      common !== undefined &&
      !isDisagreement(common) &&
      common.length === type.shape.length;
    if (fits) return broadcastTo(ctx, given, type.shape);
    ctx.report(
      types.carryStart(carry.initial.span, {
        name: carry.name.name,
        expected: typeText(type),
        found: given === undefined ? describeValue(value) : `\`${typeText(given.type)}\``,
      }),
    );
    return undefined;
  });
  const known = values.flatMap((value) => value ?? []);
  return known.length === values.length ? known : undefined;
}
