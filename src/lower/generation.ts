/** `generate` sections: which input of the model grows, which output scores its next token, and the settings. */
import type { PlanConstant, PlanGeneration } from '../../runtime/plan.ts';
import * as names from '../diagnostics/catalogue/names.ts';
import * as sequences from '../diagnostics/catalogue/sequences.ts';
import * as tasks from '../diagnostics/catalogue/tasks.ts';
import { help, note } from '../diagnostics/define.ts';
import type { Span } from '../diagnostics/span.ts';
import { constantOf as dimConstant, equalDims, type Dim } from '../ir/dim.ts';
import type { GenerateDeclaration } from '../parser/ast.ts';
import type { Context } from './context.ts';
import { moduleScope, type Declared } from './declarations.ts';
import { describeValue } from './describe.ts';
import { suggest } from './did-you-mean.ts';
import { describeField, generateFields, type GenerateField } from './generate-fields.ts';
import { outputName, type WalkedModel } from './model.ts';
import type { LmValue } from './values.ts';

/** Undefined after an error. `model`: of the name in the section, walked for `predict`. */
export function lowerGeneration(
  ctx: Context,
  { declaration, module }: Declared<GenerateDeclaration>,
  model: WalkedModel,
): PlanGeneration | undefined {
  const scope = moduleScope(module);
  const seen = new Map<string, Span>();
  const fields: Record<string, PlanConstant> = {};
  const errors = ctx.errors;
  let inputSpan = declaration.name.span;
  let temperatureSpan = declaration.name.span;
  for (const { name, value: expression } of declaration.fields) {
    const earlier = seen.get(name.name);
    if (earlier !== undefined)
      ctx.report(
        names.duplicateName(name.span, { what: 'field', name: name.name }, [
          note('it is defined here already', earlier),
        ]),
      );
    seen.set(name.name, name.span);
    const field = Object.hasOwn(generateFields, name.name) ? generateFields[name.name] : undefined;
    if (field === undefined) {
      const known = Object.keys(generateFields);
      ctx.report(
        sequences.unknownGenerateField(
          name.span,
          { name: name.name },
          suggest(name.name, known, '`generate` has'),
        ),
      );
      continue;
    }
    const value = ctx.evaluate(expression, scope);
    if (value.kind === 'poison' || value.kind === 'none') continue;
    const constant = constantOf(value, field);
    if (constant !== undefined) fields[name.name] = constant;
    else
      ctx.report(
        tasks.fieldValue(
          expression.span,
          { field: name.name, expected: describeField(field), found: describeValue(value) },
          [help(`\`${name.name}\`: ${field.documentation}`)],
        ),
      );
    if (name.name === 'input') inputSpan = expression.span;
    if (name.name === 'temperature') temperatureSpan = expression.span;
  }
  const { beams = 1, temperature = 0 } = fields;
  if (typeof beams === 'number' && beams > 1 && temperature !== 0)
    ctx.report(
      tasks.fieldValue(
        temperatureSpan,
        { field: 'temperature', expected: '0 beside `beams`', found: `\`${String(temperature)}\`` },
        [help('a beam search takes the likeliest text, and draws nothing')],
      ),
    );
  if (ctx.errors > errors) return undefined;
  const { input: asked, ...settings } = fields;
  const grows = growingInput(
    ctx,
    declaration,
    model,
    typeof asked === 'string' ? asked : undefined,
    inputSpan,
  );
  return grows && { name: declaration.name.name, ...grows, fields: settings };
}

/** Undefined where the value does not fit the field. */
function constantOf(value: LmValue, field: GenerateField): PlanConstant | undefined {
  const { kind, minimum = -Infinity, maximum = Infinity, exclusive } = field;
  if (value.kind === 'number' && kind !== 'string' && kind !== 'strings') {
    const { value: number } = value;
    const isWhole = Number.isInteger(number);
    const low = kind === 'token' ? 0 : minimum;
    const fits =
      Number.isFinite(number) &&
      (kind === 'number' || isWhole) &&
      (exclusive === true ? number > low : number >= low) &&
      number <= maximum;
    return fits ? number : undefined;
  }
  if (value.kind === 'string')
    return kind === 'string' || (kind === 'token' && value.value !== '')
      ? value.value
      : kind === 'strings' && value.value !== ''
        ? [value.value]
        : undefined;
  if (value.kind !== 'list' || kind !== 'strings') return undefined;
  const texts = value.elements.flatMap((each) =>
    each.kind === 'string' && each.value !== '' ? [each.value] : [],
  );
  return texts.length === value.elements.length ? texts : undefined;
}

/**
 * The input `i32[batch, seq]` whose `seq` is also the second axis of an output `f32[batch, seq, vocabulary]`.
 * Undefined after an error.
 */
function growingInput(
  ctx: Context,
  { model: { name: modelName }, name: section }: GenerateDeclaration,
  { inputs, results }: WalkedModel,
  asked: string | undefined,
  span: Span,
): Pick<PlanGeneration, 'input' | 'dim' | 'output'> | undefined {
  const found = inputs.flatMap(({ name, value: { type } }) => {
    const [batch, seq] = type.shape;
    const dim = seq && symbolOf(seq);
    if (type.dtype !== 'i32' || type.shape.length !== 2 || batch === undefined || seq === undefined)
      return [];
    if (dim === undefined || symbolOf(batch) === undefined) return [];
    const at = results.findIndex(({ type: { dtype, shape } }) => {
      const [rows, positions, vocabulary] = shape;
      if (dtype !== 'f32' || shape.length !== 3 || rows === undefined || positions === undefined)
        return false;
      return (
        vocabulary !== undefined &&
        dimConstant(vocabulary) !== undefined &&
        equalDims(rows, batch) &&
        equalDims(positions, seq)
      );
    });
    return at < 0 ? [] : [{ input: name, dim, output: outputName(at) }];
  });
  if (asked !== undefined) {
    const chosen = found.find(({ input }) => input === asked);
    if (chosen !== undefined) return chosen;
    const known = found.map(({ input }) => input);
    const cause = `\`${asked}\` is none of its inputs that can grow`;
    ctx.report(
      sequences.cannotGenerate(span, { model: modelName, cause }, suggest(asked, known, 'these can')),
    );
    return undefined;
  }
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  ctx.report(
    first === undefined || second === undefined
      ? sequences.cannotGenerate(section.span, {
          model: modelName,
          cause: 'no input `i32[batch, seq]` comes with an output `f32[batch, seq, vocabulary]`',
        })
      : sequences.cannotGenerate(
          section.span,
          { model: modelName, cause: `both \`${first.input}\` and \`${second.input}\` could grow` },
          [help(`say which: \`input = "${first.input}"\``)],
        ),
  );
  return undefined;
}

function symbolOf({ terms }: Dim): string | undefined {
  const [term, ...rest] = terms;
  return term?.coefficient === 1 && term.symbols.length === 1 && rest.length === 0
    ? term.symbols[0]
    : undefined;
}
