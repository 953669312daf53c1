/** `param`: tensors that outlive the step, owned by the place in the module tree where they are declared. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Initializer, Value } from '../ir/graph.ts';
import { constantOf } from '../ir/dim.ts';
import { equalShapes } from '../ir/types.ts';
import type { Statement, StringExpression } from '../parser/ast.ts';
import type { Context, Scope } from './context.ts';
import { describeValue, dimNotes, dimText } from './describe.ts';
import { resolveDType, resolveShape } from './types.ts';
import { poison, tensor, type LmValue, type Owner } from './values.ts';

type ParamStatement = Extract<Statement, { kind: 'param' }>;

/** `weight_ih_l{layer}` with its values filled in; undefined after an error. */
export function interpolate(ctx: Context, text: StringExpression, scope: Scope): string | undefined {
  let result = '';
  for (const part of text.parts) {
    if (part.kind === 'text') {
      result += part.text;
      continue;
    }
    const value = ctx.evaluate(part.value, scope);
    if (value.kind === 'number' || value.kind === 'string' || value.kind === 'boolean')
      result += String(value.value);
    else {
      if (value.kind !== 'poison')
        ctx.report(
          types.wrongKind(part.value.span, {
            expected: 'a number or string in the text',
            found: describeValue(value),
          }),
        );
      return undefined;
    }
  }
  return result;
}

export function joinPath(owner: Owner, name: string): string {
  return owner.path === '' ? name : `${owner.path}.${name}`;
}

/** Declares a parameter, or finds it where its block is applied again. `none` as initialiser: there is none. */
export function declareParameter(ctx: Context, statement: ParamStatement, scope: Scope): LmValue {
  const { owner } = scope;
  const key =
    statement.stateName === undefined ? statement.name.name : interpolate(ctx, statement.stateName, scope);
  if (key === undefined) return poison;
  const nameSpan = statement.stateName?.span ?? statement.name.span;
  const known = owner.parameters.get(key);
  if (known !== undefined && (known.statement !== statement || known.turn !== scope.turn))
    return ctx.fail(
      names.duplicateParameter(nameSpan, { name: joinPath(owner, key) }, [
        note('it is declared here already', known.statement.name.span),
        ...(known.statement === statement ? [help(`number the copies, as in \`as "${key}_{i}"\``)] : []),
      ]),
    );
  const clash = owner.children.get(key);
  if (clash !== undefined && clash.value.kind === 'instance')
    return ctx.fail(
      names.duplicateParameter(nameSpan, { name: joinPath(owner, key) }, [
        note('this name belongs to a block', clash.span),
      ]),
    );
  const initial =
    known === undefined && statement.initializer !== undefined
      ? ctx.evaluate(statement.initializer, scope)
      : undefined;
  if (initial?.kind === 'none')
    return { kind: 'none', parameter: { name: joinPath(owner, key), span: statement.span } };
  const type = parameterType(ctx, statement, scope);
  if (type === undefined) return poison;
  if (known !== undefined)
    return equalShapes(known.value.type.shape, type)
      ? tensor(known.value)
      : ctx.fail(
          types.parameterChanged(statement.type.span, {
            name: joinPath(owner, key),
            before: known.value.type.shape.map(dimText).join(', '),
            after: type.map(dimText).join(', '),
          }),
        );
  if (owner.unowned !== undefined)
    return ctx.fail(
      names.unownedParameters(owner.unowned.span, { builder: owner.unowned.builder }, [
        help('bind the block to a name first: `name = Block{…}`, then `name(x)`'),
      ]),
    );
  const value: Value = { type: { dtype: 'f32', shape: type }, name: statement.name.name };
  const initializer = initializerOf(
    ctx,
    statement,
    initial,
    type.map((dim) => constantOf(dim) ?? 1),
  );
  owner.parameters.set(key, { statement, turn: scope.turn, value });
  ctx.facts.markWeight(value);
  ctx.places.set(joinPath(owner, key), scope.caller ?? statement.span);
  ctx.states.push({
    name: joinPath(owner, key),
    value,
    role: 'parameter',
    initializer,
    origin: {
      span: statement.span,
      derivation:
        scope.caller === undefined ? [] : [`called from ${scope.caller.file}:${scope.caller.start.line}`],
    },
  });
  return tensor(value);
}

function parameterType(ctx: Context, statement: ParamStatement, scope: Scope) {
  const dtype = resolveDType(ctx, statement.type);
  const shape = resolveShape(ctx, statement.type, scope);
  if (dtype === undefined || shape === undefined) return undefined;
  if (dtype !== 'f32') {
    ctx.report(types.parameterDType(statement.type.dtype.span, { name: statement.name.name, found: dtype }));
    return undefined;
  }
  const at = shape.findIndex((dim) => (constantOf(dim) ?? 0) < 1);
  const wrong = shape[at];
  if (wrong !== undefined) {
    ctx.report(
      types.parameterSize(
        statement.type.dims[at]?.span ?? statement.type.span,
        { name: statement.name.name, size: dimText(wrong) },
        dimNotes([wrong]),
      ),
    );
    return undefined;
  }
  return shape;
}

function initializerOf(
  ctx: Context,
  { initializer }: ParamStatement,
  value: LmValue | undefined,
  shape: readonly number[],
): Initializer {
  const zero: Initializer = { kind: 'constant', value: 0 };
  if (initializer === undefined || value === undefined) return zero;
  if (value.kind === 'number') return { kind: 'constant', value: value.value };
  if (value.kind === 'initializer') return value.make(shape);
  if (value.kind !== 'poison')
    ctx.report(
      types.wrongKind(initializer.span, { expected: 'an initialiser', found: describeValue(value) }, [
        help('as in `= uniform{0.1}`, `= normal{0, 1}`, `= 0`, or `= none` for no parameter'),
      ]),
    );
  return zero;
}
