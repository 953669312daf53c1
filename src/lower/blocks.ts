/** Blocks: `Name{…}` builds one, which owns its parameters under the name it is bound to; `(…)` applies it. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Note } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { printType } from '../ir/types.ts';
import type { Argument, Expression, Identifier, ValueParameter } from '../parser/ast.ts';
import { bindArguments } from './arguments.ts';
import { buildBuiltin } from './builders.ts';
import { lookup, type Context, type Scope } from './context.ts';
import { describeValue, plural } from './describe.ts';
import { joinPath } from './parameters.ts';
import { returnHelp } from './return-help.ts';
import { conform, resolveDType, resolveShape } from './types.ts';
import { unknownBlock } from './unknown-block.ts';
import {
  elementsOf,
  hole,
  none,
  poison,
  printExpression,
  tensor,
  tupleOf,
  type BlockDefinition,
  type Instance,
  type LmValue,
  type NumberValue,
} from './values.ts';

type Build = Extract<Expression, { kind: 'build' }>;

export function build(ctx: Context, expression: Build, scope: Scope, name?: string): LmValue {
  const block = scope.module.blocks.get(expression.builder.name);
  if (block === undefined) {
    const builtin = buildBuiltin(ctx, expression, scope, name);
    return builtin ?? ctx.fail(unknownBlock(scope.module, expression.builder.name, expression.builder.span));
  }
  if (name === undefined) return instantiate(ctx, block, expression, scope, undefined);
  return ownedBy(ctx, expression, scope, name, (path) => instantiate(ctx, block, expression, scope, path));
}

/** What the owner has under a name already, if the same expression made it; else a new one. */
export function ownedBy(
  ctx: Context,
  expression: Expression,
  scope: Scope,
  name: string,
  make: (path: string) => LmValue,
): LmValue {
  const key = scope.turn === '' ? name : `${name}.${scope.turn}`;
  const known = scope.owner.children.get(key);
  if (known !== undefined) {
    if (known.expression === expression) return known.value;
    const isEmpty = known.value.kind === 'instance' && known.value.parameters.size === 0;
    if (!isEmpty)
      return ctx.fail(
        names.duplicateOwner(expression.span, { name: joinPath(scope.owner, key) }, [
          note('it names another block here', known.span),
          help('give one of them another name: parameters are saved under it'),
        ]),
      );
  }
  const value = make(joinPath(scope.owner, key));
  if (value.kind !== 'poison') scope.owner.children.set(key, { expression, value, span: expression.span });
  return value;
}

function instantiate(
  ctx: Context,
  block: BlockDefinition,
  expression: { readonly arguments: readonly Argument[]; readonly span: Span },
  scope: Scope,
  path: string | undefined,
): LmValue {
  const { declaration } = block;
  const bound = bindArguments(
    (diagnostic) => ctx.report(diagnostic),
    {
      text: `\`${declaration.name.name}{…}\``,
      what: 'hyperparameter',
      span: 'builder' in expression ? (expression as Build).builder.span : expression.span,
      definition: declaration.name.span,
    },
    declaration.hyperparameters.map((each) => ({
      name: each.name.name,
      optional: each.default !== undefined,
    })),
    expression.arguments,
  );
  if (bound === undefined) return poison;
  const hyperparameters = new Map<string, LmValue>();
  const inner: Scope = {
    module: block.module,
    owner: scope.owner,
    turn: '',
    values: hyperparameters,
    parent: undefined,
    caller: scope.caller,
    leading: undefined,
  };
  let failed = false;
  for (const { name, default: fallback } of declaration.hyperparameters) {
    const arg = bound.named.get(name.name);
    const value = arg === undefined ? evaluateDefault(ctx, fallback, inner) : ctx.evaluate(arg.value, scope);
    if (value.kind === 'poison') failed = true;
    if (value.kind === 'tensor') {
      ctx.report(
        types.wrongKind(
          arg?.span ?? name.span,
          {
            expected: `a number, string or flag for the hyperparameter \`${name.name}\``,
            found: describeValue(value),
          },
          [help('braces build, parentheses apply: tensors go between `(…)`')],
        ),
      );
      failed = true;
    }
    hyperparameters.set(name.name, sourced(value, name.name, declaration.name.name, arg));
  }
  if (failed) return poison;
  const unowned =
    scope.owner.unowned ??
    (path === undefined ? { builder: declaration.name.name, span: expression.span } : undefined);
  return {
    kind: 'instance',
    path: path ?? scope.owner.path,
    parameters: new Map(),
    children: new Map(),
    block,
    hyperparameters,
    span: expression.span,
    ...(unowned === undefined ? {} : { unowned }),
  };
}

