/** Expressions to values: what is known now is computed now, tensors become nodes. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import { unreachable, type Note } from '../diagnostics/diagnostic.ts';
import type { Expression } from '../parser/ast.ts';
import type { Operands } from './align.ts';
import { arithmetic, negate } from './arithmetic.ts';
import { compare, invert, logic } from './compare.ts';
import { build } from './blocks.ts';
import { call } from './call.ts';
import { lookup, visibleNames, type Context, type Scope } from './context.ts';
import { describeValue, typeText } from './describe.ts';
import { meantBy, suggest } from './did-you-mean.ts';
import { functionNames, hasFunction } from './functions/index.ts';
import { index } from './indexing.ts';
import { matmul } from './matmul.ts';
import { member, memberNames } from './members.ts';
import { interpolate } from './parameters.ts';
import { repeat, repeatCarry } from './repeat.ts';
import { scan } from './scan.ts';
import { none, poison, printExpression, tensor, type LmValue, type NumberValue } from './values.ts';

export function evaluate(ctx: Context, expression: Expression, scope: Scope, name?: string): LmValue {
  return ctx.at(expression.span, scope, () => evaluateHere(ctx, expression, scope, name));
}

function evaluateHere(ctx: Context, expression: Expression, scope: Scope, name: string | undefined): LmValue {
  switch (expression.kind) {
    case 'number':
      return {
        kind: 'number',
        value: expression.value,
        isInteger: expression.isInteger,
        source: { text: String(expression.value), what: 'number', span: expression.span },
      };
    case 'string': {
      const text = interpolate(ctx, expression, scope);
      return text === undefined ? poison : { kind: 'string', value: text };
    }
    case 'boolean':
      return { kind: 'boolean', value: expression.value };
    case 'none':
      return none;
    case 'name':
      return resolveName(ctx, expression, scope);
    case 'unary': {
      const operand = ctx.evaluate(expression.operand, scope);
      if (expression.operator === '+') return operand;
      return expression.operator === 'not'
        ? invert(ctx, operand, expression.operand.span)
        : negate(ctx, operand, expression.operand.span);
    }
    case 'binary':
      return binary(ctx, expression, scope);
    case 'conditional':
      return conditional(ctx, expression, scope, name);
    case 'call':
      return call(ctx, expression, scope, name);
    case 'build':
      return build(ctx, expression, scope, name);
    case 'index':
      return index(ctx, ctx.evaluate(expression.base, scope), expression.subscripts, scope, expression.span);
    case 'attribute':
      return attribute(ctx, expression, scope);
    case 'tuple':
      return { kind: 'tuple', elements: expression.elements.map((each) => ctx.evaluate(each, scope)) };
    case 'list':
      return { kind: 'list', elements: expression.elements.map((each) => ctx.evaluate(each, scope)) };
    case 'scan':
      return scan(ctx, expression, scope);
    case 'repeat':
      return repeat(ctx, expression, scope, name);
    case 'repeat-carry':
      return repeatCarry(ctx, expression, scope);
    default:
      return unreachable(expression, 'evaluate');
  }
}

function resolveName(
  ctx: Context,
  { name, span }: Extract<Expression, { kind: 'name' }>,
  scope: Scope,
): LmValue {
  const value = lookup(scope, name);
  if (value !== undefined) return value;
  if (name === 'pi') return { kind: 'number', value: Math.PI, isInteger: false };
  if (name === 'inf') return { kind: 'number', value: Infinity, isInteger: false };
  if (hasFunction(name)) return { kind: 'function', name };
  if (scope.module.blocks.has(name))
    return ctx.fail(names.builderAlone(span, { name }, [help(`build it with braces: \`${name}{…}\``)]));
  return ctx.fail(
    names.unknownName(
      span,
      { what: 'value', name },
      suggest(name, [...visibleNames(scope), ...functionNames()], 'there are'),
    ),
  );
}

function binary(ctx: Context, expression: Extract<Expression, { kind: 'binary' }>, scope: Scope): LmValue {
  const { operator } = expression;
  if (operator === '|') return ctx.fail(types.pipeOutsideData(expression.operatorSpan, {}));
  const lhs = ctx.evaluate(expression.lhs, scope);
  // As in Python, what does not matter is not evaluated.
  if (operator === 'and' && lhs.kind === 'boolean' && !lhs.value) return lhs;
  if (operator === 'or' && lhs.kind === 'boolean' && lhs.value) return lhs;
  const operands: Operands = {
    span: expression.span,
    lhs,
    rhs: ctx.evaluate(expression.rhs, scope),
    lhsSpan: expression.lhs.span,
    rhsSpan: expression.rhs.span,
  };
  switch (operator) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '//':
    case '%':
    case '**':
      return sourced(arithmetic(ctx, operator, operands), expression, operands);
    case '@':
      return matmul(ctx, operands);
    case 'and':
    case 'or':
      return logic(ctx, operator, operands);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(ctx, operator, operands);
    default:
      return unreachable(operator, 'binary');
  }
}

/** A computed number remembers the expression and the config entry or hyperparameter in it. */
function sourced(value: LmValue, expression: Expression, { lhs, rhs }: Operands): LmValue {
  if (value.kind !== 'number' && value.kind !== 'dim') return value;
  const from = [lhs, rhs].flatMap((side) =>
    (side.kind === 'number' || side.kind === 'dim') &&
    side.source !== undefined &&
    side.source.what !== 'number'
      ? [side.source]
      : [],
  )[0];
  const source: NumberValue['source'] = {
    text: printExpression(expression),
    what: 'computed',
    span: expression.span,
    ...(from === undefined ? {} : { from }),
  };
  return { ...value, source };
}

