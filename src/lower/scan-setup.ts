/** What a scan needs from outside of its body: its sequences, direction, lengths and first carries. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help } from '../diagnostics/define.ts';
import { constantOf, equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { tensorType, type TensorType } from '../ir/types.ts';
import type { Expression } from '../parser/ast.ts';
import { lookup, visibleNames, type Context, type Scope } from './context.ts';
import { describeValue, dimNotes, dimText, plural, typeText } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { constrainLengths } from './gather.ts';
import { resolveDType, resolveShape } from './types.ts';
import { poison, toDim, type LmValue } from './values.ts';

export type Scan = Extract<Expression, { kind: 'scan' }>;

/** A scan with everything outside its body evaluated. */
export interface Setup {
  readonly expression: Scan;
  readonly scope: Scope;
  readonly trip: Dim;
  readonly reverse: boolean;
  /** With the scanned axis first. */
  readonly sequences: readonly Value[];
  /** Where the scanned axis was in the first sequence: emitted values get it back there. */
  readonly axis: number;
  readonly lengths: Value | undefined;
  readonly initial: readonly LmValue[];
  readonly annotated: readonly (TensorType | undefined)[];
}

export function prepare(ctx: Context, expression: Scan, scope: Scope): Setup | 'hole' | undefined {
  const dimension = lookup(scope, expression.dim.name);
  const trip = dimension && toDim(dimension);
  if (dimension?.kind === 'poison') return undefined;
  if (trip === undefined) {
    ctx.report(
      types.scanDimension(
        expression.dim.span,
        { name: expression.dim.name },
        suggest(
          expression.dim.name,
          visibleNames(scope).filter((name) => toDim(lookup(scope, name) ?? poison)),
          'sizes here',
        ),
      ),
    );
    return undefined;
  }
  if (expression.elements.length !== expression.sequences.length) {
    ctx.report(
      types.scanCounts(expression.span, {
        elements: plural(expression.elements.length, 'name'),
        sequences: plural(expression.sequences.length, 'sequence'),
      }),
    );
    return undefined;
  }
  const sources = expression.sequences.map((each) => ctx.evaluate(each, scope));
  const initial = expression.carries.map((carry) => ctx.evaluate(carry.initial, scope));
  if ([...sources, ...initial].some((value) => value.kind === 'poison')) return undefined;
  if (sources.some((value) => value.kind === 'hole')) return 'hole';
  const found = sources.map((source, at) => sequenceOf(ctx, source, trip, expression, at));
  const sequences = found.flatMap((each) => each?.value ?? []);
  const reverse = reversed(ctx, expression, scope);
  const lengths = maskLengths(ctx, expression, scope);
  const annotated = expression.carries.map((carry) => {
    if (carry.type === undefined) return undefined;
    const [dtype, shape] = [resolveDType(ctx, carry.type), resolveShape(ctx, carry.type, scope)];
    return dtype && shape ? tensorType(dtype, shape) : ('failed' as const);
  });
  if (sequences.length !== found.length || reverse === undefined || lengths === 'failed') return undefined;
  if (annotated.includes('failed')) return undefined;
  if (lengths !== undefined) constrainLengths(ctx, lengths, trip);
  return {
    expression,
    scope,
    trip,
    reverse,
    sequences,
    axis: found[0]?.axis ?? 0,
    lengths,
    initial,
    annotated: annotated.map((each) => (each === 'failed' ? undefined : each)),
  };
}

/** The sequence with the scanned axis first. */
function sequenceOf(ctx: Context, source: LmValue, trip: Dim, expression: Scan, at: number) {
  const span = expression.sequences[at]?.span ?? expression.span;
  if (source.kind !== 'tensor') {
    ctx.report(types.wrongKind(span, { expected: 'a tensor to scan over', found: describeValue(source) }));
    return undefined;
  }
  const { shape } = source.value.type;
  const matching = shape.flatMap((dim, axis) => (equalDims(dim, trip) ? [axis] : []));
  const [axis, ...more] = matching;
  if (axis === undefined) {
    ctx.report(
      types.scanAxis(span, { dim: dimText(trip), type: typeText(source.value.type) }, [
        ...dimNotes([trip]),
        help('name one of its axes after `over`'),
      ]),
    );
    return undefined;
  }
  // A named dimension occurs once; equal numbers may not, and then the order in the signature decides: batch, seq, rest.
  if (more.length > 0 && constantOf(trip) === undefined) {
    ctx.report(types.scanAmbiguous(span, { dim: dimText(trip), type: typeText(source.value.type) }));
    return undefined;
  }
  const order = [axis, ...shape.map((_, each) => each).filter((each) => each !== axis)];
  const value = order.every((each, place) => each === place)
    ? source.value
    : ctx.emit('transpose', [source.value], { permutation: order });
  return { value, axis };
}

function reversed(ctx: Context, { reversed: expression }: Scan, scope: Scope): boolean | undefined {
  if (expression === undefined) return false;
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'boolean') return value.value;
  if (value.kind !== 'poison')
    ctx.report(
      types.wrongKind(expression.span, {
        expected: 'true or false after `reversed if`',
        found: describeValue(value),
      }),
    );
  return undefined;
}

function maskLengths(ctx: Context, { masked }: Scan, scope: Scope): Value | undefined | 'failed' {
  if (masked === undefined) return undefined;
  const value = ctx.evaluate(masked, scope);
  if (value.kind === 'poison') return 'failed';
  if (value.kind === 'none') return undefined;
  if (value.kind === 'tensor' && value.value.type.dtype === 'i32') return value.value;
  ctx.report(
    types.wrongKind(masked.span, {
      expected: 'lengths after `masked`: an `i32` tensor, or `none`',
      found: describeValue(value),
    }),
  );
  return 'failed';
}
