/** A few positions of a sequence of which the rest is not used: only they are computed. */
import { constantOf } from '../../ir/dim.ts';
import type { Node, NodeOf, OpName, Value } from '../../ir/graph.ts';
import { freeAxes } from '../../ops/contraction.ts';
import { loweringOf } from '../../ops/index.ts';
import { copyNode } from '../hoist/batch-node.ts';
import { operandOf, resultOf, type RewriteScope } from '../rewrite.ts';

/** Of values that nobody else uses: the whole would have to be there for others anyway. */
export function sliceEarly(scope: RewriteScope, inner: Node, node: NodeOf<'slice'>): Value | undefined {
  const { axis, start, length } = node.attributes;
  if (inner.op === 'scan' || scope.uses(resultOf(inner)) !== 1) return undefined;
  // A few of many: what is cut into parts of fixed sizes, such as gates, is better computed together.
  const size = resultOf(inner).type.shape[axis];
  if (constantOf(length) === undefined || size === undefined || constantOf(size) !== undefined)
    return undefined;
  const cut = (value: Value, at: number): Value =>
    scope.builder.emit('slice', [value], { axis: at, start, length });
  if (inner.op === 'transpose') {
    const { permutation } = inner.attributes;
    const from = permutation[axis];
    return from === undefined
      ? undefined
      : scope.builder.transpose(cut(operandOf(inner, 0), from), permutation);
  }
  if (inner.op === 'dot') return cutProduct(scope, inner, axis, cut);
  // Numbers of `random` go by their place in the whole.
  if (inner.operands.length === 0 || loweringOf<OpName>(inner).kind !== 'pointwise') return undefined;
  return copyNode<OpName>(
    scope.builder,
    inner,
    inner.operands.map((operand) => cut(operand, axis)),
  )[0];
}

/** Of the result's axes [batch…, lhs free…, rhs free…], a free one belongs to one operand. */
function cutProduct(
  scope: RewriteScope,
  product: NodeOf<'dot'>,
  axis: number,
  cut: (value: Value, at: number) => Value,
): Value | undefined {
  const [lhs, rhs] = [operandOf(product, 0), operandOf(product, 1)];
  const { batch } = product.attributes;
  const left = freeAxes(lhs.type.shape.length, 0, product.attributes);
  const right = freeAxes(rhs.type.shape.length, 1, product.attributes);
  const [fromLeft, fromRight] = [left[axis - batch.length], right[axis - batch.length - left.length]];
  if (axis < batch.length) return undefined;
  const operands =
    fromLeft !== undefined
      ? [cut(lhs, fromLeft), rhs]
      : fromRight !== undefined
        ? [lhs, cut(rhs, fromRight)]
        : undefined;
  return operands && scope.builder.emit('dot', operands, product.attributes);
}
