/** Where an argument does not fit its parameter: which other one it would fit. */
import { help } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import { equalDims, type Dim } from '../ir/dim.ts';
import type { ValueParameter } from '../parser/ast.ts';
import { lookup, type Scope } from './context.ts';
import { toDim, type Instance, type LmValue } from './values.ts';

export type GivenValues = ReadonlyMap<string, { readonly value: LmValue }>;

/** `inner`: what the parameters before this one have bound. */
export function misplacedHelp(
  instance: Instance,
  parameter: ValueParameter,
  given: GivenValues,
  inner: Scope,
): readonly Note[] {
  const swapped = swapHelp(instance, parameter, given);
  return swapped.length > 0 ? swapped : otherNameHelp(instance, parameter, given, inner);
}

/** Where two arguments would fit, were they the other way round. */
function swapHelp(
  { block: { declaration } }: Instance,
  parameter: ValueParameter,
  given: GivenValues,
): readonly Note[] {
  const own = given.get(parameter.name.name)?.value;
  if (fits(own, parameter)) return [];
  const other = declaration.parameters.find(
    (candidate) =>
      candidate !== parameter &&
      fits(own, candidate) &&
      fits(given.get(candidate.name.name)?.value, parameter),
  );
  return other === undefined
    ? []
    : [help(`\`${parameter.name.name}\` and \`${other.name.name}\` seem to be in the other order`)];
}

/** Where an optional parameter that was not given takes just such a value: `mask=tokens != 0` is meant for `valid`. */
function otherNameHelp(
  { block: { declaration } }: Instance,
  parameter: ValueParameter,
  given: GivenValues,
  inner: Scope,
): readonly Note[] {
  const own = given.get(parameter.name.name)?.value;
  if (own?.kind !== 'tensor' || fitsExactly(own, parameter, inner)) return [];
  const other = declaration.parameters.find(
    (candidate) =>
      candidate !== parameter &&
      candidate.default !== undefined &&
      !isGiven(given.get(candidate.name.name)?.value) &&
      !candidate.type.leading &&
      fitsExactly(own, candidate, inner),
  );
  return other === undefined
    ? []
    : [help(`\`${other.name.name}\` takes such a value: \`${other.name.name}=…\``)];
}

function isGiven(value: LmValue | undefined): boolean {
  return value !== undefined && value.kind !== 'none';
}

function fits(value: LmValue | undefined, { type }: ValueParameter): boolean {
  return (
    value?.kind === 'tensor' &&
    value.value.type.dtype === type.dtype.name &&
    (type.leading || value.value.type.shape.length === type.dims.length)
  );
}

/** As far as the sizes are known. */
function fitsExactly(value: LmValue, parameter: ValueParameter, inner: Scope): boolean {
  if (value.kind !== 'tensor' || !fits(value, parameter)) return false;
  const { dims } = parameter.type;
  const shape = value.value.type.shape.slice(value.value.type.shape.length - dims.length);
  return dims.every((dim, at) => {
    const size = shape[at];
    const wanted = dim.kind === 'name' ? sizeOf(lookup(inner, dim.name)) : undefined;
    return wanted === undefined || (size !== undefined && equalDims(size, wanted));
  });
}

function sizeOf(value: LmValue | undefined): Dim | undefined {
  return value && toDim(value);
}
