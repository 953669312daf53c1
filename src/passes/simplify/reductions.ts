/** Reductions of what was repeated or reduced already, and products that read through transpositions. */
import { constantOf, productOfDims, type Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { freeAxes } from '../../ops/contraction.ts';
import { operandOf, resultOf, type RewriteScope } from '../rewrite.ts';

const isOne = (dim: Dim | undefined): boolean => dim !== undefined && constantOf(dim) === 1;

export function simplifyReduction(scope: RewriteScope, node: Node): Value | undefined {
  if (node.op === 'reduce')
    return reduceUnits(scope, node) ?? reduceBroadcast(scope, node) ?? reduceTwice(scope, node);
  return node.op === 'dot' ? readThrough(scope, node) : undefined;
}

/** Axes of size 1 are only relabelled. */
function reduceUnits(scope: RewriteScope, node: NodeOf<'reduce'>): Value | undefined {
  const x = operandOf(node, 0);
  const { axes, combine } = node.attributes;
  const rest = axes.filter((axis) => !isOne(x.type.shape[axis]));
  if (rest.length === axes.length) return undefined;
  const reduced = rest.length === 0 ? x : scope.builder.emit('reduce', [x], { combine, axes: rest });
  return scope.builder.reshape(reduced, resultOf(node).type.shape);
}

/** The sum of n equal elements is a product, their extremum one of them. */
function reduceBroadcast(scope: RewriteScope, node: NodeOf<'reduce'>): Value | undefined {
  const { axes, combine } = node.attributes;
  const inner = scope.definition(operandOf(node, 0));
  if (inner?.op !== 'broadcast') return undefined;
  const { shape, axes: kept } = inner.attributes;
  const repeated = axes.filter((axis) => !kept.includes(axis));
  if (repeated.length === 0) return undefined;
  const { builder } = scope;
  const count = productOfDims(repeated.map((axis) => shape[axis] ?? productOfDims([])));
  // Over no element an extremum is infinite.
  if (combine !== 'sum' && (constantOf(count) ?? 1) === 0) return undefined;
  const operand = operandOf(inner, 0);
  const isLeft = (axis: number): boolean => !repeated.includes(axis);
  const leftShape = shape.filter((_, axis) => isLeft(axis));
  const position = (axis: number): number => shape.slice(0, axis).filter((_, at) => isLeft(at)).length;
  const left = builder.broadcast(operand, leftShape, kept.map(position));
  const rest = axes.filter(isLeft).map(position);
  const reduced = rest.length === 0 ? left : builder.emit('reduce', [left], { combine, axes: rest });
  if (combine !== 'sum') return reduced;
  const { dtype } = reduced.type;
  const size = constantOf(count);
  if (size !== undefined) return builder.withNumber('mul', reduced, size);
  const whole = builder.emit('dim-size', [], { dim: count });
  const factor = dtype === 'i32' ? whole : builder.emit('cast', [whole], { dtype });
  return builder.emit('mul', [reduced, builder.broadcast(factor, reduced.type.shape, [])], {});
}

function reduceTwice(scope: RewriteScope, node: NodeOf<'reduce'>): Value | undefined {
  const x = operandOf(node, 0);
  const inner = scope.definition(x);
  const { combine, axes } = node.attributes;
  if (inner?.op !== 'reduce' || inner.attributes.combine !== combine || scope.uses(x) !== 1) return undefined;
  const operand = operandOf(inner, 0);
  const kept = operand.type.shape
    .map((_, axis) => axis)
    .filter((axis) => !inner.attributes.axes.includes(axis));
  const all = [...inner.attributes.axes, ...axes.map((axis) => kept[axis] ?? axis)];
  return scope.builder.emit('reduce', [operand], { combine, axes: all.toSorted((a, b) => a - b) });
}

/** A product names its axes: a transposition of an operand changes their numbers, where the free ones stay in order. */
function readThrough(scope: RewriteScope, node: NodeOf<'dot'>): Value | undefined {
  for (const side of [0, 1] as const) {
    const operand = operandOf(node, side);
    const inner = scope.definition(operand);
    if (inner?.op !== 'transpose') continue;
    const { permutation } = inner.attributes;
    const free = freeAxes(permutation.length, side, node.attributes).map((axis) => permutation[axis] ?? axis);
    if (free.some((axis, at) => axis < (free[at - 1] ?? -1))) continue;
    const renumber = (pair: readonly [number, number]): readonly [number, number] => {
      const axis = permutation[pair[side]] ?? pair[side];
      return side === 0 ? [axis, pair[1]] : [pair[0], axis];
    };
    const operands = node.operands.map((other, at) => (at === side ? operandOf(inner, 0) : other));
    return scope.builder.emit('dot', operands, {
      batch: node.attributes.batch.map(renumber),
      contract: node.attributes.contract.map(renumber),
    });
  }
  return undefined;
}
