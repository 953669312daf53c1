/** Floating-point operations of a list of nodes. */
import { evaluateDim, type Dim } from '../ir/dim.ts';
import type { Node } from '../ir/graph.ts';
import { attentionShape } from '../ops/attention.ts';
import { isAttention } from '../ops/evaluate-attention.ts';
import { recordOf } from '../ops/index.ts';

export type Sizes = ReadonlyMap<string, number>;

const elements = (shape: readonly Dim[], sizes: Sizes): number =>
  shape.reduce((product, dim) => product * evaluateDim(dim, sizes), 1);

/** A multiplication with an addition counts two, any other scalar function one, moving data none. */
export function countFlops(nodes: readonly Node[], sizes: Sizes): number {
  return nodes.reduce((sum, node) => sum + countNode(node, sizes), 0);
}

export function countNode(node: Node, sizes: Sizes): number {
  const result = node.results[0];
  const lhs = node.operands[0];
  if (node.op === 'scan')
    return evaluateDim(node.attributes.trip, sizes) * countFlops(node.region?.nodes ?? [], sizes);
  if (result === undefined || lhs === undefined) return 0;
  switch (recordOf(node.op).lowering.kind) {
    case 'contraction': {
      const contracted =
        node.op === 'dot' ? node.attributes.contract.map(([axis]) => lhs.type.shape[axis]) : [];
      const depth = elements(
        contracted.filter((dim) => dim !== undefined),
        sizes,
      );
      return 2 * elements(result.type.shape, sizes) * depth;
    }
    case 'pointwise':
      return elements(result.type.shape, sizes);
    case 'reduce':
      return elements(lhs.type.shape, sizes);
    case 'recurrence':
      return 2 * elements(lhs.type.shape, sizes);
    case 'attention': {
      // Two products forward, three for the queries, four for keys and values, and some ten functions of a score.
      if (!isAttention(node)) return 0;
      const types = node.operands.map(({ type }) => type);
      const { batch, rows, keys, width, valueWidth } = attentionShape(node.op, types, node.attributes);
      const [both, wide, narrow] = [2 * elements([width], sizes), elements([valueWidth], sizes), 10];
      const each = {
        attention: both + 2 * wide,
        'attention-queries': 2 * both + 2 * wide,
        'attention-keys': 2 * both + 4 * wide,
      };
      return elements([...batch, ...rows, keys], sizes) * (each[node.op] + narrow);
    }
    case 'scatter':
      return elements(node.operands[1]?.type.shape ?? [], sizes);
    default:
      return 0;
  }
}
