/**
 * While a model is walked for `decode`, its sequence holds the new tokens only; a runtime dimension beside it is the
 * length of the whole. Positions are those of the whole, and what is cached along the sequence comes back whole.
 */
import { formatSpan, type Span } from '../diagnostics/span.ts';
import { constantDim, constantOf, equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { declareCarry, frontOf } from './carried-states.ts';
import type { Context, Growing, Scope } from './context.ts';

function growsAlong({ growing }: Context, size: Dim | undefined): Growing | undefined {
  return growing !== undefined && size !== undefined && equalDims(size, growing.seq) ? growing : undefined;
}

/** `i32[size]`: the positions of a sequence. */
export function positionsAlong(ctx: Context, size: Dim): Value {
  const growing = growsAlong(ctx, size);
  if (growing === undefined) return ctx.emit('iota', [], { length: size });
  const all = ctx.emit('iota', [], { length: growing.total });
  return ctx.emit('slice', [all], { axis: 0, start: growing.past, length: size });
}

/** Of a sequence that grows, how long it is with what came before; any other size as it is. */
export function wholeLength(ctx: Context, size: Dim): Dim {
  return growsAlong(ctx, size)?.total ?? size;
}

/** `table[:seq]` of a table of positions begins where the new tokens do. */
export function startOfSlice(ctx: Context, size: Dim, start: Dim, stop: Dim): Dim {
  const growing = growsAlong(ctx, stop);
  return growing !== undefined && constantOf(size) !== undefined && constantOf(start) === 0
    ? growing.past
    : start;
}

/** Notes a `cache` of the user's along an axis of this size down. */
export function noteCache(ctx: Context, span: Span, size: Dim): void {
  const grows = ctx.caches.get(formatSpan(span))?.grows === true || growsAlong(ctx, size) !== undefined;
  ctx.caches.set(formatSpan(span), { span, grows, size });
}

/** All positions of x so far along the axis: those before are kept in a state of the role `carry`. */
export function cacheAlong(ctx: Context, x: Value, axis: number, scope: Scope): Value {
  const growing = growsAlong(ctx, x.type.shape[axis]);
  if (growing === undefined) return x;
  const shape = x.type.shape.map((dim, at) => (at === axis ? growing.total : dim));
  const { state, stored } = declareCarry(ctx, 'cache', { ...x.type, shape }, scope);
  const starts = shape.map((_, at) => (at === axis ? growing.past : constantDim(0)));
  const whole = ctx.emit('update-slice', [stored, x], { starts });
  ctx.updates.push({ state, value: whole });
  return frontOf(ctx, whole, shape);
}
