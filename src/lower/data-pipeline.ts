/** `data = csv{…} | words{…} | batches{…}`, checked against the runtime's table of stages. */
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import * as names from '../diagnostics/catalogue/names.ts';
import { help } from '../diagnostics/define.ts';
import { formatSpan } from '../diagnostics/span.ts';
import type { PlanCall, PlanConstant } from '../../runtime/plan.ts';
import {
  describeNumber,
  findStage,
  stageOrder,
  stages,
  type Stage,
  type StageOption,
} from '../../runtime/data/stages.ts';
import type { Argument, Expression } from '../parser/ast.ts';
import { lookup, type Context, type Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { didYouMean, suggest } from './did-you-mean.ts';
import { poison, type LmValue } from './values.ts';

type Build = Extract<Expression, { kind: 'build' }>;

/** A stage of the pipeline with its options by name. */
export interface CheckedStage {
  readonly stage: Stage;
  readonly call: PlanCall;
  readonly options: ReadonlyMap<string, PlanConstant>;
  /** Where an option was given. */
  readonly places: ReadonlyMap<string, Argument>;
}

/** Undefined after an error. */
export function dataPipeline(
  ctx: Context,
  expression: Expression,
  scope: Scope,
): readonly CheckedStage[] | undefined {
  const builds = stagesOf(ctx, expression);
  if (builds === undefined) return undefined;
  const checked = builds.map((build) => checkStage(ctx, build, scope));
  const known = checked.flatMap((each) => each ?? []);
  if (known.length !== checked.length) return undefined;
  return checkOrder(ctx, known, builds) ? known : undefined;
}

function stagesOf(ctx: Context, expression: Expression): readonly Build[] | undefined {
  if (expression.kind === 'binary' && expression.operator === '|') {
    const [left, right] = [stagesOf(ctx, expression.lhs), stagesOf(ctx, expression.rhs)];
    return left && right && [...left, ...right];
  }
  if (expression.kind === 'build') return [expression];
  ctx.report(
    tasks.notAStage(expression.span, {}, [
      help('as in `csv{"reviews.csv", text="review", label="sentiment"}`'),
    ]),
  );
  return undefined;
}

function checkStage(ctx: Context, build: Build, scope: Scope): CheckedStage | undefined {
  const stage = findStage(build.builder.name);
  if (stage === undefined) {
    ctx.report(
      tasks.unknownStage(
        build.builder.span,
        { name: build.builder.name },
        suggest(
          build.builder.name,
          stages.map(({ name }) => name),
          'there are',
        ),
      ),
    );
    return undefined;
  }
  const options = new Map<string, PlanConstant>();
  const places = new Map<string, Argument>();
  const positional: PlanConstant[] = [];
  const named: Record<string, PlanConstant> = {};
  const free = stage.options.filter((option) => option.positional === true);
  let failed = false;
  for (const arg of build.arguments) {
    const option = optionFor(ctx, stage, arg, free, positional.length);
    if (option === undefined) {
      failed = true;
      continue;
    }
    const isBareFlag = arg.name === undefined && option.type === 'flag';
    const value = isBareFlag ? true : optionValue(ctx, arg, option, scope);
    if (value === undefined) {
      failed = true;
      continue;
    }
    if (options.has(option.name) && option.repeated !== true) {
      ctx.report(names.repeatedArgument(arg.span, { callee: `\`${stage.name}{…}\``, name: option.name }));
      failed = true;
    }
    options.set(option.name, value);
    places.set(option.name, arg);
    // A bare flag goes by its name: it takes no place among the positional options.
    if (arg.name !== undefined || isBareFlag) named[option.name] = value;
    else positional.push(value);
  }
  for (const option of stage.options)
    if (option.required === true && !options.has(option.name) && !failed) {
      failed = true;
      ctx.report(
        names.missingArgument(
          build.span,
          { callee: `\`${stage.name}{…}\``, name: option.name, what: 'option' },
          [help(`\`${option.name}\`: ${option.doc}`)],
        ),
      );
    }
  if (!failed) failed = isAtOdds(ctx, stage, options, places);
  const call: PlanCall = { builder: stage.name, positional, named, place: formatSpan(build.span) };
  return failed ? undefined : { stage, call, options, places };
}

/** Reports options that do not go together. */
function isAtOdds(
  ctx: Context,
  stage: Stage,
  options: ReadonlyMap<string, PlanConstant>,
  places: ReadonlyMap<string, Argument>,
): boolean {
  const numbers = [...options].flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value] as const] : [],
  );
  const wrong = stage.check?.(new Map(numbers));
  const place = wrong && places.get(wrong.option);
  if (wrong === undefined || place === undefined) return false;
  const { option, expected } = wrong;
  const found = `the number ${String(options.get(option))}`;
  const doc = stage.options.find(({ name }) => name === option)?.doc ?? '';
  ctx.report(tasks.optionValue(place.span, { option, expected, found }, [help(`\`${option}\`: ${doc}`)]));
  return true;
}

