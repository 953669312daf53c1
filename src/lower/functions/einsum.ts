/**
 * `einsum("b h i d, b h j d -> b h i j", q, k)`: pairwise products, each summing over what nobody needs any more.
 * Axes in parentheses are taken apart before, and put together after: `"b (g e) i d, b g j d -> b (g e) i j"`.
 */
import * as types from '../../diagnostics/catalogue/types.ts';
import { note } from '../../diagnostics/define.ts';
import { equalDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { isOne } from '../broadcast.ts';
import { dimNotes, dimText, typeText } from '../describe.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { compose, decompose, fail, splitGroup } from './axes.ts';
import type { Call } from './function.ts';
import { axesOf, parsePattern, PatternError, printGroups, repeatedName, type Group } from './pattern.ts';

interface Factor {
  readonly value: Value;
  readonly names: readonly string[];
}

/** A tensor and the words for its axes. */
interface Operand {
  readonly value: Value;
  readonly groups: readonly Group[];
}

export function einsum(call: Call): LmValue {
  const { ctx } = call;
  const pattern = call.get('pattern');
  const refuse = (reason: string): LmValue => fail(call, reason) ?? poison;
  if (pattern?.value.kind !== 'string') return refuse('the first argument is the pattern, in quotes');
  try {
    const { inputs, output } = parsePattern(pattern.value.value);
    const operands = readOperands(call, inputs);
    if (operands === undefined) return poison;
    const problem = unsupported(inputs, output);
    if (problem !== undefined) return refuse(problem);
    const { errors } = ctx;
    const sizes = findSizes(call, operands);
    if (sizes === undefined) return poison;
    const unknown = axesOf(output).find((name) => !sizes.has(name));
    if (unknown !== undefined) return refuse(`the axis \`${unknown}\` stands on the right only`);
    const factors = operands.flatMap(
      ({ value, groups }) => decompose(call, value, withoutOnes(groups, sizes), sizes) ?? [],
    );
    if (ctx.errors > errors) return poison;
    const present = new Set(factors.flatMap(({ names }) => names));
    const wanted = axesOf(output).filter((name) => present.has(name));
    return tensor(compose(call, contract(call, factors, wanted), output, { sizes, ellipsis: [] }));
  } catch (error) {
    if (error instanceof PatternError) return refuse(error.message);
    throw error;
  }
}

function readOperands(call: Call, inputs: readonly (readonly Group[])[]): readonly Operand[] | undefined {
  const { ctx, rest } = call;
  if (inputs.length !== rest.length)
    throw new PatternError(`the pattern has ${inputs.length} inputs, and there are ${rest.length} tensors`);
  const operands: Operand[] = [];
  for (const [at, { value, span }] of rest.entries()) {
    const groups = inputs[at] ?? [];
    if (value.kind !== 'tensor') {
      ctx.report(types.wrongKind(span, { expected: 'a tensor for `einsum`', found: 'something else' }));
      return undefined;
    }
    if (value.value.type.dtype !== 'f32') {
      ctx.report(types.dtypeMismatch(span, { expected: 'f32', found: value.value.type.dtype }));
      return undefined;
    }
    if (groups.length !== value.value.type.shape.length)
      throw new PatternError(
        `\`${printGroups(groups)}\` names ${groups.length} axes of \`${typeText(value.value.type)}\``,
      );
    operands.push({ value: value.value, groups });
  }
  return operands;
}

function unsupported(inputs: readonly (readonly Group[])[], output: readonly Group[]): string | undefined {
  for (const groups of [...inputs, output]) {
    if (groups.some((group) => group.isEllipsis))
      return 'every axis of `einsum` has a name: there is no `...`';
    const twice = repeatedName(axesOf(groups));
    if (twice !== undefined) return `the axis \`${twice}\` stands twice in \`${printGroups(groups)}\``;
  }
  return undefined;
}

/** Words alone say what size they are; those in parentheses follow from them. Undefined after an error. */
function findSizes(call: Call, operands: readonly Operand[]): ReadonlyMap<string, Dim> | undefined {
  const sizes = new Map<string, Dim>();
  const origins = new Map<string, string>();
  for (const { value, groups } of operands)
    for (const [axis, { axes }] of groups.entries()) {
      const [name, ...more] = axes;
      const dim = value.type.shape[axis];
      if (dim === undefined || name === undefined || more.length > 0) continue;
      const known = sizes.get(name);
      if (known !== undefined && !equalDims(known, dim))
        return fail(
          call,
          `the axis \`${name}\` is \`${dimText(known)}\` in one tensor and \`${dimText(dim)}\` in another`,
          [
            note(`the tensors are \`${origins.get(name) ?? ''}\` and \`${typeText(value.type)}\``),
            ...dimNotes([known, dim]),
          ],
        );
      sizes.set(name, dim);
      origins.set(name, typeText(value.type));
    }
  for (const { value, groups } of operands)
    for (const [axis, group] of groups.entries()) {
      const dim = value.type.shape[axis];
      if (dim !== undefined && group.axes.length !== 1 && !splitGroup(call, group, dim, sizes))
        return undefined;
    }
  return sizes;
}

/** Parts of an axis that turn out to be of size 1 need not be taken apart. */
function withoutOnes(groups: readonly Group[], sizes: ReadonlyMap<string, Dim>): readonly Group[] {
  return groups.map((group) => {
    if (group.axes.length < 2) return group;
    const axes = group.axes.filter((name) => {
      const dim = sizes.get(name);
      return dim === undefined || !isOne(dim);
    });
    return { ...group, axes };
  });
}

function contract(call: Call, factors: readonly Factor[], wanted: readonly string[]): Value {
  const { ctx } = call;
  const [first, ...rest] = factors;
  if (first === undefined) return ctx.constant(1);
  let current = first;
  for (const [at, next] of rest.entries()) {
    const needed = new Set([...wanted, ...rest.slice(at + 1).flatMap((factor) => factor.names)]);
    current = multiply(
      call,
      sumOut(call, current, (name) => needed.has(name) || next.names.includes(name)),
      sumOut(call, next, (name) => needed.has(name) || current.names.includes(name)),
      needed,
    );
  }
  const last = sumOut(call, current, (name) => wanted.includes(name));
  const permutation = wanted.map((name) => last.names.indexOf(name));
  return permutation.every((axis, place) => axis === place)
    ? last.value
    : ctx.emit('transpose', [last.value], { permutation });
}

function sumOut({ ctx }: Call, { value, names }: Factor, isNeeded: (name: string) => boolean): Factor {
  const axes = names.flatMap((name, axis) => (isNeeded(name) ? [] : [axis]));
  if (axes.length === 0) return { value, names };
  return { value: ctx.emit('reduce', [value], { combine: 'sum', axes }), names: names.filter(isNeeded) };
}

function multiply({ ctx }: Call, lhs: Factor, rhs: Factor, needed: ReadonlySet<string>): Factor {
  const shared = lhs.names.filter((name) => rhs.names.includes(name));
  const pair = (name: string) => [lhs.names.indexOf(name), rhs.names.indexOf(name)] as const;
  const batch = shared.filter((name) => needed.has(name));
  const contracted = shared.filter((name) => !needed.has(name));
  const names = [
    ...batch,
    ...lhs.names.filter((name) => !shared.includes(name)),
    ...rhs.names.filter((name) => !shared.includes(name)),
  ];
  const value = ctx.emit('dot', [lhs.value, rhs.value], {
    batch: batch.map(pair),
    contract: contracted.map(pair),
  });
  return { value, names };
}
