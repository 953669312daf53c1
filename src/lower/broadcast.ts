/**
 * Broadcasting: axes are aligned from the last one, as in NumPy, and sizes are nominal. An axis that is absent or has
 * size 1 is repeated; `seq` meets `seq` only.
 */
import { constantOf, equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { equalShapes } from '../ir/types.ts';
import type { Context } from './context.ts';

/** The axis, counted from the last, at which two shapes disagree. */
export interface Disagreement {
  readonly fromLast: number;
  readonly left: Dim;
  readonly right: Dim;
}

export function isOne(dim: Dim): boolean {
  return constantOf(dim) === 1;
}

/** The common shape, or where there is none. */
export function commonShape(left: readonly Dim[], right: readonly Dim[]): readonly Dim[] | Disagreement {
  const rank = Math.max(left.length, right.length);
  const shape: Dim[] = [];
  for (let fromLast = 1; fromLast <= rank; fromLast++) {
    const [l, r] = [left[left.length - fromLast], right[right.length - fromLast]];
    if (l === undefined || r === undefined) {
      const only = l ?? r;
      if (only !== undefined) shape.unshift(only);
    } else if (equalDims(l, r)) shape.unshift(l.label === undefined ? r : l);
    else if (isOne(l)) shape.unshift(r);
    else if (isOne(r)) shape.unshift(l);
    else return { fromLast, left: l, right: r };
  }
  return shape;
}

export function isDisagreement(result: readonly Dim[] | Disagreement): result is Disagreement {
  return !Array.isArray(result);
}

/** Repeats a value to a shape that `commonShape` allowed. */
export function broadcastTo(ctx: Context, value: Value, shape: readonly Dim[]): Value {
  const own = value.type.shape;
  if (equalShapes(own, shape)) return value;
  const offset = shape.length - own.length;
  const kept = own.flatMap((dim, axis) => {
    const target = shape[axis + offset];
    return target !== undefined && equalDims(dim, target) ? [axis] : [];
  });
  const squeezed =
    kept.length === own.length
      ? value
      : ctx.emit('reshape', [value], { shape: kept.flatMap((axis) => own[axis] ?? []) });
  if (equalShapes(squeezed.type.shape, shape)) return squeezed;
  return ctx.emit('broadcast', [squeezed], { shape, axes: kept.map((axis) => axis + offset) });
}

/** Repeats along axes on the right: `[batch]` against `[batch, hidden]` by leading axes. */
export function broadcastLeading(ctx: Context, value: Value, shape: readonly Dim[]): Value {
  if (equalShapes(value.type.shape, shape)) return value;
  return ctx.emit('broadcast', [value], { shape, axes: value.type.shape.map((_, axis) => axis) });
}
