/** Bodies of blocks, models, scans and loops: one statement after the other. */
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Expression, Identifier, Statement } from '../parser/ast.ts';
import type { Value } from '../ir/graph.ts';
import { lookup, type Context, type Outcome, type Scope } from './context.ts';
import { describeValue, plural } from './describe.ts';
import { fewerResults } from './from-pytorch.ts';
import { declareParameter } from './parameters.ts';
import { hole, poison, tensor, tupleOf, type LmValue } from './values.ts';

export function execute(ctx: Context, body: readonly Statement[], scope: Scope): Outcome {
  for (const statement of body) {
    const outcome = executeOne(ctx, statement, scope);
    if (outcome !== undefined) return outcome;
  }
  return { kind: 'end' };
}

function executeOne(ctx: Context, statement: Statement, scope: Scope): Outcome | undefined {
  switch (statement.kind) {
    case 'param':
      scope.values.set(statement.name.name, declareParameter(ctx, statement, scope));
      return undefined;
    case 'assign':
      assign(ctx, statement, scope);
      return undefined;
    case 'return': {
      const values = statement.values.map((value) => ctx.evaluate(value, scope));
      return { kind: 'return', value: tupleOf(values), span: statement.span };
    }
    case 'next': {
      const carries = new Map(
        statement.carries.map(({ name, value }) => [name.name, ctx.evaluate(value, scope)]),
      );
      const emits = statement.emits.map((value) => ctx.evaluate(value, scope));
      return { kind: 'next', carries, emits, statement };
    }
  }
}

function assign(ctx: Context, statement: Extract<Statement, { kind: 'assign' }>, scope: Scope): void {
  const [only, ...more] = statement.targets;
  const isOne = only !== undefined && more.length === 0;
  const value = ctx.evaluate(statement.value, scope, isOne ? only.name : undefined);
  if (isOne) {
    bind(scope, only, named(value, only.name));
    return;
  }
  const parts = unpack(ctx, value, statement, scope);
  statement.targets.forEach((target, at) => {
    bind(scope, target, named(parts[at] ?? poison, target.name));
  });
}

function bind(scope: Scope, target: Identifier, value: LmValue): void {
  if (target.name !== '_') scope.values.set(target.name, value);
}

/** One value for each target. */
function unpack(
  ctx: Context,
  value: LmValue,
  { targets, value: expression, span }: Extract<Statement, { kind: 'assign' }>,
  scope: Scope,
): readonly LmValue[] {
  if (value.kind === 'poison' || value.kind === 'hole')
    return targets.map(() => (value.kind === 'hole' ? hole : poison));
  const elements = value.kind === 'tuple' || value.kind === 'list' ? value.elements : [value];
  if (elements.length === targets.length) return elements;
  ctx.report(
    types.unpackCount(
      span,
      { targets: plural(targets.length, 'name'), values: plural(elements.length, 'value') },
      [
        note(
          value.kind === 'tuple'
            ? `the values are ${elements.map(describeValue).join(', ')}`
            : `this is ${describeValue(value)}`,
          expression.span,
        ),
        ...(elements.length > targets.length && targets.length > 1
          ? [help('`_` takes a value that is not needed, as in `a, _, b = …`')]
          : []),
        ...(elements.length === 1 ? fewerResults(builderOf(expression, scope)) : []),
      ],
    ),
  );
  return targets.map(() => poison);
}

/** The block that a call applies, by the name of its definition. */
function builderOf(expression: Expression, scope: Scope): string | undefined {
  if (expression.kind !== 'call' || expression.callee.kind !== 'name') return undefined;
  const callee = lookup(scope, expression.callee.name);
  return callee?.kind === 'instance' ? callee.block.declaration.name.name : undefined;
}

/** The user's word for a value is its hint in the IR, where it has none yet. */
function named(value: LmValue, name: string): LmValue {
  if (value.kind !== 'tensor' || value.value.name !== undefined || name === '_') return value;
  // A value is its identity: only the hint is added, by whoever made the value last.
  const own: { -readonly [Key in keyof Value]: Value[Key] } = value.value;
  own.name = name;
  return tensor(value.value);
}
