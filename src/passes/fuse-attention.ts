/**
 * Makes one op `attention` of softmax(q·k scale + bias, masked) · v, in whatever spelling: axes in any order, keys that
 * heads share, masks as a choice or a sum, dropout of the probabilities. The scores leave memory. Needs: a graph that
 * nobody has differentiated; the op has a gradient of its own. Keeps: results up to rounding; random streams. Where
 * scores or probabilities are used for anything else, or a bias is learnt, the formula stays as it is.
 */
import { constantOf, evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph, Origin, Value } from '../ir/graph.ts';
import { findActive } from './differentiate/active.ts';
import { emitAttention } from './fuse-attention/emit.ts';
import { matchAttention, type Match } from './fuse-attention/match.ts';
import type { Refusal } from './fuse-attention/walk.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';

/** Fewer queries at once leave most lanes of an attention kernel idle. */
const FEW_QUERIES = 4;

export const fuseAttention: Pass = {
  name: 'fuse-attention',
  requires: ['undifferentiated'],
  ensures: ['undifferentiated'],
  run: (graph: Graph): Graph => findAttention(graph).graph,
};

/** A formula of attention, at the line of its product with the values; `reason` says why it stays one. */
export interface AttentionFinding {
  readonly origin: Origin;
  readonly reason: string | undefined;
}

interface Found {
  readonly graph: Graph;
  readonly findings: readonly AttentionFinding[];
}

/** The formulas of the graph as it is before the pass. */
export const explainAttention = (graph: Graph): readonly AttentionFinding[] => findAttention(graph).findings;

function findAttention(graph: Graph): Found {
  // Token by token, most lanes of an attention kernel would have no query.
  const decodes = graph.training === undefined && graph.states.some(({ role }) => role === 'carry');
  if (decodes) return { graph, findings: [] };
  const found = fuseAll(graph);
  const squeezed = squeezeProducts(found.graph);
  if (squeezed === found.graph) return found;
  const more = fuseAll(squeezed);
  if (countAttention(more.graph) <= countAttention(found.graph)) return found;
  return { graph: more.graph, findings: [...found.findings.filter(isFused), ...more.findings] };
}

const isFused = ({ reason }: AttentionFinding): boolean => reason === undefined;

const countAttention = (graph: Graph): number => graph.nodes.filter(({ op }) => op === 'attention').length;

function fuseAll(graph: Graph): Found {
  const products = new Set(graph.nodes.flatMap((node) => (node.op === 'dot' ? node.results : [])));
  const seeds = (role: string): readonly Value[] =>
    graph.states.flatMap((state) => (state.role === role ? [state.value] : []));
  const learnt = graph.training === undefined ? undefined : findActive(graph.nodes, seeds('parameter'));
  const carried = findActive(graph.nodes, seeds('carry'));
  const bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
  const findings: AttentionFinding[] = [];
  const fused = rewriteGraph(graph, (scope, node) => {
    const [result] = node.results;
    if (node.op !== 'dot' || result === undefined) return undefined;
    const match = matchAttention(scope, node);
    if (match === undefined) return undefined;
    const made = 'reason' in match ? match : fuse(scope, match, products.has(result));
    const reason = 'reason' in made ? made.reason : undefined;
    findings.push({ origin: node.origin, reason });
    return 'reason' in made ? undefined : [made];
  });
  return { graph: fused, findings };

  function fuse(scope: RewriteScope, match: Match, isOutside: boolean): Value | Refusal {
    if (!isOutside) return { reason: 'it stands in a loop, which asks query by query' };
    const { query, rows } = match;
    const queries = rows.map((axis) => query.type.shape[axis] ?? { terms: [] });
    // Step by step decoding asks for the next token alone.
    if (carried.has(match.key) || carried.has(match.value)) return { reason: 'its keys come from a cache' };
    const most = evaluateDim(productOfDims(queries), bounds);
    if (most < FEW_QUERIES)
      return { reason: `it never has more than ${most} of the ${FEW_QUERIES} queries that pay` };
    if (match.steps.some((step) => 'by' in step && learnt?.has(step.by) === true))
      return { reason: 'what is added to its scores, or hides them, is learnt' };
    return emitAttention(scope, match, bounds);
  }
}

/** Products of batches without axes of size 1, such as that of one head, or of keys which all heads share. */
function squeezeProducts(graph: Graph): Graph {
  return rewriteGraph(graph, ({ builder }, node) => {
    if (node.op !== 'dot' || node.attributes.batch.length === 0) return undefined;
    const { batch, contract } = node.attributes;
    const sides = node.operands.map((operand, side) => {
      const contracted = contract.map((pair) => pair[side]);
      const kept = operand.type.shape.flatMap((dim, axis) =>
        constantOf(dim) === 1 && !contracted.includes(axis) ? [] : [axis],
      );
      const small = builder.reshape(
        operand,
        kept.map((axis) => operand.type.shape[axis] ?? { terms: [] }),
      );
      return { small, kept };
    });
    const [result] = node.results;
    const [lhs, rhs] = sides;
    if (lhs === undefined || rhs === undefined || result === undefined) return undefined;
    if (sides.every(({ small }, side) => small === node.operands[side])) return undefined;
    const move = (pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] =>
      pairs
        .map(([left, right]) => [lhs.kept.indexOf(left), rhs.kept.indexOf(right)] as const)
        .filter(([left]) => left >= 0);
    const attributes = { batch: move(batch), contract: move(contract) };
    return [builder.reshape(builder.emit('dot', [lhs.small, rhs.small], attributes), result.type.shape)];
  });
}
