/**
 * Takes sums of terms with a common factor apart: Σ (a · s + b · t) = s · Σ a + t · Σ b where s and t are the same for
 * all terms, and one of them waits for another sum over elements like these (the gradient of a normalisation). All sums
 * then take one walk over the elements instead of one after the other. Needs: hoisting and sinking done, which would
 * give the parts loops of their own. Keeps: results up to rounding.
 */
import type { NodeOf, Value } from '../ir/graph.ts';
import { equalShapes } from '../ir/types.ts';
import type { Pass } from './pass.ts';
import { operandOf, resultOf, rewriteGraph, type RewriteScope } from './rewrite.ts';

export const linearSums: Pass = {
  name: 'linear-sums',
  run: (graph) =>
    rewriteGraph(graph, (scope, node) => {
      const value = node.op === 'reduce' ? takeApart(scope, node) : undefined;
      return value === undefined ? undefined : [value];
    }),
};

/** Definitions that are looked at, at most, to see what a factor waits for. */
const FARTHEST = 64;

const NONE = {};

function takeApart(scope: RewriteScope, node: NodeOf<'reduce'>): Value | undefined {
  const terms = operandOf(node, 0);
  if (node.attributes.combine !== 'sum' || terms.type.dtype !== 'f32') return undefined;
  return waits(scope, node, terms) ? sumOf(scope, node, terms) : undefined;
}

/** The sum of the terms, as far as they can be taken apart. */
function sumOf(scope: RewriteScope, node: NodeOf<'reduce'>, terms: Value): Value {
  const { builder } = scope;
  const made = scope.definition(terms);
  if (made?.op === 'mul') return sumOfProduct(scope, node, made);
  if (made?.op === 'neg') return builder.emit('neg', [sumOf(scope, node, operandOf(made, 0))], NONE);
  if (made?.op === 'add' || made?.op === 'sub') {
    const [x, y] = [operandOf(made, 0), operandOf(made, 1)];
    if (waits(scope, node, x) || waits(scope, node, y))
      return builder.emit(made.op, [sumOf(scope, node, x), sumOf(scope, node, y)], NONE);
  }
  return builder.emit('reduce', [terms], node.attributes);
}

/** Whether the terms are products with a factor that waits for a sum, or sums of a few such. */
function waits(scope: RewriteScope, node: NodeOf<'reduce'>, terms: Value, depth = 0): boolean {
  const made = scope.definition(terms);
  if (made?.op === 'mul') return made.operands.some((value) => isWaitingFactor(scope, node, value));
  if (depth > 3 || (made?.op !== 'neg' && made?.op !== 'add' && made?.op !== 'sub')) return false;
  return made.operands.some((value) => waits(scope, node, value, depth + 1));
}

/** Σ a · s = s · Σ a */
function sumOfProduct(scope: RewriteScope, node: NodeOf<'reduce'>, product: NodeOf<'mul'>): Value {
  const { builder } = scope;
  const { axes } = node.attributes;
  for (const side of [0, 1] as const) {
    const repeated = commonFactor(scope, node, operandOf(product, side));
    if (repeated === undefined) continue;
    const kept = repeated.attributes.axes.map((axis) => axis - axes.filter((other) => other < axis).length);
    const factor = builder.broadcast(operandOf(repeated, 0), resultOf(node).type.shape, kept);
    return builder.emit('mul', [sumOf(scope, node, operandOf(product, 1 - side)), factor], NONE);
  }
  return builder.emit('reduce', [resultOf(product)], node.attributes);
}

/** The repetition of a factor that is the same for all terms. */
function commonFactor(
  scope: RewriteScope,
  { attributes }: NodeOf<'reduce'>,
  value: Value,
): NodeOf<'broadcast'> | undefined {
  const made = scope.definition(value);
  return made?.op === 'broadcast' && !made.attributes.axes.some((axis) => attributes.axes.includes(axis))
    ? made
    : undefined;
}

/** Whether the value is a factor like that, computed from a sum over elements like the node's. */
function isWaitingFactor(scope: RewriteScope, node: NodeOf<'reduce'>, value: Value): boolean {
  const repeated = commonFactor(scope, node, value);
  return repeated !== undefined && isFromSum(scope, node, operandOf(repeated, 0));
}

function isFromSum(scope: RewriteScope, { operands, attributes }: NodeOf<'reduce'>, value: Value): boolean {
  const { shape = [] } = operands[0]?.type ?? {};
  const seen = new Set<Value>([value]);
  for (const each of seen) {
    const made = scope.definition(each);
    if (made?.op === 'reduce') {
      const like = equalShapes(operandOf(made, 0).type.shape, shape);
      if (like && made.attributes.axes.join() === attributes.axes.join()) return true;
      continue;
    }
    // Other values that are summed or gathered are far away.
    if (made === undefined || made.region !== undefined || seen.size > FARTHEST) continue;
    for (const operand of made.operands) seen.add(operand);
  }
  return false;
}
