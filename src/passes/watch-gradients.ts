/**
 * Keeps the gradient of every parameter in a state of its own, `gradient/NAME` of the role `watch`, so that whoever
 * trains can look at it between two steps. Costs a parameter's memory again. Where several batches make a step, it is the
 * program of the step (`accumulate.ts`) that has its gradients. Needs: gradients. Adds: states and updates.
 */
import type { Graph, GraphState } from '../ir/graph.ts';
import type { Pass } from './pass.ts';

export const watchGradients: Pass = {
  name: 'watch-gradients',
  requires: ['differentiated'],
  run(graph: Graph): Graph {
    if (graph.training?.accumulates === true) return graph;
    const watched = (graph.gradients ?? []).flatMap(({ state: name, value }) => {
      const parameter = graph.states.find((state) => state.name === name);
      if (parameter === undefined) return [];
      const state: GraphState = {
        name: `gradient/${name}`,
        value: { type: value.type, name: 'gradient' },
        role: 'watch',
        initializer: { kind: 'constant', value: 0 },
        origin: parameter.origin,
      };
      return [{ state, value }];
    });
    if (watched.length === 0) return graph;
    return {
      ...graph,
      states: [...graph.states, ...watched.map(({ state }) => state)],
      updates: [...graph.updates, ...watched.map(({ state, value }) => ({ state: state.name, value }))],
    };
  },
};
