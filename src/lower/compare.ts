/** Comparisons and logic, of what is known while the program is compiled and of tensors. */
import type { Span } from '../diagnostics/span.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { equalDims } from '../ir/dim.ts';
import type { CompareOp } from '../ir/graph.ts';
import type { Context } from './context.ts';
import { describeValue } from './describe.ts';
import { hole, poison, toDim, type LmValue } from './values.ts';
import { absorb, align, type Operands } from './align.ts';

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

const COMPARISONS: Readonly<Record<Comparison, CompareOp>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

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
