/** What a mask of attention says about places: how far a query sees. */
import { constantDim, constantOf } from '../../ir/dim.ts';
import type { AttentionKernel } from '../../ir/kernel.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { addAffine, affineOf, coefficientOf, scaleAffine } from '../wgsl/affine.ts';

/** A score so low that its exponential is 0 beside any that a mask lets through. */
const LOW = -1e9;
/** Where the search for a row's largest score starts: a row whose keys are all hidden has to reach its fill. */
export const LEAST = -3.4e38;

export interface Horizon {
  /** A query sees keys up to its own place and so many more, at least 0. */
  readonly offset: number;
  /**
   * Whether there may be a query that sees no key, because a second mask hides those before it, too. All keys weigh
   * the same for it, those behind the horizon with them; what the mask hides from any other query counts nothing.
   */
  readonly blind: boolean;
}

/** How far queries see, where the mask is one of places, alone or together with others. */
export function horizonOf(kernel: AttentionKernel): Horizon | undefined {
  const { mask } = kernel.elements;
  if (mask === undefined || kernel.fill > LOW) return undefined;
  const conditions = conjunctsOf(mask);
  for (const condition of conditions) {
    const offset = causalOffset(kernel, condition);
    if (offset === undefined) continue;
    const blind = conditions.length > 1;
    return blind && kernel.fill <= LEAST ? undefined : { offset, blind };
  }
  return undefined;
}

/** What all have to be true for the condition to be. */
function conjunctsOf(condition: ScalarExpression): readonly ScalarExpression[] {
  if (condition.kind !== 'apply') return [condition];
  if (condition.fn === 'and') return condition.args.flatMap(conjunctsOf);
  const [inner] = condition.args;
  if (condition.fn === 'not' && inner?.kind === 'apply' && inner.fn === 'or')
    return inner.args.flatMap((each) => conjunctsOf(scalar.not(each)));
  return [condition];
}

/** Where the condition is true exactly for keys up to the query's own place and c more, c ≥ 0: c. */
function causalOffset(kernel: AttentionKernel, condition: ScalarExpression): number | undefined {
  const order = orderOf(condition);
  if (order === undefined) return undefined;
  const room = addAffine(affineOf(order.high), scaleAffine(affineOf(order.low), constantDim(-1)));
  const row = kernel.rows.at(-1) ?? -1;
  const places = [coefficientOf(room, row), coefficientOf(room, kernel.keys)].map(constantOf);
  const spare = constantOf(room.constant);
  if (room.terms.length !== 2 || places[0] !== 1 || places[1] !== -1 || spare === undefined) return undefined;
  const offset = spare - (order.strict ? 1 : 0);
  return offset >= 0 ? offset : undefined;
}

/** low < high, or low ≤ high. */
function orderOf(
  mask: ScalarExpression,
): { readonly low: ScalarExpression; readonly high: ScalarExpression; readonly strict: boolean } | undefined {
  if (mask.kind !== 'apply') return undefined;
  const [first, second] = mask.args;
  if (first === undefined) return undefined;
  if (mask.fn === 'not') {
    const inner = orderOf(first);
    return inner && { low: inner.high, high: inner.low, strict: !inner.strict };
  }
  if (second === undefined || (mask.fn !== 'less' && mask.fn !== 'less-equal')) return undefined;
  return { low: first, high: second, strict: mask.fn === 'less' };
}
