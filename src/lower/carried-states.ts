/**
 * Carries of scans that outlive the batch: a forward scan over the sequence starts from what the batch before left, a
 * state of the role `carry`, and no gradient flows there. States have no runtime dimensions: they are kept at the
 * bounds, a batch takes its part from the front, and what it leaves is padded with zeros.
 */
import type { Span } from '../diagnostics/span.ts';
import { constantDim, equalDims, evaluateDim, subtractDims } from '../ir/dim.ts';
import type { Dim } from '../ir/dim.ts';
import type { Origin, Value } from '../ir/graph.ts';
import { tensorType } from '../ir/types.ts';
import type { Context, Scope } from './context.ts';

/** A scan's carry as it starts, and the name of the state that keeps it. */
interface Carry {
  readonly state: string;
  readonly initial: Value;
}

/** Whether a scan's carries outlive the batch; notes the scan down. */
export function isCarried(ctx: Context, span: Span, scope: Scope, trip: Dim, reverse: boolean): boolean {
  const { carried } = ctx;
  if (carried === undefined || !carried.dims.some((dim) => equalDims(dim, trip))) return false;
  const place = scope.caller ?? span;
  if (!ctx.isRehearsal) (reverse ? carried.reversed : carried.forward).push(place);
  return !reverse && ctx.frame.parent === undefined && !ctx.isRehearsal;
}

/** `given` is what the program says the scan starts from: so it does in the first batch of a part. */
export function startCarry(ctx: Context, name: string, given: Value, scope: Scope): Carry {
  const { state, stored } = declareCarry(ctx, name, given.type, scope);
  const before = frontOf(ctx, stored, given.type.shape);
  if (isZero(ctx, given)) return { state, initial: before };
  const condition = ctx.emit('broadcast', [hasStarted(ctx)], { shape: given.type.shape, axes: [] });
  return { state, initial: ctx.emit('select', [condition, before, given], {}) };
}

/** A state with room for a value of this type at the bounds of its dimensions, of a name of its own. */
export function declareCarry(
  ctx: Context,
  name: string,
  { dtype, shape }: Value['type'],
  scope: Scope,
): { readonly state: string; readonly stored: Value } {
  const path = [scope.owner.path, name, scope.turn].filter((part) => part !== '').join('.');
  const state = freeName(ctx, `${ctx.mode}/${path}`);
  const sizes = shape.map((dim) => constantDim(evaluateDim(dim, ctx.bounds)));
  return { state, stored: declareState(ctx, state, tensorType(dtype, sizes)) };
}

/** The part of a stored tensor that a batch of this shape uses. */
export function frontOf(ctx: Context, stored: Value, shape: readonly Dim[]): Value {
  return shape.reduce(
    (value, dim, axis) =>
      equalDims(dim, stored.type.shape[axis] ?? dim)
        ? value
        : ctx.emit('slice', [value], { axis, start: constantDim(0), length: dim }),
    stored,
  );
}

/**
 * The last carry of this batch is where the next one starts. While decoding, rows beyond the batch keep what they have:
 * they are none of the texts at hand.
 */
export function keepCarry(ctx: Context, state: string, last: Value): void {
  const stored = ctx.states.find(({ name }) => name === state)?.value;
  if (ctx.growing !== undefined && stored !== undefined && last.type.shape.length > 0) {
    const starts = last.type.shape.map(() => constantDim(0));
    ctx.updates.push({ state, value: ctx.emit('update-slice', [stored, last], { starts }) });
    return;
  }
  const value = last.type.shape.reduce((padded, dim, axis) => {
    const size = constantDim(evaluateDim(dim, ctx.bounds));
    return equalDims(dim, size)
      ? padded
      : ctx.emit('pad', [padded], { axis, before: constantDim(0), after: subtractDims(size, dim) });
  }, last);
  ctx.updates.push({ state, value });
}

/** bool[]: whether a batch came before this one. */
function hasStarted(ctx: Context): Value {
  const name = `${ctx.mode}/started`;
  const known = ctx.states.find((state) => state.name === name)?.value;
  const started = known ?? declareState(ctx, name, tensorType('f32', []));
  if (known === undefined) ctx.updates.push({ state: name, value: ctx.constant(1) });
  return ctx.emit('gt', [started, ctx.constant(0)], {});
}

function declareState(ctx: Context, name: string, type: Value['type']): Value {
  const value: Value = { type, name: name.replace(/^.*[./](?=[a-z])/, '') };
  const origin: Origin = ctx.frame.builder.origin;
  ctx.states.push({ name, value, role: 'carry', initializer: { kind: 'constant', value: 0 }, origin });
  return value;
}

/** A block that is applied twice has carries of its own each time. */
function freeName(ctx: Context, name: string): string {
  const taken = new Set(ctx.states.map((state) => state.name));
  let free = name;
  for (let copy = 1; taken.has(free); copy++) free = `${name}#${copy}`;
  return free;
}

function isZero(ctx: Context, value: Value): boolean {
  const node = ctx.facts.producerOf(value);
  if (node?.op === 'constant') return node.attributes.value === 0;
  const [operand] = node?.operands ?? [];
  const isCopy = node?.op === 'broadcast' || node?.op === 'reshape' || node?.op === 'cast';
  return isCopy && operand !== undefined && isZero(ctx, operand);
}
