/**
 * Moves out of scans what no step needs: sums over the steps of products become one product over stacked values after
 * the loop (the gradient of a recurrent weight), sums of reductions one reduction, and stacks of products that no
 * carry depends on one product for all positions. Needs: nothing. Keeps: results up to the order of additions.
 */
import type { Graph, NodeOf, Value } from '../ir/graph.ts';
import { scanResults } from '../ops/scan.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';
import { AfterLoop } from './sink/after-loop.ts';
import { chooseSunk } from './sink/choose-sunk.ts';
import { emitTerm, planTerm } from './sink/terms.ts';

export const sink: Pass = {
  name: 'sink',
  run: (graph: Graph): Graph =>
    rewriteGraph(graph, (scope, node) => (node.op === 'scan' ? sinkFrom(scope, node) : undefined)),
};

function sinkFrom(scope: RewriteScope, node: NodeOf<'scan'>): readonly Value[] | undefined {
  const { attributes, region } = node;
  if (region === undefined) return undefined;
  const inner = scanResults(region.results, attributes);
  const own = scanResults(node.results, attributes);
  const isUsed = (value: Value | undefined): boolean => value !== undefined && scope.uses(value) > 0;
  const sunk = chooseSunk(region, attributes);
  const after = new AfterLoop(node, region, sunk);

  const stacks = inner.stacks.map((value, at) =>
    isUsed(own.stacks[at]) && sunk.has(value) ? value : undefined,
  );
  const terms = inner.sums.map((value, at) => (isUsed(own.sums[at]) ? planTerm(after, value) : undefined));
  const changes = terms.some((term) => term !== undefined && term.kind !== 'sum');
  if (!changes && stacks.every((value) => value === undefined)) return undefined;

  for (const value of stacks) if (value !== undefined) after.require(value);
  const results = after.emitScan(
    scope.builder,
    inner.sums.filter((_, at) => terms[at] === undefined || terms[at].kind === 'sum'),
  );
  return [
    ...results.carries,
    ...results.stacks.map((result, at) => {
      const value = stacks[at];
      return value === undefined ? result : after.stacked(scope.builder, value);
    }),
    ...inner.sums.map((value, at) => {
      const term = terms[at];
      return term === undefined ? after.sumOf(value) : emitTerm(after, scope.builder, term);
    }),
  ];
}
