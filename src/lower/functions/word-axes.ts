/** `rearrange`, `reduce`, `einsum`: what happens to axes, written as words. Every axis is named and accounted for. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { note } from '../../diagnostics/define.ts';
import { constantDim, divideDims, equalDims, productOfDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { plural, dimNotes, dimText, typeText } from '../describe.ts';
import { didYouMean } from '../did-you-mean.ts';
import { poison, tensor, toDim, type LmValue } from '../values.ts';
import { stackTensors } from '../repeat.ts';
import { einsum } from './einsum.ts';
import type { Call, FunctionTable } from './function.ts';
import {
  axesOf,
  parsePattern,
  PatternError,
  printGroups,
  repeatedName,
  type Group,
  type Pattern,
} from './pattern.ts';
import { choiceOf, spanOf, tensorOf, valueOf } from './read.ts';
import { meanOf, reduced } from './reductions.ts';

/** The pattern of a call; undefined after an error. */
export function patternOf(call: Call, inputs: number): Pattern | undefined {
  const value = valueOf(call, 'pattern');
  const span = spanOf(call, 'pattern');
  if (value?.kind !== 'string') {
    call.ctx.report(
      types.wrongKind(span, {
        expected: `a pattern in quotes for \`${call.name}\``,
        found: 'something else',
      }),
    );
    return undefined;
  }
  try {
    const pattern = parsePattern(value.value);
    if (pattern.inputs.length !== inputs)
      throw new PatternError(
        `the pattern has ${plural(pattern.inputs.length, 'input')}, and there ${inputs === 1 ? 'is 1 tensor' : `are ${inputs} tensors`}`,
      );
    return pattern;
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    fail(call, error.message);
    return undefined;
  }
}

function fail(call: Call, reason: string, notes: Parameters<typeof types.badPattern>[2] = []): undefined {
  call.ctx.report(types.badPattern(spanOf(call, 'pattern'), { fn: call.name, reason }, notes));
  return undefined;
}

