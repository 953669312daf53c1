/** `x[…]`: positions, slices, rows by an index tensor; and `split`. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import {
  addDims,
  constantDim,
  constantOf,
  divideDims,
  equalDims,
  subtractDims,
  type Dim,
} from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import type { Subscript } from '../parser/ast.ts';
import type { Context, Scope } from './context.ts';
import { describeValue, dimNotes, dimText, plural, typeText } from './describe.ts';
import { startOfSlice } from './growing.ts';
import { lookUpRows } from './gather.ts';
import { boundOf } from './bounds.ts';
import { hole, poison, tensor, tupleOf, type LmValue } from './values.ts';

export function index(
  ctx: Context,
  base: LmValue,
  subscripts: readonly Subscript[],
  scope: Scope,
  span: Span,
): LmValue {
  switch (base.kind) {
    case 'poison':
    case 'hole':
      return base;
    case 'tuple':
    case 'list':
    case 'repeat':
      return element(ctx, base, subscripts, scope, span);
    case 'tensor':
      return tensorIndex(ctx, base.value, subscripts, scope, span);
    default:
      return ctx.fail(
        types.wrongKind(span, {
          expected: 'a tensor or several values before `[…]`',
          found: describeValue(base),
        }),
      );
  }
}

function element(
  ctx: Context,
  base: Extract<LmValue, { kind: 'tuple' | 'list' | 'repeat' }>,
  subscripts: readonly Subscript[],
  scope: Scope,
  span: Span,
): LmValue {
  const [only, ...more] = subscripts;
  const elements = base.kind === 'repeat' ? base.copies : base.elements;
  if (only === undefined || more.length > 0 || only.kind !== 'index')
    return ctx.fail(types.wrongKind(span, { expected: 'one position', found: 'a slice or several' }));
  const at = ctx.evaluate(only.value, scope);
  if (at.kind === 'poison') return poison;
  if (at.kind !== 'number' || !Number.isInteger(at.value))
    return ctx.fail(types.wrongKind(only.span, { expected: 'a whole number', found: describeValue(at) }));
  const found = elements.at(at.value);
  if (found === undefined || at.value >= elements.length)
    return ctx.fail(
      types.indexOutOfRange(only.span, {
        index: String(at.value),
        size: String(elements.length),
        what: base.kind === 'repeat' ? 'the repeated block' : 'the tuple',
      }),
    );
  return found;
}

function tensorIndex(
  ctx: Context,
  value: Value,
  subscripts: readonly Subscript[],
  scope: Scope,
  span: Span,
): LmValue {
  const { shape } = value.type;
  if (subscripts.length > shape.length)
    return ctx.fail(
      types.rankMismatch(
        span,
        {
          what: 'indexing',
          expected: `at most ${plural(shape.length, 'place')}`,
          found: String(subscripts.length),
        },
        [note(`the value is \`${typeText(value.type)}\``)],
      ),
    );
  let result = value;
  let axis = 0;
  for (const subscript of subscripts) {
    if (subscript.kind === 'slice') {
      const sliced = slice(ctx, result, axis, subscript, scope);
      if (sliced === undefined) return poison;
      result = sliced;
      axis += 1;
      continue;
    }
    const at = ctx.evaluate(subscript.value, scope);
    if (at.kind === 'poison') return poison;
    if (at.kind === 'hole') return hole;
    if (at.kind === 'tensor') {
      const rows = subscripts.length === 1 ? lookUpRows(ctx, result, at.value, span) : undefined;
      return (
        rows ??
        ctx.fail(
          types.wrongKind(subscript.span, { expected: 'a position', found: describeValue(at) }, [
            help('an index tensor stands alone: `table[ids]`; for another axis, transpose first'),
          ]),
        )
      );
    }
    const picked = pick(ctx, result, axis, at, subscript.span);
    if (picked === undefined) return poison;
    result = picked;
  }
  return tensor(result);
}

/** One position along an axis, which disappears. */
function pick(ctx: Context, value: Value, axis: number, at: LmValue, span: Span): Value | undefined {
  const size = value.type.shape[axis];
  const offset = signedDim(at);
  if (size === undefined) return undefined;
  if (offset === undefined) {
    ctx.report(types.wrongKind(span, { expected: 'a whole number', found: describeValue(at) }));
    return undefined;
  }
  const start = isNegative(offset) ? addDims(size, offset) : offset;
  const rest = constantOf(subtractDims(subtractDims(size, start), constantDim(1)));
  const from = constantOf(start);
  if ((rest !== undefined && rest < 0) || (from !== undefined && from < 0)) {
    ctx.report(
      types.indexOutOfRange(
        span,
        {
          index: describePosition(at),
          size: dimText(size),
          what: `axis ${axis} of \`${typeText(value.type)}\``,
        },
        dimNotes([size]),
      ),
    );
    return undefined;
  }
  const stack = ctx.facts.stackOf(value);
  const part = from === undefined || stack?.axis !== axis ? undefined : stack.parts[from];
  if (part !== undefined) return part;
  const one = ctx.emit('slice', [value], { axis, start, length: constantDim(1) });
  return ctx.emit('reshape', [one], { shape: value.type.shape.filter((_, each) => each !== axis) });
}

