/** Axes under names: a tensor taken apart into one axis for each word, and put together again. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { note } from '../../diagnostics/define.ts';
import { constantDim, divideDims, equalDims, productOfDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { plural, dimNotes, dimText, typeText } from '../describe.ts';
import { toDim } from '../values.ts';
import type { Call } from './function.ts';
import { axesOf, printGroups, repeatedName, type Group } from './pattern.ts';
import { spanOf } from './read.ts';

export function fail(
  call: Call,
  reason: string,
  notes: Parameters<typeof types.badPattern>[2] = [],
): undefined {
  call.ctx.report(types.badPattern(spanOf(call, 'pattern'), { fn: call.name, reason }, notes));
  return undefined;
}

/** Sizes given by name: `h=8`. */
export function givenSizes(call: Call): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const { name, value } of call.rest) {
    const dim = toDim(value);
    if (name !== undefined && dim !== undefined) sizes.set(name.name, dim);
  }
  return sizes;
}

/** The tensor split into one axis for each name; `...` becomes names of its own. */
export interface Decomposed {
  readonly value: Value;
  readonly names: readonly string[];
  readonly sizes: ReadonlyMap<string, Dim>;
  readonly ellipsis: readonly string[];
}

/** Undefined after an error. */
export function decompose(
  call: Call,
  x: Value,
  groups: readonly Group[],
  known: ReadonlyMap<string, Dim>,
): Decomposed | undefined {
  const { shape } = x.type;
  const fixed = groups.filter((group) => !group.isEllipsis).length;
  const hasEllipsis = fixed < groups.length;
  if (hasEllipsis ? shape.length < fixed : shape.length !== fixed)
    return fail(
      call,
      `\`${printGroups(groups)}\` names ${plural(fixed, 'place')}, and the value has ${shape.length}`,
      [note(`the value is \`${typeText(x.type)}\``)],
    );
  const twice = repeatedName(axesOf(groups));
  if (twice !== undefined)
    return fail(call, `the axis \`${twice}\` stands twice in \`${printGroups(groups)}\``);
  const sizes = new Map(known);
  const names: string[] = [];
  const ellipsis: string[] = [];
  const split: Dim[] = [];
  let axis = 0;
  for (const group of groups) {
    const count = group.isEllipsis ? shape.length - fixed : 1;
    for (let at = 0; at < count; at++) {
      const dim = shape[axis];
      axis += 1;
      if (dim === undefined) return undefined;
      if (group.isEllipsis) {
        const name = `...${at}`;
        ellipsis.push(name);
        names.push(name);
        sizes.set(name, dim);
        split.push(dim);
      } else if (!splitGroup(call, group, dim, sizes)) return undefined;
      else {
        names.push(...group.axes);
        split.push(...group.axes.flatMap((name) => sizes.get(name) ?? []));
      }
    }
  }
  return { value: reshaped(call, x, split), names, sizes, ellipsis };
}

function reshaped({ ctx }: Call, x: Value, shape: readonly Dim[]): Value {
  const same =
    x.type.shape.length === shape.length &&
    shape.every((dim, axis) => equalDims(dim, x.type.shape[axis] ?? dim));
  return same ? x : ctx.emit('reshape', [x], { shape });
}

/** Gives each axis of a group its size; one of them may follow from the others. */
export function splitGroup(call: Call, group: Group, dim: Dim, sizes: Map<string, Dim>): boolean {
  const unknown = group.axes.filter((name) => !sizes.has(name));
  const product = productOfDims(group.axes.flatMap((name) => sizes.get(name) ?? []));
  const text = printGroups([group]);
  const [first, ...more] = unknown;
  if (first === undefined) {
    if (equalDims(product, dim)) return true;
    const why =
      group.axes.length === 0
        ? `\`1\` stands for an axis of size 1, and this one is \`${dimText(dim)}\``
        : `\`${text}\` is \`${dimText(product)}\`, and the axis is \`${dimText(dim)}\``;
    fail(call, why, dimNotes([dim, product]));
    return false;
  }
  if (more.length > 0) {
    fail(
      call,
      `\`${text}\` splits \`${dimText(dim)}\` into sizes that are not known: give all but one of them, as in \`${more[0] ?? first}=8\``,
    );
    return false;
  }
  const size = divideDims(dim, product);
  if (size === undefined) {
    fail(
      call,
      `\`${dimText(dim)}\` does not divide into \`${text}\` with \`${dimText(product)}\` for the rest`,
      dimNotes([dim, product]),
    );
    return false;
  }
  sizes.set(first, size);
  return true;
}

/** Permutes axes to an order of names. */
export function permute(
  { ctx }: Call,
  { value, names }: Pick<Decomposed, 'value' | 'names'>,
  order: readonly string[],
): Value {
  const permutation = order.map((name) => names.indexOf(name));
  return permutation.every((axis, at) => axis === at)
    ? value
    : ctx.emit('transpose', [value], { permutation });
}

/** The names of the right side in order, `...` spelt out. */
export function orderOf(groups: readonly Group[], ellipsis: readonly string[]): readonly string[] {
  return groups.flatMap((group) => (group.isEllipsis ? ellipsis : group.axes));
}

/** Puts axes in parentheses together. */
export function compose(
  call: Call,
  x: Value,
  groups: readonly Group[],
  { sizes, ellipsis }: Pick<Decomposed, 'sizes' | 'ellipsis'>,
): Value {
  const shape = groups.flatMap((group): readonly Dim[] => {
    if (group.isEllipsis) return ellipsis.flatMap((name) => sizes.get(name) ?? []);
    const [only, ...more] = group.axes.flatMap((name) => sizes.get(name) ?? []);
    if (only === undefined) return [constantDim(1)];
    return [more.length === 0 ? only : productOfDims([only, ...more])];
  });
  return reshaped(call, x, shape);
}
