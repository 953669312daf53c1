/** Building blocks: `Name{…}` is one, and owns its parameters under the name that it is bound to. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Argument, Expression } from '../parser/ast.ts';
import { bindArguments } from './arguments.ts';
import { buildBuiltin } from './builders.ts';
import { lookup, type Context, type Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { layerForSizes } from './from-pytorch.ts';
import { joinPath } from './parameters.ts';
import { unknownBlock } from './unknown-block.ts';
import {
  none,
  poison,
  printExpression,
  type BlockDefinition,
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
  const layer = block.module.isLibrary ? firstLayer(expression.arguments, scope) : undefined;
  if (layer !== undefined) {
    const hyperparameters = declaration.hyperparameters.map(({ name }) => name.name);
    return ctx.fail(
      types.wrongKind(
        layer.span,
        {
          expected: `a number, string or flag for the hyperparameter \`${hyperparameters[0] ?? ''}\``,
          found: 'a block',
        },
        layerForSizes(declaration.name.name, hyperparameters),
      ),
    );
  }
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

/** A layer in the first place, where PyTorch's stacks of layers take one. */
function firstLayer([first]: readonly Argument[], scope: Scope): Argument | undefined {
  if (first === undefined || first.name !== undefined) return undefined;
  const { value } = first;
  if (value.kind === 'build') return scope.module.blocks.has(value.builder.name) ? first : undefined;
  if (value.kind !== 'name') return undefined;
  return lookup(scope, value.name)?.kind === 'instance' ? first : undefined;
}

export function evaluateDefault(ctx: Context, fallback: Expression | undefined, scope: Scope): LmValue {
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
