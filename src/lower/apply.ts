/** `block(…)`: binds the arguments, walks the body with them, checks the results. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import type { Span } from '../diagnostics/span.ts';
import { printType } from '../ir/types.ts';
import type { Argument, Identifier, ValueParameter } from '../parser/ast.ts';
import { misplacedHelp } from './argument-help.ts';
import { bindArguments } from './arguments.ts';
import { lookup, type Context, type Scope } from './context.ts';
import { describeValue, plural } from './describe.ts';
import { returnHelp } from './return-help.ts';
import { conform, resolveDType, resolveShape } from './types.ts';
import { elementsOf, hole, none, poison, tensor, tupleOf, type Instance, type LmValue } from './values.ts';
import { evaluateDefault } from './blocks.ts';

const DEEPEST = 64;

/** An argument with its value. */
export interface EvaluatedArgument {
  readonly name: Identifier | undefined;
  readonly value: LmValue;
  readonly span: Span;
}

export function evaluateArguments(
  ctx: Context,
  args: readonly Argument[],
  scope: Scope,
): readonly EvaluatedArgument[] {
  return args.map(({ name, value, span }) => ({ name, value: ctx.evaluate(value, scope), span }));
}

export function apply(
  ctx: Context,
  instance: Instance,
  args: readonly EvaluatedArgument[],
  scope: Scope,
  span: Span,
): LmValue {
  const { declaration } = instance.block;
  const bound = bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    {
      text: `\`${declaration.name.name}(…)\``,
      what: 'argument',
      span,
      definition: declaration.name.span,
    },
    declaration.parameters.map((each) => ({ name: each.name.name, optional: each.default !== undefined })),
    args,
  );
  if (bound === undefined || args.some(({ value }) => value.kind === 'poison')) return poison;
  return applyValues(ctx, instance, bound.named, scope, span);
}

type Given = Pick<EvaluatedArgument, 'value' | 'span'>;

/** Applies a block to values by the names of its parameters. */
function applyValues(
  ctx: Context,
  instance: Instance,
  given: ReadonlyMap<string, Given>,
  scope: Scope,
  span: Span,
): LmValue {
  const { module } = instance.block;
  const caller = module.isLibrary ? (scope.caller ?? span) : undefined;
  const inner: Scope = {
    module,
    owner: instance,
    turn: '',
    values: new Map(instance.hyperparameters),
    parent: undefined,
    caller,
    leading: undefined,
  };
  const outerCall = ctx.libraryCall;
  const isLibrary = (file: string): boolean => file === module.file;
  if (caller !== undefined) ctx.libraryCall = { span: caller, isLibrary };
  try {
    return applyWithin(ctx, instance, given, inner, span);
  } finally {
    ctx.libraryCall = outerCall;
  }
}

function applyWithin(
  ctx: Context,
  instance: Instance,
  given: ReadonlyMap<string, Given>,
  inner: Scope,
  span: Span,
): LmValue {
  const { declaration } = instance.block;
  let failed = false;
  const isHole = ({ name }: ValueParameter): boolean => given.get(name.name)?.value.kind === 'hole';
  for (const parameter of declaration.parameters)
    if (!isHole(parameter)) failed = !bindParameter(ctx, instance, parameter, given, inner, span) || failed;
  if (failed) return poison;
  for (const parameter of declaration.parameters)
    if (isHole(parameter) && !fillHole(ctx, parameter, inner)) return hole;
  if (ctx.applying.length >= DEEPEST)
    return ctx.fail(names.endlessBlock(span, { name: declaration.name.name }));
  ctx.applying.push(declaration.name.name);
  const row = ctx.layers.length;
  const outcome = ctx.execute(declaration.body, inner);
  ctx.applying.pop();
  if (outcome.kind !== 'return') {
    ctx.report(
      outcome.kind === 'end'
        ? names.missingReturn(
            declaration.name.span,
            { what: `block \`${declaration.name.name}\`` },
            returnHelp(declaration.body),
          )
        : types.misplacedNext(outcome.statement.span, {}),
    );
    return poison;
  }
  const result = checkResults(ctx, outcome.value, instance, inner, outcome.span);
  recordLayer(ctx, instance, result, row);
  return result;
}

function bindParameter(
  ctx: Context,
  instance: Instance,
  parameter: ValueParameter,
  given: ReadonlyMap<string, Given>,
  inner: Scope,
  span: Span,
): boolean {
  const name = parameter.name.name;
  const arg = given.get(name);
  const value = arg === undefined ? evaluateDefault(ctx, parameter.default, inner) : arg.value;
  if (value.kind === 'poison') return false;
  // `= none` makes a parameter optional; the body asks `x == none`.
  if (value.kind === 'none' && parameter.default?.kind === 'none') {
    inner.values.set(name, none);
    return true;
  }
  const block = instance.block.declaration.name.name;
  const checked = conform(
    ctx,
    value,
    {
      what: `argument \`${name}\` of \`${block}\``,
      type: parameter.type,
      span: arg?.span ?? span,
      bindsNames: true,
      notes: misplacedHelp(instance, parameter, given, inner),
    },
    inner,
  );
  if (checked === undefined) return false;
  inner.values.set(name, tensor(checked));
  return true;
}

/** A carry of unknown shape takes the one that the block declares, if the other arguments settle it. */
function fillHole(ctx: Context, { name, type }: ValueParameter, inner: Scope): boolean {
  const known =
    (!type.leading || inner.leading !== undefined) &&
    type.dims.every((dim) => dim.kind !== 'name' || lookup(inner, dim.name) !== undefined);
  const dtype = known ? resolveDType(ctx, type) : undefined;
  const shape = known ? resolveShape(ctx, type, inner) : undefined;
  if (dtype === undefined || shape === undefined) return false;
  inner.values.set(name.name, tensor(ctx.constant(0, dtype, shape)));
  return true;
}

function checkResults(ctx: Context, value: LmValue, instance: Instance, inner: Scope, span: Span): LmValue {
  const { results, name } = instance.block.declaration;
  if (results === undefined || value.kind === 'poison' || value.kind === 'hole') return value;
  const elements = elementsOf(value);
  if (elements.length !== results.length)
    return ctx.fail(
      types.resultCount(span, {
        what: `block \`${name.name}\``,
        expected: plural(results.length, 'value'),
        found: String(elements.length),
      }),
    );
  const checked = elements.map((element, at) => {
    const type = results[at];
    const what = results.length === 1 ? `the result of \`${name.name}\`` : `result ${at} of \`${name.name}\``;
    const result = type && conform(ctx, element, { what, type, span, bindsNames: true }, inner);
    return result === undefined ? poison : tensor(result);
  });
  return checked.some((each) => each.kind === 'poison') ? poison : tupleOf(checked);
}

function recordLayer(ctx: Context, instance: Instance, result: LmValue, row: number): void {
  if (instance.unowned !== undefined || ctx.isRehearsal) return;
  const output = elementsOf(result)
    .map((each) => (each.kind === 'tensor' ? printType(each.value.type) : describeValue(each)))
    .join(', ');
  ctx.layers.splice(row, 0, {
    path: instance.path,
    builder: instance.block.declaration.name.name,
    output,
    types: elementsOf(result).flatMap((each) => (each.kind === 'tensor' ? [each.value.type] : [])),
    parameters: ctx.states.map((state) => state.name).filter((name) => name.startsWith(`${instance.path}.`)),
  });
}
