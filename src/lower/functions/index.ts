/** The only list of the language's functions, and how they are called. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Span } from '../../diagnostics/span.ts';
import { bindArguments } from '../arguments.ts';
import type { EvaluatedArgument } from '../apply.ts';
import type { Context, Scope } from '../context.ts';
import { hole, poison, type LmValue } from '../values.ts';
import { checks } from './checks.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import type { FunctionTable, LmFunction } from './function.ts';
import { generation } from './generation.ts';
import { losses } from './losses.ts';
import { metrics } from './metrics.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';
import { wordAxes } from './word-axes.ts';

/** By family, in the order of docs/language.md. */
export const functionFamilies = {
  elementwise,
  reductions,
  shapes,
  wordAxes,
  creation,
  losses,
  metrics,
  generation,
  checks,
};

const functions: FunctionTable = Object.assign({}, ...Object.values(functionFamilies)) as FunctionTable;

/** Part of the language, and not of this compiler yet. */
export const unsupportedFunctions: ReadonlySet<string> = new Set([
  'attention',
  'scaled_dot_product_attention',
]);

export function hasFunction(name: string): boolean {
  return Object.hasOwn(functions, name);
}

export function functionNames(): readonly string[] {
  return Object.keys(functions);
}

export function callFunction(
  ctx: Context,
  name: string,
  args: readonly EvaluatedArgument[],
  scope: Scope,
  span: Span,
): LmValue {
  const fn: LmFunction | undefined = functions[name];
  if (fn === undefined) throw new InternalError(`no function ${name}`);
  const bound = bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    { text: `\`${name}(…)\``, what: 'argument', span },
    fn.parameters.map((each) => ({ name: each.replace('?', ''), optional: each.endsWith('?') })),
    args,
    fn.variadic === true ? 'positional' : fn.keywords === true ? 'named' : 'none',
  );
  if (bound === undefined || args.some(({ value }) => value.kind === 'poison')) return poison;
  if (args.some(({ value }) => value.kind === 'hole') && fn.acceptsHole !== true) return hole;
  return fn.apply({
    ctx,
    name,
    span,
    scope,
    get: (parameter) => bound.named.get(parameter),
    rest: bound.rest,
  });
}
