/** What a mask of attention says about places: how far a query sees. */
import { constantOf } from '../../ir/dim.ts';
import type { AttentionKernel } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { addAffine, affineOf, coefficientOf, scaleAffine } from '../wgsl/affine.ts';
import { constantDim } from '../../ir/dim.ts';

/** A score so low that its exponential is 0 beside any that a mask lets through. */
const LOW = -1e9;

/**
 * Where the mask is true exactly for keys up to the query's own place and c more, c ≥ 0: c. Then every query sees a
 * key, and what the mask hides counts nothing.
 */
export function causalOffset(kernel: AttentionKernel): number | undefined {
  const { mask } = kernel.elements;
  if (mask === undefined || kernel.fill > LOW) return undefined;
  const order = orderOf(mask);
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
