/** Builders that the compiler provides: initialisers, optimisers, and `dropout`. Everything else is a block. */
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help } from '../diagnostics/define.ts';
import { formatSpan } from '../diagnostics/span.ts';
import type { PlanConstant } from '../../runtime/plan.ts';
import type { Argument, Expression } from '../parser/ast.ts';
import { bindArguments } from './arguments.ts';
import type { Context, Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { initializers, type InitializerSpec } from './initializers.ts';
import { optimizers, type OptimizerDescription } from './optimizers.ts';
import { groupOptions, readGroups } from './parameter-groups.ts';
import { joinPath } from './parameters.ts';
import { poison, type LmValue } from './values.ts';

type Build = Extract<Expression, { kind: 'build' }>;

export const builtinBuilders: ReadonlySet<string> = new Set([
  'dropout',
  ...Object.keys(initializers),
  ...Object.keys(optimizers),
]);

/** Undefined where there is no such builder. */
export function buildBuiltin(
  ctx: Context,
  expression: Build,
  scope: Scope,
  name: string | undefined,
): LmValue | undefined {
  const builder = expression.builder.name;
  if (builder === 'dropout') return buildDropout(ctx, expression, scope, name);
  const initializer = initializers[builder];
  if (initializer !== undefined) return buildInitializer(ctx, expression, initializer, scope);
  const optimizer = optimizers[builder];
  return optimizer && buildOptimizer(ctx, expression, optimizer, scope);
}

function bind(ctx: Context, expression: Build, parameters: readonly string[], optional: readonly string[]) {
  return bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    { text: `\`${expression.builder.name}{…}\``, what: 'hyperparameter', span: expression.builder.span },
    parameters.map((name) => ({ name, optional: optional.includes(name) })),
    expression.arguments,
  );
}

function numberOf(ctx: Context, arg: Argument, scope: Scope): number | undefined {
  const value = ctx.evaluate(arg.value, scope);
  if (value.kind === 'number') return value.value;
  if (value.kind !== 'poison')
    ctx.report(types.wrongKind(arg.span, { expected: 'a number', found: describeValue(value) }));
  return undefined;
}

function buildDropout(ctx: Context, expression: Build, scope: Scope, name: string | undefined): LmValue {
  const bound = bind(ctx, expression, ['p'], []);
  const arg = bound?.named.get('p');
  const rate = arg && numberOf(ctx, arg, scope);
  if (arg === undefined || rate === undefined) return poison;
  if (!(rate >= 0 && rate < 1))
    return ctx.fail(
      types.outOfDomain(
        arg.span,
        { what: 'a dropout rate', domain: 'from 0 up to, but not, 1', found: String(rate) },
        rate > 1 && rate <= 100 ? [help(`a rate is a share: ${rate / 100} for ${rate} %`)] : [],
      ),
    );
  const turn = scope.turn === '' ? '' : `.${scope.turn}`;
  return {
    kind: 'dropout',
    rate,
    stream: joinPath(scope.owner, `${name ?? 'dropout'}${turn}`),
    span: expression.span,
  };
}

function buildInitializer(
  ctx: Context,
  expression: Build,
  { parameters, optional, make }: InitializerSpec,
  scope: Scope,
): LmValue {
  // `normal{0.02}` is a standard deviation alone.
  const [only, ...more] = expression.arguments;
  const isDeviation =
    expression.builder.name === 'normal' &&
    more.length === 0 &&
    only !== undefined &&
    only.name === undefined;
  const bound = bind(ctx, expression, isDeviation ? ['std', 'mean', 'zero_row'] : parameters, optional);
  if (bound === undefined) return poison;
  const given = new Map<string, number>();
  for (const [name, arg] of bound.named) {
    const value = ctx.evaluate(arg.value, scope);
    if (value.kind === 'none') continue;
    const number = numberOf(ctx, arg, scope);
    if (number === undefined) return poison;
    given.set(name, number);
  }
  return { kind: 'initializer', make: (shape) => make(given, shape) };
}

function buildOptimizer(
  ctx: Context,
  expression: Build,
  { options, make }: OptimizerDescription,
  scope: Scope,
): LmValue {
  const all = [...Object.keys(options), ...groupOptions];
  const bound = bind(ctx, expression, all, all);
  if (bound === undefined) return poison;
  const given: Record<string, number | boolean | readonly number[]> = { ...options };
  for (const [name, arg] of bound.named) {
    const fallback = options[name];
    const value = fallback === undefined ? undefined : optionOf(ctx, arg, fallback, scope);
    if (fallback !== undefined && value === undefined) return poison;
    if (value !== undefined) given[name] = value;
  }
  const groups = readGroups(ctx, bound.named, scope);
  if (groups === undefined) return poison;
  const spec = make({
    number: (name) => (typeof given[name] === 'number' ? given[name] : 0),
    boolean: (name) => given[name] === true,
    list: (name) => (Array.isArray(given[name]) ? given[name] : []),
  });
  const named: Record<string, PlanConstant> = { ...given, ...groups.named };
  return {
    kind: 'optimizer',
    spec,
    lr: typeof given['lr'] === 'number' ? given['lr'] : 0,
    groups: groups.requests,
    call: { builder: expression.builder.name, positional: [], named, place: formatSpan(expression.span) },
  };
}

function optionOf(
  ctx: Context,
  arg: Argument,
  fallback: number | boolean | readonly number[],
  scope: Scope,
): number | boolean | readonly number[] | undefined {
  const value = ctx.evaluate(arg.value, scope);
  if (value.kind === 'poison') return undefined;
  const name = arg.name?.name ?? 'the option';
  const fail = (expected: string): undefined => {
    ctx.report(tasks.optionValue(arg.span, { option: name, expected, found: describeValue(value) }));
    return undefined;
  };
  if (typeof fallback === 'boolean') return value.kind === 'boolean' ? value.value : fail('true or false');
  if (typeof fallback === 'number') {
    if (value.kind !== 'number') return fail('a number');
    return value.value >= 0 ? value.value : fail('a number that is not below 0');
  }
  const elements = value.kind === 'tuple' || value.kind === 'list' ? value.elements : [];
  const numbers = elements.flatMap((each) => (each.kind === 'number' ? [each.value] : []));
  return numbers.length === fallback.length && elements.length === fallback.length
    ? numbers
    : fail(`${fallback.length} numbers in parentheses`);
}