/** Sizes given by name: `h=8`. */
function givenSizes(call: Call): ReadonlyMap<string, Dim> {
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
function splitGroup(call: Call, group: Group, dim: Dim, sizes: Map<string, Dim>): boolean {
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

function checkNames(call: Call, pattern: Pattern, mayVanish: boolean): boolean {
  const [input = []] = pattern.inputs;
  const [left, right] = [axesOf(input), axesOf(pattern.output)];
  const twice = repeatedName(right);
  if (twice !== undefined) {
    fail(call, `the axis \`${twice}\` stands twice on the right`);
    return false;
  }
  const unknown = right.find((name) => !left.includes(name));
  if (unknown !== undefined) {
    fail(call, `the axis \`${unknown}\` stands on the right only`, didYouMean(unknown, left));
    return false;
  }
  const lost = mayVanish ? undefined : left.find((name) => !right.includes(name));
  if (lost !== undefined) {
    fail(
      call,
      `the axis \`${lost}\` stands on the left only; \`rearrange\` keeps every element, \`reduce\` combines them`,
    );
    return false;
  }
  const [hasLeft, hasRight] = [input, pattern.output].map((side) => side.some((group) => group.isEllipsis));
  if (hasLeft !== hasRight) {
    fail(call, '`...` stands on one side only');
    return false;
  }
  for (const { name, span } of call.rest)
    if (name !== undefined && !left.includes(name.name)) {
      call.ctx.report(
        types.badPattern(
          span,
          { fn: call.name, reason: `the pattern has no axis \`${name.name}\`` },
          didYouMean(name.name, left),
        ),
      );
      return false;
    }
  return true;
}

function rearrange(call: Call): LmValue {
  const { ctx } = call;
  const { errors } = ctx;
  const x = tensorOf(call, 'x', ['f32', 'i32', 'bool']);
  const pattern = patternOf(call, 1);
  const [input] = pattern?.inputs ?? [];
  if (x === undefined || pattern === undefined || input === undefined) return poison;
  if (!checkNames(call, pattern, false)) return poison;
  const joined = joinParts(call, x, input, pattern.output);
  if (joined !== undefined) return tensor(joined);
  const parts = ctx.errors === errors ? decompose(call, x, input, givenSizes(call)) : undefined;
  if (parts === undefined) return poison;
  const moved = permute(call, parts, orderOf(pattern.output, parts.ellipsis));
  return tensor(compose(call, moved, pattern.output, parts));
}

/**
 * `rearrange(stack, "parts batch h -> batch (parts h)")` joins the parts where they belong instead of joining them
 * first and moving everything. Undefined where the pattern is another.
 */
function joinParts(
  call: Call,
  x: Value,
  input: readonly Group[],
  output: readonly Group[],
): Value | undefined {
  const { ctx } = call;
  const stack = ctx.facts.stackOf(x);
  const [name, ...more] = (stack && input[stack.axis]?.axes) ?? [];
  if (stack === undefined || name === undefined || more.length > 0) return undefined;
  if ([...input, ...output].some((group) => group.isEllipsis)) return undefined;
  const axis = output.findIndex((group) => group.axes[0] === name);
  const joined = output[axis];
  if (joined === undefined) return undefined;
  const inner = input.filter((_, at) => at !== stack.axis);
  const isAlone = joined.axes.length === 1;
  const rest = output.flatMap((group, at): readonly Group[] => {
    if (at !== axis) return [group];
    return isAlone ? [] : [{ ...group, axes: group.axes.slice(1) }];
  });
  const parts = stack.parts.map((part) => {
    const split = decompose(call, part, inner, givenSizes(call));
    return split && compose(call, permute(call, split, orderOf(rest, [])), rest, split);
  });
  const known = parts.flatMap((part) => part ?? []);
  if (known.length !== parts.length) return undefined;
  if (isAlone) return stackTensors(ctx, known, axis);
  const [only] = known;
  return only !== undefined && known.length === 1 ? only : ctx.emit('concat', known, { axis });
}

function reduce(call: Call): LmValue {
  const x = tensorOf(call, 'x', ['f32']);
  const pattern = patternOf(call, 1);
  const how = choiceOf(call, 'by', ['mean', 'sum', 'max', 'min'], 'mean');
  const [input] = pattern?.inputs ?? [];
  if (x === undefined || pattern === undefined || input === undefined || how === undefined) return poison;
  if (!checkNames(call, pattern, true)) return poison;
  const parts = decompose(call, x, input, givenSizes(call));
  if (parts === undefined) return poison;
  const order = orderOf(pattern.output, parts.ellipsis);
  const gone = parts.names.flatMap((name, axis) => (order.includes(name) ? [] : [axis]));
  const left = how === 'mean' ? meanOf(call, parts.value, gone) : reduced(call, parts.value, how, gone);
  const names = parts.names.filter((name) => order.includes(name));
  const moved = permute(call, { value: left, names }, order);
  return tensor(compose(call, moved, pattern.output, parts));
}

export const wordAxes: FunctionTable = {
  rearrange: {
    parameters: ['x', 'pattern'],
    keywords: true,
    documentation:
      'Permutes, splits and joins axes: `rearrange(x, "batch seq (heads d) -> batch heads seq d", heads=8)`.',
    apply: rearrange,
  },
  reduce: {
    parameters: ['x', 'pattern', 'by'],
    keywords: true,
    documentation:
      'Combines the axes that the right side leaves out: `reduce(x, "batch seq d -> batch d", "mean")`.',
    apply: reduce,
  },
  einsum: {
    parameters: ['pattern'],
    variadic: true,
    documentation:
      'Products summed over the axes that the right side leaves out: `einsum("b i, o i -> b o", x, w)`.',
    apply: einsum,
  },
};
