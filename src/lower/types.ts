/** Types as written: their sizes evaluated, and values held against them. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { constantOf, divideDims, equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import type { DType } from '../ir/types.ts';
import type { Expression, TypeExpression } from '../parser/ast.ts';
import { asTensor } from './align.ts';
import { broadcastLeading, commonShape, isDisagreement } from './broadcast.ts';
import { lookup, visibleNames, type Context, type Scope } from './context.ts';
import { axisText, describeValue, dimNotes, dimText, plural, typeText } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { dimValue, printExpression, sourceOf, toDim, withSource, type LmValue } from './values.ts';

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool'];
const OTHER_NAMES: Readonly<Record<string, DType>> = {
  float: 'f32',
  float32: 'f32',
  double: 'f32',
  f64: 'f32',
  int: 'i32',
  int32: 'i32',
  int64: 'i32',
  i64: 'i32',
  long: 'i32',
  boolean: 'bool',
};

export function resolveDType(ctx: Context, { dtype }: TypeExpression): DType | undefined {
  const found = DTYPES.find((candidate) => candidate === dtype.name);
  if (found !== undefined) return found;
  const meant = OTHER_NAMES[dtype.name];
  ctx.report(
    types.unknownDType(
      dtype.span,
      { name: dtype.name },
      meant === undefined ? suggest(dtype.name, DTYPES, 'there are') : [help(`write \`${meant}\``)],
    ),
  );
  return undefined;
}

/** A size in a type; undefined after an error. */
export function resolveDim(ctx: Context, expression: Expression, scope: Scope): Dim | undefined {
  if (expression.kind === 'name' && lookup(scope, expression.name) === undefined) {
    const { name, span } = expression;
    ctx.report(
      names.unknownName(span, { what: 'dimension', name }, suggest(name, visibleNames(scope), 'there are')),
    );
    return undefined;
  }
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison') return undefined;
  const dim = toDim(value);
  if (dim === undefined)
    ctx.report(
      types.invalidSize(
        expression.span,
        { found: describeValue(value) },
        value.kind === 'number' && !Number.isInteger(value.value)
          ? [help('divide whole numbers with `//`')]
          : [],
      ),
    );
  // The text of the type itself is what messages name the size by.
  const source = dim && sourceOf(dim);
  return dim && expression.kind !== 'number' && source?.what === 'number'
    ? withSource(dim, { text: printExpression(expression), what: 'computed', span: expression.span })
    : dim;
}

/** All sizes of a type whose names are all known; undefined after an error. */
export function resolveShape(ctx: Context, type: TypeExpression, scope: Scope): readonly Dim[] | undefined {
  const dims = type.dims.map((expression) => resolveDim(ctx, expression, scope));
  const known = dims.flatMap((dim) => dim ?? []);
  if (known.length !== dims.length) return undefined;
  if (!type.leading) return known;
  if (scope.leading === undefined) {
    ctx.report(types.leadingUnknown(type.span, {}));
    return undefined;
  }
  return [...scope.leading, ...known];
}

/** What a value is held against, for messages. */
export interface Expectation {
  /** `argument \`x\` of \`Linear\``, `the result of \`M\``. */
  readonly what: string;
  readonly type: TypeExpression;
  /** Of the value. */
  readonly span: Span;
  /** Names that stand for whatever size comes: those of a block's signature that nothing else defines. */
  readonly bindsNames: boolean;
  readonly notes?: readonly Note[];
}

/**
 * A value as a tensor of the type; numbers and sizes are repeated to its shape. Binds the names that the type
 * introduces in `scope`. Undefined after an error.
 */
export function conform(
  ctx: Context,
  value: LmValue,
  expected: Expectation,
  scope: Scope,
): Value | undefined {
  const dtype = resolveDType(ctx, expected.type);
  if (dtype === undefined || value.kind === 'poison') return undefined;
  if (value.kind === 'tensor') return conformTensor(ctx, value.value, dtype, expected, scope);
  const scalar = asTensor(ctx, value, dtype);
  if (scalar === undefined) {
    ctx.report(
      types.wrongKind(
        expected.span,
        {
          expected: `${typeExpressionText(expected.type)} for ${expected.what}`,
          found: describeValue(value),
        },
        expected.notes,
      ),
    );
    return undefined;
  }
  const shape = resolveShape(ctx, expected.type, scope);
  return shape && broadcastLeading(ctx, scalar, shape);
}

export function typeExpressionText({ dtype, leading, dims }: TypeExpression): string {
  const axes = [...(leading ? ['...'] : []), ...dims.map(printExpression)];
  return `\`${dtype.name}[${axes.join(', ')}]\``;
}

const tooManyAxes = help(
  'an axis goes away by `mean(x, axis=…)` or `max(x, axis=…)`, or by an index: `x[:, -1]`',
);

