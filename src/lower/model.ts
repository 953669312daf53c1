/** A model's graph for one program: its inputs, its body, its results. */
import * as names from '../diagnostics/catalogue/names.ts';
import * as types from '../diagnostics/catalogue/types.ts';
import { note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Graph, GraphInput, Value } from '../ir/graph.ts';
import { tensorType } from '../ir/types.ts';
import type { Identifier, ModelDeclaration, TypeExpression } from '../parser/ast.ts';
import type { Context, Scope } from './context.ts';
import { moduleScope, type Declared } from './declarations.ts';
import { plural } from './describe.ts';
import { returnHelp } from './return-help.ts';
import { conform, resolveDType, resolveShape } from './types.ts';
import { elementsOf, poison, tensor, tupleOf, type LmValue } from './values.ts';

/** A model after its body was walked. */
export interface WalkedModel {
  readonly scope: Scope;
  readonly inputs: readonly GraphInput[];
  readonly results: readonly Value[];
  /** The results as the task's expressions see them. */
  readonly output: LmValue;
}

/** Undefined after an error. */
export function walkModel(
  ctx: Context,
  { declaration, module }: Declared<ModelDeclaration>,
): WalkedModel | undefined {
  const scope = moduleScope(module);
  const inputs: GraphInput[] = [];
  let failed = false;
  for (const { name, type, default: fallback } of declaration.parameters) {
    if (fallback !== undefined) ctx.report(types.inputDefault(fallback.span, { name: name.name }));
    const input = declareInput(ctx, name, type, scope, inputs);
    if (input === undefined) failed = true;
    scope.values.set(name.name, input === undefined ? poison : tensor(input));
  }
  const outcome = ctx.execute(declaration.body, scope);
  if (outcome.kind !== 'return') {
    ctx.report(
      outcome.kind === 'end'
        ? names.missingReturn(
            declaration.name.span,
            { what: `model \`${declaration.name.name}\`` },
            returnHelp(declaration.body),
          )
        : types.misplacedNext(outcome.statement.span, {}),
    );
    return undefined;
  }
  const results = checkResults(ctx, declaration, outcome.value, scope, outcome.span);
  if (failed || results === undefined) return undefined;
  return { scope, inputs, results, output: tupleOf(results.map(tensor)) };
}

/** Adds an input of the model or a target of the task. */
export function declareInput(
  ctx: Context,
  name: Identifier,
  type: TypeExpression,
  scope: Scope,
  inputs: GraphInput[],
): Value | undefined {
  const earlier = inputs.find((input) => input.name === name.name);
  if (earlier !== undefined)
    ctx.report(
      names.duplicateName(name.span, { what: 'input', name: name.name }, [
        note('it is defined here already', earlier.origin.span),
      ]),
    );
  const [dtype, shape] = [resolveDType(ctx, type), resolveShape(ctx, type, scope)];
  if (dtype === undefined || shape === undefined || earlier !== undefined) return undefined;
  const value: Value = { type: tensorType(dtype, shape), name: name.name };
  inputs.push({
    name: name.name,
    value,
    role: 'data',
    origin: { span: spanOf(name.span, type.span), derivation: [] },
  });
  ctx.inputNames.set(value, name.name);
  return value;
}

function spanOf(from: Span, to: Span): Span {
  return { file: from.file, start: from.start, end: to.end };
}

function checkResults(
  ctx: Context,
  { name, results }: ModelDeclaration,
  value: LmValue,
  scope: Scope,
  span: Span,
): readonly Value[] | undefined {
  if (value.kind === 'poison') return undefined;
  const elements = elementsOf(value);
  if (elements.length !== results.length) {
    ctx.report(
      types.resultCount(span, {
        what: `model \`${name.name}\``,
        expected: plural(results.length, 'value'),
        found: String(elements.length),
      }),
    );
    return undefined;
  }
  const checked = elements.map((element, at) => {
    const type = results[at];
    const what = results.length === 1 ? `the result of \`${name.name}\`` : `result ${at} of \`${name.name}\``;
    return type && conform(ctx, element, { what, type, span, bindsNames: false }, scope);
  });
  const known = checked.flatMap((each) => each ?? []);
  return known.length === checked.length ? known : undefined;
}

/** `output`, `output_1`, … */
export function outputName(at: number): string {
  return at === 0 ? 'output' : `output_${at}`;
}

export function graphOf(
  ctx: Context,
  name: string,
  inputs: readonly GraphInput[],
  outputs: Graph['outputs'],
): Graph {
  return {
    name,
    dims: [...ctx.bounds].map(([dim, bound]) => ({ name: dim, bound })),
    inputs,
    states: ctx.states,
    nodes: ctx.frame.builder.nodes,
    outputs,
    updates: ctx.updates,
  };
}
