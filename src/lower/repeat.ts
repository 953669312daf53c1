/** `repeat`: copies of a block one after the other, and loops that are unrolled while the program is lowered. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Value } from '../ir/graph.ts';
import { constantDim } from '../ir/dim.ts';
import { equalTypes } from '../ir/types.ts';
import type { Expression } from '../parser/ast.ts';
import { asTensor } from './align.ts';
import { apply, type EvaluatedArgument } from './apply.ts';
import { childScope, type Context, type Scope } from './context.ts';
import { describeValue, typeText } from './describe.ts';
import { applyDropout } from './dropout.ts';
import { hole, integer, poison, tensor, tupleOf, type LmValue, type RepeatInstance } from './values.ts';

type Repeat = Extract<Expression, { kind: 'repeat' }>;
type RepeatCarry = Extract<Expression, { kind: 'repeat-carry' }>;

const MOST = 4096;

function countOf(ctx: Context, expression: Expression, scope: Scope): number | undefined {
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison') return undefined;
  if (value.kind === 'number' && Number.isInteger(value.value) && value.value >= 0 && value.value <= MOST)
    return value.value;
  ctx.report(
    types.repeatCount(
      expression.span,
      { found: describeValue(value), most: String(MOST) },
      value.kind === 'dim' ? [help('loop over a size that is known at run time only with `scan`')] : [],
    ),
  );
  return undefined;
}

/** `layers = repeat n { Block{…} }`: copies that own their parameters under `layers.0`, `layers.1`, … */
export function repeat(ctx: Context, expression: Repeat, scope: Scope, name?: string): LmValue {
  const count = countOf(ctx, expression.count, scope);
  if (count === undefined) return poison;
  const copies: LmValue[] = [];
  for (let copy = 0; copy < (expression.shared ? Math.min(1, count) : count); copy++) {
    const inner = childScope(scope);
    if (expression.index !== undefined) inner.values.set(expression.index.name, integer(copy));
    const copyName = name === undefined ? undefined : expression.shared ? name : `${name}.${copy}`;
    const block = ctx.evaluate(expression.body, inner, copyName);
    if (block.kind === 'poison') return poison;
    if (block.kind !== 'instance' && block.kind !== 'dropout' && block.kind !== 'repeat')
      return ctx.fail(
        types.wrongKind(expression.body.span, {
          expected: 'a block between the braces of `repeat`',
          found: describeValue(block),
        }),
      );
    copies.push(block);
  }
  return {
    kind: 'repeat',
    copies: expression.shared ? Array.from({ length: count }, () => copies[0] ?? poison) : copies,
    span: expression.span,
  };
}

/** The first argument goes through the copies; the others reach each of them as they are. */
export function applyRepeat(
  ctx: Context,
  { copies }: RepeatInstance,
  args: readonly EvaluatedArgument[],
  scope: Scope,
  span: Span,
): LmValue {
  const [first, ...others] = args;
  if (first === undefined)
    return ctx.fail(
      types.wrongKind(span, { expected: 'a value to pass through the repeated block', found: 'none' }),
    );
  let value = first.value;
  for (const copy of copies) {
    const given = [{ ...first, value }, ...others];
    if (copy.kind === 'instance') value = apply(ctx, copy, given, scope, span);
    else if (copy.kind === 'repeat') value = applyRepeat(ctx, copy, given, scope, span);
    else if (copy.kind === 'dropout') value = applyDropout(ctx, copy, given, span);
    else return poison;
    if (value.kind === 'poison') return poison;
    if (value.kind === 'tuple')
      return ctx.fail(
        types.wrongKind(
          span,
          {
            expected: 'a block with one result inside `repeat`',
            found: describeValue(value),
          },
          [help('use `repeat n as i carry (x = x) { … next (x = …) }` where a step gives several values')],
        ),
      );
  }
  return value;
}

/** `repeat n as i carry (y = x) { … next (y = …) emit h }`: emitted values are stacked along a new first axis. */
export function repeatCarry(ctx: Context, expression: RepeatCarry, scope: Scope): LmValue {
  const count = countOf(ctx, expression.count, scope);
  const carries = new Map<string, LmValue>();
  for (const { name, initial } of expression.carries) carries.set(name.name, ctx.evaluate(initial, scope));
  if (count === undefined || [...carries.values()].some((value) => value.kind === 'poison')) return poison;
  const emitted: LmValue[][] = [];
  for (let turn = 0; turn < count; turn++) {
    const inner = childScope(scope, { turn: scope.turn === '' ? String(turn) : `${scope.turn}.${turn}` });
    if (expression.index !== undefined) inner.values.set(expression.index.name, integer(turn));
    for (const [name, value] of carries) inner.values.set(name, value);
    const outcome = ctx.execute(expression.body, inner);
    if (outcome.kind !== 'next') {
      ctx.report(types.missingNext(expression.span, { what: 'repeat' }));
      return poison;
    }
    for (const { name } of expression.carries) {
      const next = outcome.carries.get(name.name);
      if (next === undefined || next.kind === 'poison') return poison;
      carries.set(name.name, next);
    }
    emitted.push([...outcome.emits]);
  }
  if (emitted.length === 0 && expression.body.some((each) => each.kind === 'next' && each.emits.length > 0))
    return ctx.fail(types.nothingEmitted(expression.count.span, {}));
  const stacked = (emitted[0] ?? []).map((_, at) =>
    stack(
      ctx,
      emitted.map((values) => values[at] ?? poison),
      expression,
    ),
  );
  return tupleOf([...stacked, ...carries.values()]);
}

function stack(ctx: Context, values: readonly LmValue[], { span }: RepeatCarry): LmValue {
  if (values.some((value) => value.kind === 'poison')) return poison;
  if (values.some((value) => value.kind === 'hole')) return hole;
  const tensors = values.flatMap((value) => asTensor(ctx, value, 'f32') ?? []);
  const [first] = tensors;
  if (tensors.length !== values.length || first === undefined)
    return ctx.fail(
      types.wrongKind(span, { expected: 'tensors to emit', found: describeValue(values[0] ?? poison) }),
    );
  const odd = tensors.find((each) => !equalTypes(each.type, first.type));
  if (odd !== undefined)
    return ctx.fail(
      types.unequalParts(span, {
        what: 'every turn of `repeat` emits the same type',
        left: typeText(first.type),
        right: typeText(odd.type),
      }),
    );
  return tensor(stackTensors(ctx, tensors, 0));
}

/** Equal tensors one after the other along a new axis. */
export function stackTensors(ctx: Context, tensors: readonly Value[], axis: number): Value {
  const lifted = tensors.map((each) =>
    ctx.emit('reshape', [each], {
      shape: [...each.type.shape.slice(0, axis), constantDim(1), ...each.type.shape.slice(axis)],
    }),
  );
  const [only, ...more] = lifted;
  const result = only !== undefined && more.length === 0 ? only : ctx.emit('concat', lifted, { axis });
  ctx.facts.recordStack(result, { parts: tensors, axis });
  return result;
}
