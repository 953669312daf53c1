/** `rearrange`, `reduce`, `einsum`: what happens to axes, written as words. Every axis is named and accounted for. */
import * as types from '../../diagnostics/catalogue/types.ts';
import type { Value } from '../../ir/graph.ts';
import { plural } from '../describe.ts';
import { didYouMean } from '../did-you-mean.ts';
import { poison, tensor, type LmValue } from '../values.ts';
import { stackTensors } from '../repeat.ts';
import { einsum } from './einsum.ts';
import type { Call, FunctionTable } from './function.ts';
import { axesOf, parsePattern, PatternError, repeatedName, type Group, type Pattern } from './pattern.ts';
import { choiceOf, spanOf, tensorOf, valueOf } from './read.ts';
import { meanOf, reduced } from './reductions.ts';
import { compose, decompose, fail, givenSizes, orderOf, permute } from './axes.ts';

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
      'Products summed over the axes that the right side leaves out: `einsum("b i, o i -> b o", x, w)`; parentheses take axes apart and put them together.',
    apply: einsum,
  },
};
