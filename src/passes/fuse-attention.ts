/**
 * Makes one op `attention` of softmax(q·k scale + bias, masked) · v, in whatever spelling: axes in any order, keys that
 * heads share, masks as a choice or a sum, dropout of the probabilities. The scores leave memory. Needs: a graph that
 * nobody has differentiated; the op has a gradient of its own. Keeps: results up to rounding; random streams. Where
 * scores or probabilities are used for anything else, or a bias is learnt, the formula stays as it is.
 */
import { constantOf, evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph, NodeOf, Value } from '../ir/graph.ts';
import { freeAxes } from '../ops/contraction.ts';
import { findActive } from './differentiate/active.ts';
import { emitAttention } from './fuse-attention/emit.ts';
import { matchAttention } from './fuse-attention/match.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';

/** Fewer queries at once leave most lanes of an attention kernel idle. */
const FEW_QUERIES = 4;

export const fuseAttention: Pass = {
  name: 'fuse-attention',
  requires: ['undifferentiated'],
  ensures: ['undifferentiated'],
  run(graph: Graph): Graph {
    // Token by token, most lanes of an attention kernel would have no query.
    const decodes = graph.training === undefined && graph.states.some(({ role }) => role === 'carry');
    if (decodes) return graph;
    const fused = fuseAll(graph);
    const squeezed = squeezeProducts(fused);
    const more = squeezed === fused ? fused : fuseAll(squeezed);
    return countAttention(more) > countAttention(fused) ? more : fused;
  },
};

const countAttention = (graph: Graph): number => graph.nodes.filter(({ op }) => op === 'attention').length;

function fuseAll(graph: Graph): Graph {
  const products = new Set(graph.nodes.flatMap((node) => (node.op === 'dot' ? node.results : [])));
  if (products.size < 2) return graph;
  const seeds = (role: string): readonly Value[] =>
    graph.states.flatMap((state) => (state.role === role ? [state.value] : []));
  const learnt = graph.training === undefined ? undefined : findActive(graph.nodes, seeds('parameter'));
  const carried = findActive(graph.nodes, seeds('carry'));
  const bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
  return rewriteGraph(graph, (scope, node) => {
    const [result] = node.results;
    if (node.op !== 'dot' || result === undefined || !products.has(result)) return undefined;
    const found = fuse(scope, node);
    return found && [found];
  });

  function fuse(scope: RewriteScope, node: NodeOf<'dot'>): Value | undefined {
    const match = matchAttention(scope, node);
    if (match === undefined) return undefined;
    const { query, rows } = match;
    const queries = rows.map((axis) => query.type.shape[axis] ?? { terms: [] });
    // Step by step decoding asks for the next token alone.
    if (carried.has(match.key) || carried.has(match.value)) return undefined;
    if (evaluateDim(productOfDims(queries), bounds) < FEW_QUERIES) return undefined;
    if (match.steps.some((step) => 'by' in step && learnt?.has(step.by) === true)) return undefined;
    return emitAttention(scope, match, bounds);
  }
}

/** Products of batches without axes of size 1 of their own, such as that of keys which all heads share. */
function squeezeProducts(graph: Graph): Graph {
  return rewriteGraph(graph, ({ builder }, node) => {
    if (node.op !== 'dot' || node.attributes.batch.length === 0) return undefined;
    const [lhs, rhs] = node.operands;
    const [result] = node.results;
    if (lhs === undefined || rhs === undefined || result === undefined) return undefined;
    const kept = [lhs, rhs].map((operand, side) => {
      const free = freeAxes(operand.type.shape.length, side === 0 ? 0 : 1, node.attributes);
      return operand.type.shape.flatMap((dim, axis) =>
        free.includes(axis) && constantOf(dim) === 1 ? [] : [axis],
      );
    });
    const small = [lhs, rhs].map((operand, side) =>
      builder.reshape(
        operand,
        (kept[side] ?? []).map((axis) => operand.type.shape[axis] ?? { terms: [] }),
      ),
    );
    if (small[0] === lhs && small[1] === rhs) return undefined;
    const move = ([left, right]: readonly [number, number]): readonly [number, number] => [
      kept[0]?.indexOf(left) ?? -1,
      kept[1]?.indexOf(right) ?? -1,
    ];
    const { batch, contract } = node.attributes;
    const made = builder.emit('dot', small, { batch: batch.map(move), contract: contract.map(move) });
    return [builder.reshape(made, result.type.shape)];
  });
}
