/**
 * `scan x_t over seq of x masked lengths carry (h = 0) { … next (h = …) emit h }`: the body is walked once without
 * knowing the carries' shapes, to find them; then until they are stable; then for good, into a region.
 */
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import { constantOf, equalDims, type Dim } from '../ir/dim.ts';
import type { Value } from '../ir/graph.ts';
import { equalTypes, tensorType, type TensorType } from '../ir/types.ts';
import type { Expression } from '../parser/ast.ts';
import { asTensor } from './arithmetic.ts';
import { broadcastLeading, broadcastTo, commonShape, isDisagreement } from './broadcast.ts';
import { childScope, lookup, visibleNames, type Context, type Outcome, type Scope } from './context.ts';
import { describeValue, dimNotes, dimText, plural, typeText } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import type { Frame } from './frame.ts';
import { resolveDType, resolveShape } from './types.ts';
import { hole, poison, tensor, toDim, tupleOf, type LmValue } from './values.ts';

type Scan = Extract<Expression, { kind: 'scan' }>;

/** A scan with everything outside its body evaluated. */
interface Setup {
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

export function scan(ctx: Context, expression: Scan, scope: Scope): LmValue {
  const setup = prepare(ctx, expression, scope);
  if (setup === undefined) return poison;
  if (setup === 'hole') return hole;
  const carryTypes = findCarryTypes(ctx, setup);
  if (carryTypes === undefined) return poison;
  return emitScan(ctx, setup, carryTypes);
}

function prepare(ctx: Context, expression: Scan, scope: Scope): Setup | 'hole' | undefined {
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

/** Stable types of the carries; undefined after an error. */
function findCarryTypes(ctx: Context, setup: Setup): readonly TensorType[] | undefined {
  let assumed: readonly (TensorType | undefined)[] = setup.initial.map((value, at) => {
    const annotated = setup.annotated[at];
    if (annotated !== undefined) return annotated;
    return value.kind === 'tensor' ? value.value.type : undefined;
  });
  // Each turn settles at least one carry that depends on another.
  for (let turn = 0; turn <= setup.initial.length && assumed.includes(undefined); turn++) {
    const next = rehearse(ctx, setup, assumed).result;
    assumed = assumed.map((type, at) => type ?? typeOfNext(next?.[at]));
  }
  const open = assumed.indexOf(undefined);
  let known = assumed.map((type, at) => type ?? numberType(setup.initial[at]));
  for (let turn = 0; turn <= setup.initial.length; turn++) {
    const { result: next, errors } = rehearse(ctx, setup, known);
    const carry = setup.expression.carries[open];
    if (errors > 0 && carry !== undefined) {
      ctx.report(
        types.carryUnknown(carry.span, { name: carry.name.name }, [
          help(`give its type: \`carry (${carry.name.name}: f32[…] = …)\``),
        ]),
      );
      return undefined;
    }
    const grown = known.map((type, at) => grow(setup, at, type, next?.[at]));
    if (grown.every((type, at) => equalTypes(type, known[at] ?? type))) break;
    known = grown;
  }
  return known;
}

/** A carry that starts as a number, and whose first guess was too small, grows to what the body makes of it. */
function grow(setup: Setup, at: number, type: TensorType, next: LmValue | undefined): TensorType {
  const isNumber = setup.initial[at]?.kind !== 'tensor' && setup.annotated[at] === undefined;
  if (!isNumber || next?.kind !== 'tensor' || next.value.type.dtype !== type.dtype) return type;
  const common = commonShape(type.shape, next.value.type.shape);
  return isDisagreement(common) ? type : tensorType(type.dtype, common);
}

function typeOfNext(next: LmValue | undefined): TensorType | undefined {
  return next?.kind === 'tensor' ? next.value.type : undefined;
}

/** What a carry is that nothing gives a shape: counters and the like. */
function numberType(initial: LmValue | undefined): TensorType {
  return tensorType(initial?.kind === 'number' || initial?.kind !== 'boolean' ? 'f32' : 'bool', []);
}

/** The next carries for assumed types, in a region that is thrown away. */
function rehearse(
  ctx: Context,
  setup: Setup,
  assumed: readonly (TensorType | undefined)[],
): { readonly result: readonly LmValue[] | undefined; readonly errors: number } {
  // What the body asks for outside of the scan must not stay there either.
  const frame = ctx.frame.scratch().region(setup.trip);
  return ctx.rehearse(frame, () => {
    const { outcome } = walk(ctx, setup, frame, assumed);
    return outcome.kind === 'next' ? nextCarries(setup, outcome) : undefined;
  });
}

function nextCarries(setup: Setup, outcome: Extract<Outcome, { kind: 'next' }>): readonly LmValue[] {
  return setup.expression.carries.map(({ name }) => outcome.carries.get(name.name) ?? poison);
}

/** Walks the body with the region's parameters bound. */
function walk(ctx: Context, setup: Setup, frame: Frame, assumed: readonly (TensorType | undefined)[]) {
  const { expression } = setup;
  const inner = childScope(setup.scope);
  const define = (type: TensorType, name: string): Value => {
    const value: Value = { type, name };
    frame.define(value);
    return value;
  };
  const position = define(tensorType('i32', []), 't');
  const slices = setup.sequences.map((sequence, at) => {
    const slice = define(
      tensorType(sequence.type.dtype, sequence.type.shape.slice(1)),
      expression.elements[at]?.name ?? 'x_t',
    );
    ctx.facts.recordImport(sequence, slice, false);
    return slice;
  });
  const carries = assumed.map((type, at) =>
    type === undefined ? undefined : define(type, expression.carries[at]?.name.name ?? 'carry'),
  );
  expression.elements.forEach(({ name }, at) => {
    const slice = slices[at];
    if (name !== '_' && slice !== undefined) inner.values.set(name, tensor(slice));
  });
  expression.carries.forEach(({ name }, at) => {
    const carry = carries[at];
    inner.values.set(name.name, carry === undefined ? hole : tensor(carry));
  });
  return { position, slices, carries, outcome: ctx.execute(expression.body, inner) };
}

function emitScan(ctx: Context, setup: Setup, carryTypes: readonly TensorType[]): LmValue {
  const { expression, trip, reverse } = setup;
  const frame = ctx.frame.region(trip);
  const initial = initialCarries(ctx, setup, carryTypes);
  if (initial === undefined) return poison;
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

/** The region's results, with masked rows keeping their carries and emitting 0. */
function regionResults(
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
