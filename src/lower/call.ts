/** `f(…)`: a function, a block, a repeated block, or a layer. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help } from '../diagnostics/define.ts';
import type { Expression } from '../parser/ast.ts';
import { apply, evaluateArguments } from './apply.ts';
import { instantiateWithDefaults } from './blocks.ts';
import { builtinBuilders } from './builders.ts';
import { lookup, visibleNames, type Context, type Scope } from './context.ts';
import { describeValue } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { applyDropout } from './dropout.ts';
import { callFunction, functionNames, hasFunction, unsupportedFunctions } from './functions/index.ts';
import { applyRepeat } from './repeat.ts';
import { importHelp } from './unknown-block.ts';
import { poison, type LmValue } from './values.ts';

type Call = Extract<Expression, { kind: 'call' }>;

export function call(ctx: Context, expression: Call, scope: Scope, name?: string): LmValue {
  const { callee, span } = expression;
  if (callee.kind === 'name' && lookup(scope, callee.name) === undefined)
    return callByName(ctx, expression, callee.name, scope);
  const value = ctx.evaluate(callee, scope, name);
  const args = evaluateArguments(ctx, expression.arguments, scope);
  switch (value.kind) {
    case 'poison':
      return poison;
    case 'instance':
      return apply(ctx, value, args, scope, span);
    case 'repeat':
      return applyRepeat(ctx, value, args, scope, span);
    case 'dropout':
      return applyDropout(ctx, value, args, span);
    case 'function':
      return callFunction(ctx, value.name, args, scope, span);
    default:
      return ctx.fail(
        types.wrongKind(
          callee.span,
          { expected: 'a function or block before `(`', found: describeValue(value) },
          value.kind === 'tensor' ? [help('pick elements with `[…]`')] : [],
        ),
      );
  }
}

function callByName(
  ctx: Context,
  { callee, arguments: args, span }: Call,
  name: string,
  scope: Scope,
): LmValue {
  if (hasFunction(name)) return callFunction(ctx, name, evaluateArguments(ctx, args, scope), scope, span);
  const block = scope.module.blocks.get(name);
  if (block !== undefined) {
    const needed = block.declaration.hyperparameters.some((each) => each.default === undefined);
    if (needed)
      return ctx.fail(
        names.builderInParentheses(callee.span, { name }, [
          help(`build it first: \`${name}{…}\`; then apply it: \`${name}{…}(…)\``),
        ]),
      );
    const instance = instantiateWithDefaults(ctx, block, callee.span, scope);
    const values = evaluateArguments(ctx, args, scope);
    return instance.kind === 'instance' ? apply(ctx, instance, values, scope, span) : poison;
  }
  for (const arg of args) ctx.evaluate(arg.value, scope);
  if (builtinBuilders.has(name))
    return ctx.fail(names.builderInParentheses(callee.span, { name }, [help(`write \`${name}{…}\``)]));
  if (unsupportedFunctions.has(name))
    return ctx.fail(names.notSupportedYet(callee.span, { what: `\`${name}\`` }));
  const missing = importHelp(name);
  const known = [
    ...functionNames(),
    ...visibleNames(scope),
    ...scope.module.blocks.keys(),
    ...builtinBuilders,
  ];
  return ctx.fail(
    names.unknownName(
      callee.span,
      { what: 'function or block', name },
      missing.length > 0 ? missing : suggest(name, known, 'there are'),
    ),
  );
}