/** Numbers become a mask by a comparison alone: what scores are added to is 0 where `bool(…)` would need a 1. */
function conversionText(to: DType, from: DType): string {
  if (to !== 'bool') return `convert it with \`${to}(…)\`, or declare its source as \`${to}[…]\``;
  return from === 'f32'
    ? 'compare: `x != 0` where 1 is what counts, `x == 0` for a mask that is added to scores, in which 0 is what is seen'
    : 'compare: `x != 0` where 1 is what counts';
}

function conformTensor(
  ctx: Context,
  value: Value,
  dtype: DType,
  expected: Expectation,
  scope: Scope,
): Value | undefined {
  const { what, type, span } = expected;
  const declared = note(`${what} is declared as ${typeExpressionText(type)}`, type.span);
  const found = note(`this is \`${typeText(value.type)}\``, span);
  const extra = expected.notes ?? [];
  if (value.type.dtype !== dtype) {
    ctx.report(
      types.dtypeMismatch(span, { expected: dtype, found: value.type.dtype }, [
        found,
        declared,
        ...extra,
        // A value of other axes is meant for another place.
        ...(type.leading || type.dims.length === value.type.shape.length
          ? [help(conversionText(dtype, value.type.dtype))]
          : []),
      ]),
    );
    return undefined;
  }
  const { shape } = value.type;
  const leading = shape.length - type.dims.length;
  if (leading < 0 || (leading > 0 && !type.leading)) {
    ctx.report(
      types.rankMismatch(
        span,
        {
          what,
          expected: `${type.leading ? 'at least ' : ''}${plural(type.dims.length, 'axis').replace('axiss', 'axes')}`,
          found: String(shape.length),
        },
        [found, declared, ...extra, ...(leading > 0 ? [tooManyAxes] : [])],
      ),
    );
    return undefined;
  }
  if (type.leading && !conformLeading(ctx, shape.slice(0, leading), expected, scope)) return undefined;
  // Names first, so that `2 * n` may stand before the axis that says what `n` is.
  const axes = type.dims.map((expression, at) => ({ expression, at, dim: shape[leading + at] }));
  const isNew = (expression: Expression): boolean =>
    expected.bindsNames && expression.kind === 'name' && lookup(scope, expression.name) === undefined;
  const wrong: number[] = [];
  for (const { expression, dim } of axes) {
    if (dim === undefined || expression.kind !== 'name' || !isNew(expression)) continue;
    scope.values.set(
      expression.name,
      dimValue(withSource(dim, sourceOf(dim) ?? { text: expression.name, what: 'axis', span })),
    );
  }
  for (const { expression, at, dim } of axes) {
    if (dim === undefined) continue;
    const wanted = resolveDim(ctx, expression, scope);
    if (wanted === undefined) return undefined;
    if (equalDims(wanted, dim)) continue;
    wrong.push(at);
    if (wrong.length > 1) continue;
    ctx.report(
      types.axisMismatch(
        span,
        {
          what,
          axis: axisText(leading + at, shape.length),
          expected: expectedText(expression, wanted),
          found: dimText(dim),
        },
        [found, declared, ...dimNotes([wanted, dim]), ...extra, ...fixFor(expression, wanted, dim)],
      ),
    );
  }
  return wrong.length > 0 ? undefined : value;
}

/** `in_features = 64`, whatever the number was called where it came from. */
function expectedText(expression: Expression, dim: Dim): string {
  const text = printExpression(expression);
  const value =
    dim.terms.length === 1 && dim.terms[0]?.symbols.length === 0
      ? String(dim.terms[0].coefficient)
      : dimText(dim);
  return text === value || value.startsWith(`${text} = `) ? value : `${text} = ${value}`;
}

/** What to give a hyperparameter that does not fit the value. */
function fixFor(expression: Expression, wanted: Dim, found: Dim): readonly Note[] {
  const source = sourceOf(wanted);
  const given = source?.from?.text;
  if (source?.what.startsWith('hyperparameter') !== true || given === undefined) return [];
  const name = printExpression(expression);
  const label = sourceOf(found)?.text;
  const ratio = constantOf(wanted) === undefined ? undefined : divideDims(found, wanted);
  const factor = ratio && constantOf(ratio);
  const should =
    label !== undefined && label !== given
      ? `\`${label}\``
      : factor !== undefined && factor > 1
        ? `${dimText(found)} (\`${given} * ${factor}\`)`
        : dimText(found);
  return [help(`\`${name}\` was given as \`${given}\`; the value has ${should} there`)];
}

function conformLeading(
  ctx: Context,
  found: readonly Dim[],
  { what, type, span }: Expectation,
  scope: Scope,
): boolean {
  if (scope.leading === undefined) {
    scope.leading = found;
    return true;
  }
  const common = commonShape(scope.leading, found);
  const same =
    !isDisagreement(common) && common.length === found.length && common.length === scope.leading.length;
  if (same) return true;
  const text = (dims: readonly Dim[]): string => `[${dims.map(dimText).join(', ')}]`;
  ctx.report(
    types.leadingMismatch(span, { what, expected: text(scope.leading), found: text(found) }, [
      note(`${what} is declared as ${typeExpressionText(type)}`, type.span),
      ...dimNotes([...scope.leading, ...found]),
    ]),
  );
  return false;
}
