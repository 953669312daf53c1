/** The gradient of a split is a sum of padded pieces that do not overlap: a concatenation. */
import { constantOf, equalDims, subtractDims, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { operandOf, type RewriteScope } from '../rewrite.ts';

interface Piece {
  readonly axis: number;
  readonly before: Dim;
  readonly end: Dim;
  readonly after: Dim;
  readonly content: Value;
}

/** pad(x) + pad(y) = pad(concat(x, y)) where y begins where x ends, or the other way round. */
export function joinPads(scope: RewriteScope, lhs: Value, rhs: Value): Value | undefined {
  const [left, right] = [pieceOf(scope, lhs), pieceOf(scope, rhs)];
  if (left === undefined || right === undefined || left.axis !== right.axis) return undefined;
  if (equalDims(left.end, right.before)) return join(scope, left, right);
  return equalDims(right.end, left.before) ? join(scope, right, left) : undefined;
}

function pieceOf(scope: RewriteScope, value: Value): Piece | undefined {
  const node = scope.definition(value);
  if (node?.op !== 'pad') return undefined;
  const { axis, before, after } = node.attributes;
  const size = value.type.shape[axis];
  if (size === undefined) return undefined;
  return { axis, before, after, end: subtractDims(size, after), content: operandOf(node, 0) };
}

function join(scope: RewriteScope, first: Piece, second: Piece): Value {
  const { axis, before } = first;
  const content = scope.builder.emit('concat', [first.content, second.content], { axis });
  const { after } = second;
  const isWhole = constantOf(before) === 0 && constantOf(after) === 0;
  return isWhole ? content : scope.builder.emit('pad', [content], { axis, before, after });
}

/** Sorted by where they begin, if that is known of every two of them: then neighbours can be joined in turn. */
export function sortPieces<T extends { readonly before: Dim }>(pieces: readonly T[]): readonly T[] {
  const comparable = pieces.every((piece) =>
    pieces.every((other) => constantOf(subtractDims(piece.before, other.before)) !== undefined),
  );
  return comparable
    ? pieces.toSorted((lhs, rhs) => constantOf(subtractDims(lhs.before, rhs.before)) ?? 0)
    : pieces;
}
