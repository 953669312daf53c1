/** Programs beside training run with the moving averages of the parameters, where training keeps some. */
import type { Graph } from '../ir/graph.ts';
import { averageName } from './optimize/average.ts';

/** The same program, with the averages among the states of `training` in the places of their parameters. */
export function readAverages(graph: Graph, training: Graph | undefined): Graph {
  const averages = new Map(
    training?.states.flatMap((state) => (state.role === 'average' ? [[state.name, state] as const] : [])),
  );
  if (averages.size === 0) return graph;
  return {
    ...graph,
    states: graph.states.map((state) => {
      const average = state.role === 'parameter' ? averages.get(averageName(state.name)) : undefined;
      return average === undefined ? state : { ...average, value: state.value };
    }),
  };
}
