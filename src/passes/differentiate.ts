/**
 * Adds the gradient of the loss for every parameter that it depends on and that is not frozen, as a graph transformation in reverse mode over
 * the ops' own gradients. A scan becomes a scan in the opposite direction that reads stacks of the forward one; of a
 * region's values it stores few and computes the cheap ones again. With `recompute`, whole segments of the forward program
 * are computed again where their gradients are, instead of being kept. Needs: a training request. Gives: `gradients`.
 * Keeps: all that was there.
 */
import { GraphBuilder } from '../ir/builder.ts';
import { evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph, GraphState, Node } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';
import { findActive } from './differentiate/active.ts';
import { gradientOrigin, type ReverseContext } from './differentiate/context.ts';
import { Cotangents } from './differentiate/cotangents.ts';
import { reverseNodes } from './differentiate/reverse.ts';
import { canRecompute, reverseRecomputed } from './differentiate/recompute.ts';
import { findSegments, type SegmentContext } from './differentiate/segments.ts';
import type { Pass } from './pass.ts';

export const differentiate: Pass = {
  name: 'differentiate',
  requires: ['undifferentiated'],
  ensures: ['differentiated'],
  run(graph: Graph): Graph {
    const { training } = graph;
    if (training === undefined) return graph;
    const parameters = trainedParameters(graph);
    const { active, volume } = segmentContext(graph, parameters);
    const builder = new GraphBuilder(inferTypes, gradientOrigin(training.origin));
    const cotangents = new Cotangents(builder);
    if (active.has(training.loss)) cotangents.add(training.loss, builder.constant(1));
    const ctx: ReverseContext = { builder, cotangents, active, volume };
    const forward = reverseSegments(ctx, graph.nodes, training.recompute ?? 0);
    const gradients = parameters.flatMap(({ name, value }) => {
      const gradient = active.has(value) ? cotangents.of(value) : undefined;
      return gradient === undefined ? [] : [{ state: name, value: gradient }];
    });
    return { ...graph, nodes: [...forward, ...builder.nodes], gradients };
  },
};

function trainedParameters({ states, training }: Graph): readonly GraphState[] {
  const frozen = new Set(
    training?.groups?.flatMap(({ isFrozen, parameters }) => (isFrozen ? parameters : [])),
  );
  return states.filter(({ role, name }) => role === 'parameter' && !frozen.has(name));
}

function segmentContext({ nodes, dims }: Graph, parameters: readonly GraphState[]): SegmentContext {
  const bounds = new Map(dims.map((dim) => [dim.name, dim.bound]));
  return {
    active: findActive(
      nodes,
      parameters.flatMap(({ value }) => (value.type.dtype === 'f32' ? [value] : [])),
    ),
    volume: (value) => evaluateDim(productOfDims(value.type.shape), bounds),
  };
}

/** Into how many a graph can be cut that is not differentiated yet. */
export function countSegments(graph: Graph): number {
  return findSegments(segmentContext(graph, trainedParameters(graph)), graph.nodes).length;
}

/** Last first; of the `recompute` first segments the values are not kept. Gives the forward nodes again. */
function reverseSegments(ctx: ReverseContext, nodes: readonly Node[], recompute: number): readonly Node[] {
  if (recompute === 0) return reverseNodes(ctx, nodes);
  const segments = findSegments(ctx, nodes);
  return segments
    .map((segment, at) => ({ segment, isKept: at >= recompute || at === segments.length - 1 }))
    .toReversed()
    .map(({ segment, isKept }) => {
      if (isKept || !canRecompute(segment)) return reverseNodes(ctx, segment.nodes);
      reverseRecomputed(ctx, segment);
      return segment.nodes;
    })
    .toReversed()
    .flat();
}