function evaluateDefault(ctx: Context, fallback: Expression | undefined, scope: Scope): LmValue {
  return fallback === undefined ? none : ctx.evaluate(fallback, scope);
}

/** A number that remembers which hyperparameter it is. */
function sourced(value: LmValue, name: string, block: string, arg: Argument | undefined): LmValue {
  if (value.kind !== 'number' || arg === undefined) return value;
  const given: NumberValue['source'] = value.source ?? {
    text: printExpression(arg.value),
    what: 'computed',
    span: arg.span,
  };
  return {
    ...value,
    source: { text: name, what: `hyperparameter of \`${block}\``, span: arg.span, from: given },
  };
}

/** `Name(x)` for a block without hyperparameters, or with defaults for all of them. */
export function instantiateWithDefaults(
  ctx: Context,
  block: BlockDefinition,
  span: Span,
  scope: Scope,
): LmValue {
  return instantiate(ctx, block, { arguments: [], span }, scope, undefined);
}

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
    if (outcome.kind === 'end')
      ctx.report(
        names.missingReturn(
          declaration.name.span,
          { what: `block \`${declaration.name.name}\`` },
          returnHelp(declaration.body),
        ),
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
      notes: swapHelp(instance, parameter, given),
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

/** Where two arguments would fit, were they the other way round. */
function swapHelp(
  { block: { declaration } }: Instance,
  parameter: ValueParameter,
  given: ReadonlyMap<string, Given>,
): readonly Note[] {
  const fits = (value: LmValue | undefined, { type }: ValueParameter): boolean =>
    value?.kind === 'tensor' &&
    value.value.type.dtype === type.dtype.name &&
    (type.leading || value.value.type.shape.length === type.dims.length);
  const own = given.get(parameter.name.name)?.value;
  if (fits(own, parameter)) return [];
  const other = declaration.parameters.find(
    (candidate) =>
      candidate !== parameter &&
      fits(own, candidate) &&
      fits(given.get(candidate.name.name)?.value, parameter),
  );
  return other === undefined
    ? []
    : [help(`\`${parameter.name.name}\` and \`${other.name.name}\` seem to be in the other order`)];
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

/**
 * A parameter or block that an instance owns, by name. Before the block is applied for the first time its body is
 * walked without its arguments, which is enough to declare its parameters.
 */
export function member(ctx: Context, instance: Instance, name: string): LmValue | undefined {
  const find = (): LmValue | undefined => {
    const parameter = instance.parameters.get(name);
    return parameter === undefined ? instance.children.get(name)?.value : tensor(parameter.value);
  };
  const found = find();
  if (found !== undefined) return found;
  const { declaration, module } = instance.block;
  const inner: Scope = {
    module,
    owner: instance,
    turn: '',
    values: new Map<string, LmValue>([
      ...instance.hyperparameters,
      ...declaration.parameters.map((each): [string, LmValue] => [each.name.name, poison]),
    ]),
    parent: undefined,
    caller: module.isLibrary ? instance.span : undefined,
    leading: undefined,
  };
  ctx.rehearse(ctx.frame.scratch(), () => ctx.execute(declaration.body, inner));
  return find();
}

export function memberNames(instance: Instance): readonly string[] {
  return [...instance.parameters.keys(), ...instance.children.keys()];
}
