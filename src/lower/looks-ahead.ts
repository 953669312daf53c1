/**
 * Attention of a sequence to itself that nothing hides by position: a softmax over pairs of positions, below which no
 * comparison of positions stands. What cannot be told, such as a mask that is given, counts as hidden.
 */
import { equalDims, type Dim } from '../ir/dim.ts';
import type { Node, Origin, Value } from '../ir/graph.ts';

/** Where the first of them sums its values; `seq`: the size of the sequence. */
export function findUnmasked(nodes: readonly Node[], seq: Dim): Origin | undefined {
  const producers = new Map(nodes.flatMap((node) => node.results.map((result) => [result, node] as const)));
  const isPair = ({ type: { shape } }: Value): boolean =>
    shape.filter((dim) => equalDims(dim, seq)).length > 1;
  /** Everything that a value is made from, as far as `enter` says. */
  const makersOf = (value: Value, enter: (node: Node) => boolean): readonly (Node | Value)[] => {
    const found = new Set<Node | Value>();
    const visit = (each: Value): void => {
      const node = producers.get(each);
      if (node === undefined) found.add(each);
      if (node === undefined || found.has(node)) return;
      found.add(node);
      if (enter(node)) for (const operand of node.operands) visit(operand);
    };
    visit(value);
    return [...found];
  };
  const isHidden = (weights: Value): boolean => {
    const makers = makersOf(weights, ({ op, results }) => op !== 'dot' && results.some(isPair));
    if (!makers.some((each) => isNode(each) && each.op === 'exp')) return true;
    return makers.some((each) => {
      // Given from outside, or learnt.
      if (!isNode(each)) return isPair(each);
      if (!each.results.some(isPair)) return false;
      if (!known.has(each.op)) return true;
      const counts = each.op === 'dot' ? [] : each.operands;
      const compares = each.results.some(({ type }) => type.dtype === 'bool');
      return (
        compares &&
        counts.some((operand) =>
          makersOf(operand, () => true).some((below) => isNode(below) && below.op === 'iota'),
        )
      );
    });
  };
  const found = nodes.find(
    (node) =>
      node.op === 'dot' &&
      node.attributes.contract.some(([left, right]) => {
        const [lhs, rhs] = node.operands;
        const sides = [
          { side: lhs, axis: left },
          { side: rhs, axis: right },
        ];
        return sides.some(({ side, axis }) => {
          const dim = side?.type.shape[axis];
          return (
            side !== undefined && dim !== undefined && equalDims(dim, seq) && isPair(side) && !isHidden(side)
          );
        });
      }),
  );
  return found?.origin;
}

/** Ops that leave each pair where it is, or that are looked through. */
const known = new Set<Node['op']>([
  ...([
    'add',
    'sub',
    'mul',
    'div',
    'max',
    'min',
    'exp',
    'neg',
    'select',
    'cast',
    'and',
    'or',
    'not',
  ] as const),
  ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'broadcast', 'transpose', 'reshape', 'stop-gradient'] as const),
  ...(['constant', 'dot', 'random'] as const),
]);

function isNode(each: Node | Value): each is Node {
  return 'op' in each;
}
