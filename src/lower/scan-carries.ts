/** The shapes of a scan’s carries, found by walking its body: unknown at first, then until they are stable. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help } from '../diagnostics/define.ts';
import type { Value } from '../ir/graph.ts';
import { equalTypes, tensorType, type TensorType } from '../ir/types.ts';
import { commonShape, isDisagreement } from './broadcast.ts';
import { childScope, type Context, type Outcome } from './context.ts';
import type { Frame } from './frame.ts';
import { hole, poison, tensor, type LmValue } from './values.ts';
import type { Setup } from './scan-setup.ts';

/** Stable types of the carries; undefined after an error. */
export function findCarryTypes(ctx: Context, setup: Setup): readonly TensorType[] | undefined {
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

export function nextCarries(setup: Setup, outcome: Extract<Outcome, { kind: 'next' }>): readonly LmValue[] {
  return setup.expression.carries.map(({ name }) => outcome.carries.get(name.name) ?? poison);
}

/** Walks the body with the region's parameters bound. */
export function walk(ctx: Context, setup: Setup, frame: Frame, assumed: readonly (TensorType | undefined)[]) {
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
