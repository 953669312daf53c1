/** Reverse mode over a list of nodes, the graph's or a region's. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Node } from '../../ir/graph.ts';
import { vjpOf } from '../../ops/index.ts';
import { gradientOrigin, type ReverseNodes } from './context.ts';
import { reverseScan } from './reverse-scan.ts';

export const reverseNodes: ReverseNodes = (ctx, nodes) => {
  const replaced = new Map<Node, Node>();
  for (const node of nodes.toReversed()) {
    const cotangents = node.results.map((result) =>
      ctx.active.has(result) ? ctx.cotangents.of(result) : undefined,
    );
    if (cotangents.every((cotangent) => cotangent === undefined)) continue;
    ctx.builder.at(gradientOrigin(node.origin), () => {
      const contributions = contributionsOf();
      contributions?.forEach((contribution, at) => {
        const operand = node.operands[at];
        if (operand === undefined) throw new InternalError(`the gradient of ${node.op} has no operand ${at}`);
        if (contribution !== undefined && ctx.active.has(operand)) ctx.cotangents.add(operand, contribution);
      });
    });

    function contributionsOf() {
      if (node.op !== 'scan') return vjpOf(node, ctx.builder, cotangents);
      const { forward, contributions } = reverseScan(ctx, node, cotangents, reverseNodes);
      replaced.set(node, forward);
      return contributions;
    }
  }
  return nodes.map((node) => replaced.get(node) ?? node);
};