function describePosition(at: LmValue): string {
  return at.kind === 'number' ? String(at.value) : describeValue(at);
}

function slice(
  ctx: Context,
  value: Value,
  axis: number,
  { start: first, stop: last, span }: Extract<Subscript, { kind: 'slice' }>,
  scope: Scope,
): Value | undefined {
  const size = value.type.shape[axis];
  if (size === undefined) return undefined;
  const end = (expression: typeof first, fallback: Dim): Dim | undefined => {
    if (expression === undefined) return fallback;
    const bound = ctx.evaluate(expression, scope);
    if (bound.kind === 'poison') return undefined;
    const dim = signedDim(bound);
    if (dim === undefined)
      ctx.report(
        types.wrongKind(expression.span, { expected: 'a whole number', found: describeValue(bound) }),
      );
    return dim && isNegative(dim) ? addDims(size, dim) : dim;
  };
  const [start, stop] = [end(first, constantDim(0)), end(last, size)];
  if (start === undefined || stop === undefined) return undefined;
  const length = subtractDims(stop, start);
  const [rest, from, count] = [constantOf(subtractDims(size, stop)), constantOf(start), constantOf(length)];
  const most = boundOf(ctx, size);
  const isTooLong = rest === undefined && most !== undefined && (constantOf(stop) ?? 0) > most;
  if (isTooLong || [rest, from, count].some((each) => each !== undefined && each < 0)) {
    ctx.report(
      types.sliceOutOfRange(
        span,
        {
          start: dimText(start),
          stop: dimText(stop),
          size:
            most === undefined || rest !== undefined ? dimText(size) : `${dimText(size)} (at most ${most})`,
          type: typeText(value.type),
          axis: String(axis),
        },
        dimNotes([size]),
      ),
    );
    return undefined;
  }
  return equalDims(length, size) && from === 0
    ? value
    : ctx.emit('slice', [value], { axis, start: startOfSlice(ctx, size, start, stop), length });
}

/** The size, or a negative number counted from the end. */
function signedDim(value: LmValue): Dim | undefined {
  if (value.kind === 'dim') return value.dim;
  return value.kind === 'number' && Number.isSafeInteger(value.value) ? constantDim(value.value) : undefined;
}

/** A size whose every term is below 0 counts from the end. */
function isNegative(dim: Dim): boolean {
  return dim.terms.length > 0 && dim.terms.every((term) => term.coefficient < 0);
}

/** `split(x, n)`: n equal parts of the last axis, or of `axis`. */
export function split(ctx: Context, value: Value, count: number, axis: number, span: Span): LmValue {
  const size = value.type.shape[axis];
  if (size === undefined) return poison;
  const length = Number.isInteger(count) && count >= 1 ? divideDims(size, constantDim(count)) : undefined;
  if (length === undefined)
    return ctx.fail(
      types.unevenSplit(
        span,
        { size: dimText(size), count: String(count), type: typeText(value.type) },
        dimNotes([size]),
      ),
    );
  const parts: LmValue[] = [];
  let start = constantDim(0);
  for (let part = 0; part < count; part++) {
    parts.push(tensor(ctx.emit('slice', [value], { axis, start, length })));
    start = addDims(start, length);
  }
  return count === 1 ? { kind: 'tuple', elements: parts } : tupleOf(parts);
}
