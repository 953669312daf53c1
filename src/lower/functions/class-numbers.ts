/** A number for each class, as `weight=[1, 2.5]` gives them. */
import * as types from '../../diagnostics/catalogue/types.ts';
import { constantDim, constantOf, equalDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { describeValue, dimText, typeText } from '../describe.ts';
import type { Call } from './function.ts';
import { spanOf, valueOf } from './read.ts';

/** f32[classes], from one number for all, a list of as many, or such a tensor. Undefined after an error. */
export function classNumbers(call: Call, name: string, classes: Dim): Value | undefined {
  const { ctx } = call;
  const value = valueOf(call, name);
  const wrong = (found: string): undefined => {
    const expected = `a number, ${dimText(classes)} of them in a list, or \`f32[${dimText(classes)}]\` for \`${name}\` of \`${call.name}\``;
    ctx.report(types.wrongKind(spanOf(call, name), { expected, found }));
    return undefined;
  };
  if (value === undefined) return undefined;
  if (value.kind === 'number') return ctx.constant(value.value, 'f32', [classes]);
  if (value.kind === 'tensor') {
    const { dtype, shape } = value.value.type;
    const fits =
      dtype === 'f32' && shape.length === 1 && shape[0] !== undefined && equalDims(shape[0], classes);
    return fits ? value.value : wrong(`\`${typeText(value.value.type)}\``);
  }
  if (value.kind !== 'list' && value.kind !== 'tuple') return wrong(describeValue(value));
  const numbers = value.elements.flatMap((each) => (each.kind === 'number' ? [each.value] : []));
  if (numbers.length !== value.elements.length || numbers.length !== constantOf(classes))
    return wrong(`a list of ${value.elements.length}`);
  const parts = numbers.map((each) => ctx.constant(each, 'f32', [constantDim(1)]));
  const [first] = parts;
  return parts.length === 1 ? first : ctx.emit('concat', parts, { axis: 0 });
}
