/** Reading a function's arguments as what they must be; each reports what is wrong and gives undefined. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { help } from '../../diagnostics/define.ts';
import { equalDims } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import type { DType } from '../../ir/types.ts';
import { asTensor } from '../align.ts';
import type { EvaluatedArgument } from '../apply.ts';
import { describeValue, dimText, typeText } from '../describe.ts';
import { toDim, type LmValue } from '../values.ts';
import type { Call } from './function.ts';

export function valueOf(call: Call, name: string): LmValue | undefined {
  return call.get(name)?.value;
}

export function spanOf(call: Call, name: string) {
  return call.get(name)?.span ?? call.span;
}

function wrong(call: Call, arg: EvaluatedArgument | undefined, name: string, expected: string): undefined {
  call.ctx.report(
    types.wrongKind(arg?.span ?? call.span, {
      expected: `${expected} for \`${name}\` of \`${call.name}\``,
      found: arg === undefined ? 'nothing' : describeValue(arg.value),
    }),
  );
  return undefined;
}

/** A tensor; numbers and sizes become `f32` scalars unless `strict`. */
export function tensorOf(call: Call, name: string, dtypes?: readonly DType[]): Value | undefined {
  const arg = call.get(name);
  const value = arg && asTensor(call.ctx, arg.value, dtypes?.[0] ?? 'f32');
  if (arg === undefined || value === undefined) return wrong(call, arg, name, 'a tensor');
  if (dtypes !== undefined && !dtypes.includes(value.type.dtype)) {
    const [wanted = 'f32'] = dtypes;
    call.ctx.report(
      types.dtypeMismatch(arg.span, { expected: dtypes.join('` or `'), found: value.type.dtype }, [
        help(`convert it with \`${wanted}(…)\``),
      ]),
    );
    return undefined;
  }
  return value;
}

export function numberOf(call: Call, name: string, fallback: number): number | undefined {
  const arg = call.get(name);
  if (arg === undefined) return fallback;
  return arg.value.kind === 'number' ? arg.value.value : wrong(call, arg, name, 'a number');
}

export function booleanOf(call: Call, name: string, fallback: boolean): boolean | undefined {
  const arg = call.get(name);
  if (arg === undefined) return fallback;
  return arg.value.kind === 'boolean' ? arg.value.value : wrong(call, arg, name, 'true or false');
}

export function choiceOf<Choice extends string>(
  call: Call,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice | undefined {
  const arg = call.get(name);
  if (arg === undefined) return fallback;
  const { value } = arg;
  const found = value.kind === 'string' ? choices.find((choice) => choice === value.value) : undefined;
  return found ?? wrong(call, arg, name, `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`);
}

export function dimOf(call: Call, name: string) {
  const arg = call.get(name);
  const dim = arg && toDim(arg.value);
  return dim ?? wrong(call, arg, name, 'a size');
}

/** A list or tuple of values, or one alone. */
export function listOf(call: Call, name: string): readonly LmValue[] | undefined {
  const arg = call.get(name);
  if (arg === undefined) return undefined;
  return arg.value.kind === 'list' || arg.value.kind === 'tuple' ? arg.value.elements : [arg.value];
}

/** An axis by number (negative from the last) or by the dimension that it has. */
export function axisFrom(call: Call, value: LmValue, of: Value, span = call.span): number | undefined {
  const { shape } = of.type;
  if (value.kind === 'number' && Number.isInteger(value.value)) {
    const axis = value.value < 0 ? value.value + shape.length : value.value;
    if (axis >= 0 && axis < shape.length) return axis;
  } else if (value.kind === 'dim') {
    const matching = shape.flatMap((dim, axis) => (equalDims(dim, value.dim) ? [axis] : []));
    const [axis, ...more] = matching;
    if (axis !== undefined && more.length === 0) return axis;
  }
  call.ctx.report(
    types.noSuchAxis(span, {
      axis:
        value.kind === 'dim'
          ? dimText(value.dim)
          : value.kind === 'number'
            ? String(value.value)
            : describeValue(value),
      type: typeText(of.type),
    }),
  );
  return undefined;
}

export function axisOf(call: Call, name: string, of: Value, fallback: number): number | undefined {
  const arg = call.get(name);
  const value: LmValue = arg?.value ?? { kind: 'number', value: fallback, isInteger: true };
  return axisFrom(call, value, of, arg?.span ?? call.span);
}

/** Ascending; all of them where the argument is absent. */
export function axesOf(call: Call, name: string, of: Value): readonly number[] | undefined {
  const arg = call.get(name);
  if (arg === undefined || arg.value.kind === 'none') return of.type.shape.map((_, axis) => axis);
  const axes = (listOf(call, name) ?? []).map((each) => axisFrom(call, each, of, arg.span));
  const known = axes.flatMap((axis) => axis ?? []);
  return known.length === axes.length ? [...new Set(known)].toSorted((a, b) => a - b) : undefined;
}
