/** `einsum("b h i d, b h j d -> b h i j", q, k)`: pairwise products, each summing over what nobody needs any more. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { note } from '../../diagnostics/define.ts';
import { equalDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { dimNotes, dimText, typeText } from '../describe.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import type { Call } from './function.ts';
import { axesOf, parsePattern, PatternError, printGroups, repeatedName, type Group } from './pattern.ts';

interface Factor {
  readonly value: Value;
  readonly names: readonly string[];
}

export function einsum(call: Call): LmValue {
  const { ctx } = call;
  const pattern = call.get('pattern');
  const fail = (reason: string, notes: Parameters<typeof types.badPattern>[2] = []): LmValue =>
    ctx.fail(types.badPattern(pattern?.span ?? call.span, { fn: 'einsum', reason }, notes));
  if (pattern?.value.kind !== 'string') return fail('the first argument is the pattern, in quotes');
  try {
    const { inputs, output } = parsePattern(pattern.value.value);
    const factors = readFactors(call, inputs);
    if (factors === undefined) return poison;
    const problem = unsupported(inputs, output);
    if (problem !== undefined) return fail(problem);
    const sizes = new Map<string, { readonly dim: Dim; readonly type: string }>();
    for (const { value, names } of factors)
      for (const [axis, name] of names.entries()) {
        const dim = value.type.shape[axis];
        if (dim === undefined) continue;
        const known = sizes.get(name);
        if (known !== undefined && !equalDims(known.dim, dim))
          return fail(
            `the axis \`${name}\` is \`${dimText(known.dim)}\` in one tensor and \`${dimText(dim)}\` in another`,
            [
              note(`the tensors are \`${known.type}\` and \`${typeText(value.type)}\``),
              ...dimNotes([known.dim, dim]),
            ],
          );
        sizes.set(name, { dim, type: typeText(value.type) });
      }
    const wanted = axesOf(output);
    const unknown = wanted.find((name) => !sizes.has(name));
    if (unknown !== undefined) return fail(`the axis \`${unknown}\` stands on the right only`);
    return tensor(contract(call, factors, wanted));
  } catch (error) {
    if (error instanceof PatternError) return fail(error.message);
    throw error;
  }
}

function readFactors(call: Call, inputs: readonly (readonly Group[])[]): readonly Factor[] | undefined {
  const { ctx, rest } = call;
  if (inputs.length !== rest.length)
    throw new PatternError(`the pattern has ${inputs.length} inputs, and there are ${rest.length} tensors`);
  const factors: Factor[] = [];
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
    factors.push({ value: value.value, names: axesOf(groups) });
  }
  return factors;
}

function unsupported(inputs: readonly (readonly Group[])[], output: readonly Group[]): string | undefined {
  for (const groups of [...inputs, output]) {
    if (groups.some((group) => group.isEllipsis || group.axes.length !== 1))
      return 'axes of `einsum` are single words: rearrange first to split or join them';
    const twice = repeatedName(axesOf(groups));
    if (twice !== undefined) return `the axis \`${twice}\` stands twice in \`${printGroups(groups)}\``;
  }
  return undefined;
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
