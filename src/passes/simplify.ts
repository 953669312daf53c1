/**
 * Replaces values by simpler equal ones: neutral elements, constants, views of views, reductions of repetitions,
 * products of transposed operands, numbers that go through a scan. Needs: nothing. Keeps: results up to rounding,
 * random streams; NaN and infinities come out as before.
 */
import type { Node, Value } from '../ir/graph.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';
import { simplifyPointwise } from './simplify/arithmetic.ts';
import { simplifyReduction } from './simplify/reductions.ts';
import { simplifyShares } from './simplify/shares.ts';
import { simplifyScan } from './simplify/scans.ts';
import { simplifyView } from './simplify/views.ts';

export const simplify: Pass = {
  name: 'simplify',
  run: (graph) => rewriteGraph(graph, simplifyNode),
};

function simplifyNode(scope: RewriteScope, node: Node): readonly Value[] | undefined {
  if (node.op === 'scan') return simplifyScan(scope, node);
  const value =
    simplifyShares(scope, node) ??
    simplifyPointwise(scope, node) ??
    simplifyView(scope, node) ??
    simplifyReduction(scope, node);
  return value === undefined ? undefined : [value];
}
