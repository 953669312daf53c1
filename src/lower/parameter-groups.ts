/**
 * Groups of parameters that an optimiser treats otherwise: `no_decay=[bias, norm]`, `freeze=["encoder.layers.0"]`,
 * `groups=[group{[classifier], lr=1e-2}]`. Patterns are read where the optimiser is, and matched with the names of the
 * parameters once those are known.
 */
import * as names from '../diagnostics/catalogue/names.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help } from '../diagnostics/define.ts';
import { formatSpan } from '../diagnostics/span.ts';
import type { PlanCall, PlanConstant } from '../../runtime/plan.ts';
import type { GraphState, OptimizerSpec, ParameterGroup } from '../ir/graph.ts';
import type { Argument, Expression } from '../parser/ast.ts';
import { bindArguments } from './arguments.ts';
import type { Context, Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { matchesParameter } from './matches-parameter.ts';
import type { GroupRequest, GroupRequests, Pattern } from './group-requests.ts';

/** Options of every optimiser, beside its own. */
export const groupOptions = ['decay_vectors', 'no_decay', 'freeze', 'groups'] as const;

/** What is to be looked up in such an option's value: all but the bare words, which are parts of parameters' names. */
export function lookedUp(option: string, value: Expression): readonly Expression[] {
  if (!['no_decay', 'freeze', 'groups', 'parameters'].includes(option)) return [value];
  return (value.kind === 'list' ? value.elements : [value]).flatMap((each) => {
    if (each.kind === 'build')
      return each.arguments.flatMap((argument) =>
        lookedUp(argument.name?.name ?? 'parameters', argument.value),
      );
    return each.kind === 'name' || each.kind === 'attribute' ? [] : [each];
  });
}

/** The options' values as the plan records them, and what they ask for; undefined after an error. */
export function readGroups(
  ctx: Context,
  given: ReadonlyMap<string, Argument>,
  scope: Scope,
): { readonly requests: GroupRequests; readonly named: Readonly<Record<string, PlanConstant>> } | undefined {
  const named: Record<string, PlanConstant> = {};
  const requests: GroupRequest[] = [];
  let decayVectors = true;
  const vectors = given.get('decay_vectors');
  if (vectors !== undefined) {
    const value = ctx.evaluate(vectors.value, scope);
    if (value.kind === 'poison') return undefined;
    if (value.kind !== 'boolean') return fail(ctx, vectors, 'decay_vectors', 'true or false', value);
    decayVectors = value.value;
    named['decay_vectors'] = decayVectors;
  }
  for (const [option, request] of [
    ['no_decay', { weightDecay: 0 }],
    ['freeze', { isFrozen: true }],
  ] as const) {
    const argument = given.get(option);
    if (argument === undefined) continue;
    const patterns = readPatterns(ctx, option, argument.value, scope);
    if (patterns === undefined) return undefined;
    named[option] = patterns.map(({ text }) => text);
    requests.push({ patterns, ...request });
  }
  const groups = given.get('groups');
  if (groups !== undefined) {
    const calls: PlanCall[] = [];
    for (const each of groups.value.kind === 'list' ? groups.value.elements : [groups.value]) {
      const group = readGroup(ctx, each, scope);
      if (group === undefined) return undefined;
      calls.push(group.call);
      requests.push(group.request);
    }
    named['groups'] = calls;
  }
  return { requests: { decayVectors, requests }, named };
}

const PATTERNS = 'names of parameters, as in `[bias, norm, "encoder.layers.0"]`';

/** Names are not looked up: they stand for parts of the parameters' names. */
function readPatterns(
  ctx: Context,
  option: string,
  value: Expression,
  scope: Scope,
): readonly Pattern[] | undefined {
  const elements = value.kind === 'list' ? value.elements : [value];
  const patterns: Pattern[] = [];
  for (const each of elements) {
    const string = each.kind === 'string' ? ctx.evaluate(each, scope) : undefined;
    if (string?.kind === 'poison') return undefined;
    const text = string?.kind === 'string' ? string.value : textOf(each);
    if (text === undefined || text === '') {
      ctx.report(tasks.optionValue(each.span, { option, expected: PATTERNS, found: 'something else' }));
      return undefined;
    }
    patterns.push({ text, span: each.span });
  }
  return patterns;
}

function textOf(expression: Expression): string | undefined {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'attribute') return undefined;
  const base = textOf(expression.base);
  return base === undefined ? undefined : `${base}.${expression.name.name}`;
}