function conditional(
  ctx: Context,
  expression: Extract<Expression, { kind: 'conditional' }>,
  scope: Scope,
  name: string | undefined,
): LmValue {
  const condition = ctx.evaluate(expression.condition, scope);
  if (condition.kind === 'poison') return poison;
  if (condition.kind === 'boolean')
    return ctx.evaluate(condition.value ? expression.then : expression.otherwise, scope, name);
  if (condition.kind === 'tensor')
    return ctx.fail(
      types.tensorCondition(expression.condition.span, { type: typeText(condition.value.type) }, [
        help(
          `choose element by element: \`where(${printExpression(expression.condition)}, ${printExpression(expression.then)}, ${printExpression(expression.otherwise)})\``,
        ),
      ]),
    );
  return ctx.fail(
    types.wrongKind(
      expression.condition.span,
      { expected: 'true or false after `if`', found: describeValue(condition) },
      condition.kind === 'number' ? [help('compare it, as in `n > 0`')] : [],
    ),
  );
}

function attribute(
  ctx: Context,
  expression: Extract<Expression, { kind: 'attribute' }>,
  scope: Scope,
): LmValue {
  const base = ctx.evaluate(expression.base, scope);
  const { name, span } = expression.name;
  switch (base.kind) {
    case 'poison':
    case 'hole':
      return base;
    case 'tensor':
      if (name === 'T') return transposed(ctx, base, expression);
      break;
    case 'instance': {
      const found = member(ctx, base, name);
      if (found !== undefined) return found;
      const value = base.hyperparameters.get(name);
      if (value !== undefined) return value;
      const known = [...memberNames(base), ...base.hyperparameters.keys()];
      return ctx.fail(
        names.unknownAttribute(span, { owner: describeValue(base), name }, [
          ...suggest(name, known, 'it has'),
          note('the block is defined here', base.block.declaration.name.span),
        ]),
      );
    }
    default:
      break;
  }
  return ctx.fail(
    names.unknownAttribute(
      span,
      { owner: describeValue(base), name },
      base.kind === 'tensor' ? tensorHelp(name) : [],
    ),
  );
}

/** `x.mean(1)` is `mean(x, axis=1)` here. */
function tensorHelp(name: string): readonly Note[] {
  const meant = meantBy(name, functionNames());
  return [
    help(
      meant === undefined
        ? 'tensors have `.T`, the transposed matrix, and nothing else; functions stand in front: `mean(x, axis=1)`'
        : `functions stand in front: \`${meant}(…)\``,
    ),
  ];
}

function transposed(
  ctx: Context,
  { value }: Extract<LmValue, { kind: 'tensor' }>,
  { span }: Expression,
): LmValue {
  if (value.type.shape.length === 2) return tensor(ctx.emit('transpose', [value], { permutation: [1, 0] }));
  return ctx.fail(
    types.rankMismatch(
      span,
      { what: 'a matrix before `.T`', expected: '2 axes', found: String(value.type.shape.length) },
      [
        note(`the value is \`${typeText(value.type)}\``),
        help('name the axes: `rearrange(x, "a b c -> a c b")`'),
      ],
    ),
  );
}