/** A bare flag's name, a positional option in its place, or an option by name. */
function optionFor(
  ctx: Context,
  stage: Stage,
  arg: Argument,
  free: readonly StageOption[],
  count: number,
): StageOption | undefined {
  const callee = `\`${stage.name}{…}\``;
  const all = stage.options.map(({ name }) => name);
  if (arg.name !== undefined) {
    const { name, span } = arg.name;
    const option = stage.options.find((candidate) => candidate.name === name);
    if (option === undefined)
      ctx.report(
        tasks.unknownStageOption(span, { stage: stage.name, name }, suggest(name, all, `${callee} takes`)),
      );
    return option;
  }
  if (arg.value.kind === 'name') {
    const { name } = arg.value;
    const flag = stage.options.find((candidate) => candidate.name === name && candidate.type === 'flag');
    if (flag !== undefined) return flag;
  }
  const last = free.at(-1);
  const option = free[count] ?? (last?.repeated === true ? last : undefined);
  if (option === undefined) {
    const written = arg.value.kind === 'name' ? arg.value.name : undefined;
    ctx.report(
      written === undefined
        ? names.tooManyArguments(arg.span, {
            callee,
            expected: `${free.length} without a name`,
            found: String(count + 1),
          })
        : tasks.unknownStageOption(
            arg.span,
            { stage: stage.name, name: written },
            suggest(written, all, `${callee} takes`),
          ),
    );
  }
  return option;
}

function optionValue(
  ctx: Context,
  arg: Argument,
  option: StageOption,
  scope: Scope,
): PlanConstant | undefined {
  const { value: expression } = arg;
  if (option.type === 'choice' || option.type === 'dim') {
    const word =
      expression.kind === 'name'
        ? expression.name
        : expression.kind === 'string'
          ? textOf(ctx, arg, scope)
          : undefined;
    return option.type === 'dim' ? dimOption(ctx, arg, option, scope) : choiceOption(ctx, arg, option, word);
  }
  const value = ctx.evaluate(expression, scope);
  if (value.kind === 'poison') return undefined;
  const wrong = (expected: string): undefined => {
    ctx.report(
      tasks.optionValue(arg.span, { option: option.name, expected, found: describeValue(value) }, [
        help(`\`${option.name}\`: ${option.doc}`),
      ]),
    );
    return undefined;
  };
  switch (option.type) {
    case 'path':
    case 'text':
      return value.kind === 'string' ? value.value : wrong('a string in quotes');
    case 'column':
      return value.kind === 'string' || isWholeFrom(value, 1)
        ? value.value
        : wrong('the name of a column, or its number from 1');
    case 'integer':
      return isWholeFrom(value, option.minimum ?? 0)
        ? value.value
        : wrong(`a whole number from ${option.minimum ?? 0}`);
    case 'number':
      return value.kind === 'number' &&
        value.value >= (option.minimum ?? 0) &&
        value.value <= (option.maximum ?? Number.POSITIVE_INFINITY)
        ? value.value
        : wrong(describeNumber(option));
    case 'share':
      if (value.kind === 'string') return value.value;
      return value.kind === 'number' && value.value >= 0 && value.value < 1
        ? value.value
        : wrong('a share from 0 up to, but not, 1, or the path of a file');
    case 'flag':
      return value.kind === 'boolean' ? value.value : wrong('true or false');
  }
}

function isWholeFrom(value: LmValue, minimum: number): value is Extract<LmValue, { kind: 'number' }> {
  return value.kind === 'number' && Number.isInteger(value.value) && value.value >= minimum;
}

function textOf(ctx: Context, arg: Argument, scope: Scope): string | undefined {
  const value = ctx.evaluate(arg.value, scope);
  return value.kind === 'string' ? value.value : undefined;
}

function choiceOption(
  ctx: Context,
  arg: Argument,
  option: StageOption,
  word: string | undefined,
): PlanConstant | undefined {
  const choices = option.choices ?? [];
  if (word !== undefined && choices.includes(word)) return word;
  ctx.report(
    tasks.optionValue(
      arg.span,
      {
        option: option.name,
        expected: choices.map((choice) => `\`${choice}\``).join(' or '),
        found: word === undefined ? 'something else' : `\`${word}\``,
      },
      word === undefined ? [] : didYouMean(word, choices),
    ),
  );
  return undefined;
}

function dimOption(ctx: Context, arg: Argument, option: StageOption, scope: Scope): PlanConstant | undefined {
  const value =
    arg.value.kind === 'name' ? (lookup(scope, arg.value.name) ?? poison) : ctx.evaluate(arg.value, scope);
  const symbol = value.kind === 'dim' ? value.dim.terms[0]?.symbols[0] : undefined;
  if (symbol !== undefined) return symbol;
  ctx.report(
    tasks.optionValue(
      arg.span,
      {
        option: option.name,
        expected: 'a dimension',
        found: arg.value.kind === 'name' ? `\`${arg.value.name}\`` : describeValue(value),
      },
      arg.value.kind === 'name' ? didYouMean(arg.value.name, ctx.bounds.keys()) : [],
    ),
  );
  return undefined;
}

/** Kinds of stages that belong to one source. */
const sourceOf: Readonly<Partial<Record<Stage['kind'], string>>> = {
  windows: 'text',
  features: 'recordings',
  augment: 'recordings',
};

function checkOrder(ctx: Context, pipeline: readonly CheckedStage[], builds: readonly Build[]): boolean {
  let reached = -1;
  for (const [at, { stage }] of pipeline.entries()) {
    const place = stageOrder.indexOf(stage.kind);
    const needed = sourceOf[stage.kind];
    const hasSource = needed === undefined || pipeline[0]?.stage.name === needed;
    if (place > reached && hasSource && !(at === 0 && stage.kind !== 'source')) {
      reached = place;
      continue;
    }
    ctx.report(
      tasks.stageOrder(builds[at]?.span ?? builds[0]?.span ?? ctx.frame.builder.origin.span, {
        stage: stage.name,
        order:
          'a source (`csv`, `tsv`, …), then `split`, features (`log_mel`, …, of `recordings`), a tokeniser (`words`, …), `windows` (of `text`), `masking` and `batches`, each at most once',
      }),
    );
    return false;
  }
  return true;
}
