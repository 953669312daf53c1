/**
 * Products of looked-up rows are looked up: T[ix] · W becomes (T · W)[ix] where the table has far fewer rows than there
 * are indices; what is added to every row of the product is added to the table's, and costly functions are taken of it.
 * An embedding of characters before a recurrence is projected once for each character, and so is its gradient. Needs:
 * `hoist` before, which gathers the products of a loop. Keeps: results up to the order of additions.
 */
import { evaluateDim, productOfDims, type Dim } from '../ir/dim.ts';
import type { Graph, Node, NodeOf, OpName, Value } from '../ir/graph.ts';
import { freeAxes } from '../ops/contraction.ts';
import { isCostly } from './costs.ts';
import { copyNode } from './hoist/batch-node.ts';
import type { Pass } from './pass.ts';
import { operandOf, resultOf, rewriteGraph, type RewriteScope } from './rewrite.ts';

/** Indices for each row of the table, at the bounds: fewer rows than these are as well multiplied where they are read. */
const WORTH = 2;

export const lookUpProducts: Pass = {
  name: 'look-up-products',
  requires: ['undifferentiated'],
  run(graph: Graph): Graph {
    const bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
    const volume = (shape: readonly Dim[]): number => evaluateDim(productOfDims(shape), bounds);
    const pays = ({ table, indices }: LookUp): boolean =>
      WORTH * volume(table.type.shape.slice(0, 1)) <= volume(indices.type.shape);
    return rewriteGraph(graph, (scope, node) => {
      const made =
        node.op === 'dot'
          ? replaceProduct(scope, node, pays)
          : (replaceSum(scope, node) ?? replaceFunction(scope, node));
      return made && [made];
    });
  },
};

/** `rows[axes…]` of a matrix by index; `order`: where the axes of indices and row went afterwards. */
interface LookUp {
  readonly table: Value;
  readonly indices: Value;
  readonly order: readonly number[];
}

function lookUpOf(scope: RewriteScope, value: Value): LookUp | undefined {
  const maker = scope.definition(value);
  const isTransposed = maker?.op === 'transpose';
  const gather = isTransposed ? scope.definition(operandOf(maker, 0)) : maker;
  if (gather?.op !== 'gather') return undefined;
  const [table, indices] = [operandOf(gather, 0), operandOf(gather, 1)];
  if (table.type.shape.length !== 2) return undefined;
  const order = isTransposed ? maker.attributes.permutation : value.type.shape.map((_, axis) => axis);
  return { table, indices, order };
}

/** One operand is looked up, and the product sums over the axis of its rows alone. */
function replaceProduct(
  scope: RewriteScope,
  node: NodeOf<'dot'>,
  pays: (found: LookUp) => boolean,
): Value | undefined {
  const { batch, contract } = node.attributes;
  const [pair] = contract;
  if (batch.length > 0 || contract.length !== 1 || pair === undefined) return undefined;
  for (const side of [0, 1] as const) {
    const found = lookUpOf(scope, operandOf(node, side));
    if (found === undefined || !pays(found)) continue;
    const { table, indices, order } = found;
    const rowAxis = indices.type.shape.length;
    if (order[pair[side]] !== rowAxis) continue;
    const other = operandOf(node, side === 0 ? 1 : 0);
    const { builder } = scope;
    const places = builder.transpose(
      indices,
      order.filter((axis) => axis !== rowAxis),
    );
    const product = builder.emit('dot', [table, other], {
      batch: [],
      contract: [[1, pair[side === 0 ? 1 : 0]]],
    });
    const rows = builder.emit('gather', [product, places], {});
    if (side === 0) return rows;
    // [places…, others…] to [others…, places…]
    const others = freeAxes(other.type.shape.length, 0, node.attributes).length;
    return builder.transpose(rows, [
      ...Array.from({ length: others }, (_, axis) => rowAxis + axis),
      ...Array.from({ length: rowAxis }, (_, axis) => axis),
    ]);
  }
  return undefined;
}

/** T'[ix] + b with the same b for every row. */
function replaceSum(scope: RewriteScope, node: Node): Value | undefined {
  if (node.op !== 'add') return undefined;
  for (const side of [0, 1]) {
    const [rows, added] = [operandOf(node, side), scope.definition(operandOf(node, 1 - side))];
    const gather = scope.definition(rows);
    if (gather?.op !== 'gather' || added?.op !== 'broadcast' || !isProduct(scope, operandOf(gather, 0)))
      continue;
    const [table, indices] = [operandOf(gather, 0), operandOf(gather, 1)];
    const rank = indices.type.shape.length;
    const { axes } = added.attributes;
    if (axes.some((axis) => axis < rank)) continue;
    const { builder } = scope;
    const bias = builder.broadcast(
      operandOf(added, 0),
      table.type.shape,
      axes.map((axis) => axis - rank + 1),
    );
    return builder.emit('gather', [builder.emit('add', [table, bias], {}), indices], {});
  }
  return undefined;
}

/** f(T'[ix]) */
function replaceFunction(scope: RewriteScope, node: Node): Value | undefined {
  const [rows] = node.operands;
  const gather = rows && scope.definition(rows);
  if (!isCostly(node) || node.operands.length > 1 || gather?.op !== 'gather') return undefined;
  const [table, indices] = [operandOf(gather, 0), operandOf(gather, 1)];
  if (!isProduct(scope, table)) return undefined;
  const [made] = copyNode<OpName>(scope.builder, node, [table]);
  return made && scope.builder.emit('gather', [made, indices], {});
}

/** A table that this pass made: others may be states, which are read as they are. */
function isProduct(scope: RewriteScope, table: Value): boolean {
  const maker = scope.definition(table);
  if (maker?.op === 'dot') return resultOf(maker).type.shape.length === 2;
  return maker?.op === 'add' && isProduct(scope, operandOf(maker, 0));
}
