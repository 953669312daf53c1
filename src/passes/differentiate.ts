/**
 * Adds the gradient of the loss for every parameter that it depends on and that is not frozen, as a graph transformation in reverse mode over
 * the ops' own gradients. A scan becomes a scan in the opposite direction that reads stacks of the forward one; of a
 * region's values it stores few and computes the cheap ones again. Needs: a training request. Gives: `gradients`.
 * Keeps: all that was there.
 */
import { GraphBuilder } from '../ir/builder.ts';
import { evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';
import { findActive } from './differentiate/active.ts';
import { gradientOrigin } from './differentiate/context.ts';
import { Cotangents } from './differentiate/cotangents.ts';
import { reverseNodes } from './differentiate/reverse.ts';
import type { Pass } from './pass.ts';

export const differentiate: Pass = {
  name: 'differentiate',
  requires: ['undifferentiated'],
  ensures: ['differentiated'],
  run(graph: Graph): Graph {
    const { training } = graph;
    if (training === undefined) return graph;
    const frozen = new Set(
      training.groups?.flatMap(({ isFrozen, parameters: names }) => (isFrozen ? names : [])),
    );
    const parameters = graph.states.filter(({ role, name }) => role === 'parameter' && !frozen.has(name));
    const active = findActive(
      graph.nodes,
      parameters.flatMap(({ value }) => (value.type.dtype === 'f32' ? [value] : [])),
    );
    const bounds = new Map(graph.dims.map((dim) => [dim.name, dim.bound]));
    const volume = (value: Value): number => evaluateDim(productOfDims(value.type.shape), bounds);
    const builder = new GraphBuilder(inferTypes, gradientOrigin(training.origin));
    const cotangents = new Cotangents(builder);
    if (active.has(training.loss)) cotangents.add(training.loss, builder.constant(1));
    const forward = reverseNodes({ builder, cotangents, active, volume }, graph.nodes);
    const gradients = parameters.flatMap(({ name, value }) => {
      const gradient = active.has(value) ? cotangents.of(value) : undefined;
      return gradient === undefined ? [] : [{ state: name, value: gradient }];
    });
    return { ...graph, nodes: [...forward, ...builder.nodes], gradients };
  },
};