function readGroup(
  ctx: Context,
  expression: Expression,
  scope: Scope,
): { readonly request: GroupRequest; readonly call: PlanCall } | undefined {
  if (expression.kind !== 'build' || expression.builder.name !== 'group') {
    ctx.report(
      tasks.optionValue(expression.span, {
        option: 'groups',
        expected: 'a list of groups, as in `[group{[classifier], lr=1e-2}]`',
        found: expression.kind === 'build' ? `\`${expression.builder.name}{…}\`` : 'something else',
      }),
    );
    return undefined;
  }
  const bound = bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    { text: '`group{…}`', what: 'argument', span: expression.builder.span },
    ['parameters', 'lr', 'weight_decay'].map((name) => ({ name, optional: name !== 'parameters' })),
    expression.arguments,
  );
  const parameters = bound?.named.get('parameters');
  const patterns = parameters && readPatterns(ctx, 'parameters', parameters.value, scope);
  if (bound === undefined || patterns === undefined) return undefined;
  const numbers = new Map<string, number>();
  for (const name of ['lr', 'weight_decay']) {
    const argument = bound.named.get(name);
    if (argument === undefined) continue;
    const value = ctx.evaluate(argument.value, scope);
    if (value.kind === 'poison') return undefined;
    if (value.kind !== 'number' || !(value.value >= 0))
      return fail(ctx, argument, name, 'a number that is not below 0', value);
    numbers.set(name, value.value);
  }
  const [lr, weightDecay] = [numbers.get('lr'), numbers.get('weight_decay')];
  return {
    request: {
      patterns,
      ...(lr === undefined ? {} : { lr }),
      ...(weightDecay === undefined ? {} : { weightDecay }),
    },
    call: {
      builder: 'group',
      positional: [patterns.map(({ text }) => text)],
      named: Object.fromEntries(numbers),
      place: formatSpan(expression.span),
    },
  };
}

function fail(
  ctx: Context,
  argument: Argument,
  option: string,
  expected: string,
  found: Parameters<typeof describeValue>[0],
): undefined {
  ctx.report(tasks.optionValue(argument.span, { option, expected, found: describeValue(found) }));
  return undefined;
}

/**
 * The groups of the parameters that the optimiser is to change. A pattern that names none of them, and a parameter in two
 * `group`s, are reported. `lr`: the optimiser's own, which must not be 0 where a group has another.
 */
export function resolveGroups(
  ctx: Context,
  { decayVectors, requests }: GroupRequests,
  optimizer: OptimizerSpec,
  lr: number,
  states: readonly GraphState[],
): readonly ParameterGroup[] {
  const parameters = states.filter(({ role, value }) => role === 'parameter' && value.type.dtype === 'f32');
  for (const { text, span } of requests.flatMap(({ patterns }) => patterns))
    if (!parameters.some(({ name }) => matchesParameter(text, name)))
      ctx.report(
        names.unknownName(span, { what: 'parameter', name: text }, [
          ...suggest(
            text,
            [...new Set(parameters.flatMap(({ name }) => name.split('.')))],
            'their names are made of',
          ),
          help('`lmc summary` prints the names of all parameters'),
        ]),
      );
  const groups = new Map<string, { settings: Omit<ParameterGroup, 'parameters'>; parameters: string[] }>();
  for (const state of parameters) {
    const own = requests.filter(({ patterns }) =>
      patterns.some(({ text }) => matchesParameter(text, state.name)),
    );
    const settings = settingsOf(ctx, own, state, decayVectors, optimizer, lr);
    const isPlain =
      settings.rateScale === 1 && settings.weightDecay === optimizer.weightDecay && !settings.isFrozen;
    if (isPlain) continue;
    const key = JSON.stringify(settings);
    const group = groups.get(key) ?? { settings, parameters: [] };
    group.parameters.push(state.name);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ parameters: group.parameters, ...group.settings }));
}

/** Of a parameter, from the requests that name it: what a `group` says goes before `no_decay` and `decay_vectors`. */
function settingsOf(
  ctx: Context,
  own: readonly GroupRequest[],
  { name, value }: GraphState,
  decayVectors: boolean,
  optimizer: OptimizerSpec,
  lr: number,
): Omit<ParameterGroup, 'parameters'> {
  for (const key of ['lr', 'weightDecay'] as const) {
    const [, second] = own.filter((request) => request[key] !== undefined);
    const span = second?.patterns.find(({ text }) => matchesParameter(text, name))?.span;
    const isAgreed = own.every((request) => request[key] === undefined || request[key] === second?.[key]);
    if (span !== undefined && !isAgreed)
      ctx.report(tasks.parameterInTwoGroups(span, { name, setting: key === 'lr' ? 'lr' : 'weight_decay' }));
  }
  const rate = own.find((request) => request.lr !== undefined)?.lr;
  const decay = own.find((request) => request.weightDecay !== undefined)?.weightDecay;
  const isSpared = !decayVectors && value.type.shape.length < 2;
  return {
    rateScale: rate === undefined || lr === 0 ? 1 : rate / lr,
    weightDecay: decay ?? (isSpared ? 0 : optimizer.weightDecay),
    isFrozen: own.some((request) => request.isFrozen === true),
  };
}
