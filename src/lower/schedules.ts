/** `schedule = cosine{warmup=100, min_lr=1e-4}`, checked against the runtime's table of schedules. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help } from '../diagnostics/define.ts';
import { formatSpan } from '../diagnostics/span.ts';
import type { PlanCall } from '../../runtime/plan.ts';
import { decoders } from '../../runtime/decode/decoders.ts';
import { schedules, type ScheduleOption } from '../../runtime/schedule.ts';
import type { Argument, Expression } from '../parser/ast.ts';
import { bindArguments } from './arguments.ts';
import type { Context, Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { suggest } from './did-you-mean.ts';

/** A field that one of a table's builders fills, with numbers as options. */
export interface BuilderField {
  readonly field: string;
  readonly expected: string;
  readonly table: Readonly<Record<string, { readonly options: Readonly<Record<string, ScheduleOption>> }>>;
}

export const scheduleField: BuilderField = {
  field: 'schedule',
  expected: 'a schedule, as in `cosine{warmup=100, min_lr=1e-4}`',
  table: schedules,
};

const decodeField: BuilderField = {
  field: 'decode',
  expected: 'a decoder, as in `ctc_beam{width=16}`',
  table: decoders,
};

/** How much memory for how much work; the limit is for all that a step of training keeps, at the bounds. */
const recomputeField: BuilderField = {
  field: 'recompute',
  expected: '`auto{}` or, as in `auto{limit="2GiB"}`, with a limit',
  table: {
    auto: {
      options: {
        limit: {
          kind: 'bytes',
          minimum: 0,
          default: 0,
          doc: 'what a step of training may keep in memory, in bytes or as "2GiB"; 0: as little as possible',
        },
      },
    },
  },
};

export const builderFields: Readonly<Record<string, BuilderField>> = {
  decode: decodeField,
  recompute: recomputeField,
  schedule: scheduleField,
};

/** `"1.5GiB"`; undefined for other texts. */
function readBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT]?)(i?)B$/.exec(text);
  if (match === null) return undefined;
  const [, number = '', prefix = '', binary] = match;
  return Math.round(Number(number) * (binary === 'i' ? 1024 : 1000) ** ' KMGT'.indexOf(prefix || ' '));
}

/** Undefined after an error, and for `none`. */
export function scheduleCall(
  ctx: Context,
  { field, expected, table }: BuilderField,
  expression: Expression,
  scope: Scope,
): PlanCall | undefined {
  if (expression.kind === 'none') return undefined;
  if (expression.kind !== 'build') {
    ctx.report(
      tasks.fieldValue(expression.span, {
        field,
        expected,
        found: describeValue(ctx.evaluate(expression, scope)),
      }),
    );
    return undefined;
  }
  const { name, span } = expression.builder;
  const schedule = table[name];
  if (schedule === undefined) {
    const notes = suggest(name, Object.keys(table), 'there are');
    ctx.report(
      field === 'schedule'
        ? tasks.unknownSchedule(span, { name }, notes)
        : tasks.fieldValue(span, { field, expected, found: `\`${name}\`` }, notes),
    );
    return undefined;
  }
  const bound = bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    { text: `\`${name}{…}\``, what: 'argument', span },
    Object.keys(schedule.options).map((each) => ({ name: each, optional: true })),
    expression.arguments,
  );
  if (bound === undefined) return undefined;
  const named: Record<string, number> = {};
  for (const [each, argument] of bound.named) {
    const option = schedule.options[each];
    const value = option && optionValue(ctx, each, option, argument, scope);
    if (value === undefined) return undefined;
    named[each] = value;
  }
  for (const [each, option] of Object.entries(schedule.options))
    if (named[each] === undefined && option.default === undefined && each !== 'steps') {
      ctx.report(
        names.missingArgument(expression.span, { callee: `\`${name}{…}\``, name: each, what: 'option' }, [
          help(`\`${each}\`: ${option.doc}`),
        ]),
      );
      return undefined;
    }
  return { builder: name, positional: [], named, place: formatSpan(expression.span) };
}

function optionValue(
  ctx: Context,
  name: string,
  option: ScheduleOption,
  argument: Argument,
  scope: Scope,
): number | undefined {
  const value = ctx.evaluate(argument.value, scope);
  if (value.kind === 'poison') return undefined;
  const bytes = option.kind === 'bytes' && value.kind === 'string' ? readBytes(value.value) : undefined;
  if (bytes !== undefined) return bytes;
  const isWhole = option.kind === 'integer';
  const { below = Number.POSITIVE_INFINITY, minimum } = option;
  const isWithin = value.kind === 'number' && value.value >= minimum && value.value < below;
  if (value.kind === 'number' && isWithin && (!isWhole || Number.isInteger(value.value))) return value.value;
  ctx.report(
    tasks.optionValue(
      argument.span,
      {
        option: name,
        expected: `a ${isWhole ? 'whole ' : ''}number from ${minimum}${option.below === undefined ? '' : `, below ${below}`}`,
        found: describeValue(value),
      },
      [help(`\`${name}\`: ${option.doc}`)],
    ),
  );
  return undefined;
}
