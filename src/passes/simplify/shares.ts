/**
 * The gradient of y = e / Σe, as differentiation leaves it: e (g/s − Σ(g/s · y)), with s = Σe repeated. It is
 * y (g − Σ(g y)): a product less, and nobody keeps e for it. The backward step of every softmax begins so.
 */
import type { Node, Value } from '../../ir/graph.ts';
import { operandOf, type RewriteScope } from '../rewrite.ts';

export function simplifyShares(scope: RewriteScope, node: Node): Value | undefined {
  if (node.op !== 'mul') return undefined;
  for (const [at, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const rewritten = rewrite(scope, operandOf(node, at), operandOf(node, other));
    if (rewritten !== undefined) return rewritten;
  }
  return undefined;
}

function rewrite(scope: RewriteScope, e: Value, gradient: Value): Value | undefined {
  const sum = scope.definition(gradient);
  if (sum?.op !== 'add') return undefined;
  for (const [at, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const quotient = operandOf(sum, at);
    const divided = scope.definition(quotient);
    const repeated = scope.definition(operandOf(sum, other));
    if (divided?.op !== 'div' || repeated?.op !== 'broadcast') continue;
    const [g, s] = [operandOf(divided, 0), operandOf(divided, 1)];
    const reduced = scope.definition(operandOf(repeated, 0));
    if (reduced?.op !== 'reduce' || reduced.attributes.combine !== 'sum') continue;
    const negated = scope.definition(operandOf(reduced, 0));
    const product = negated?.op === 'neg' ? scope.definition(operandOf(negated, 0)) : undefined;
    if (product?.op !== 'mul' || !product.operands.includes(quotient)) continue;
    const y = operandOf(product, operandOf(product, 0) === quotient ? 1 : 0);
    const share = scope.definition(y);
    if (share?.op !== 'div' || operandOf(share, 0) !== e || operandOf(share, 1) !== s) continue;
    if (!isRepeatedAlong(scope, s, repeated.attributes.axes, reduced.attributes.axes)) continue;
    const { builder } = scope;
    const { combine, axes } = reduced.attributes;
    const total = builder.emit('reduce', [builder.emit('mul', [g, y], {})], { combine, axes });
    const spread = builder.emit('broadcast', [total], repeated.attributes);
    return builder.emit('mul', [y, builder.emit('sub', [g, spread], {})], {});
  }
  return undefined;
}

/** Whether a value is the same all along the axes that a sum runs over, and the sum is repeated along these again. */
function isRepeatedAlong(
  scope: RewriteScope,
  s: Value,
  kept: readonly number[],
  axes: readonly number[],
): boolean {
  const source = scope.definition(s);
  if (source?.op !== 'broadcast') return false;
  return axes.every((axis) => !kept.includes(axis) && !source.attributes.axes.includes(axis));
}
