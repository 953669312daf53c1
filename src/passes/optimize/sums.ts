/**
 * What several batches leave for the step that they make together: each gradient times the batch's weight, the weights,
 * and the loss times the weight, all added up in states of the optimizer.
 */
import { GraphBuilder } from '../../ir/builder.ts';
import type { Graph, GraphState, Origin, TrainingRequest, Value } from '../../ir/graph.ts';
import { tensorType, type TensorType } from '../../ir/types.ts';
import { inferTypes } from '../../ops/index.ts';

const PREFIX = 'accumulate.';
export const weightSum = `${PREFIX}weight`;
export const lossSum = `${PREFIX}loss`;

export function gradientSum(parameter: string): string {
  return `${PREFIX}gradient/${parameter}`;
}

/** The parameter whose gradients a state sums up; undefined for other states. */
export function parameterOfSum(state: string): string | undefined {
  return state.startsWith(gradientSum('')) ? state.slice(gradientSum('').length) : undefined;
}

/** The program of one batch. Of the output `weight` remains the sum; without one, gradients and losses are added as they are. */
export function addSums(graph: Graph, request: TrainingRequest): Graph {
  const { gradients = [], training: _training, ...kept } = graph;
  const { span, derivation } = request.origin;
  const origin: Origin = { span, derivation: [...derivation, 'accumulation'] };
  const builder = new GraphBuilder(inferTypes, origin);
  const states: GraphState[] = [];
  const updates: Graph['updates'][number][] = [];
  const add = (name: string, type: TensorType, term: Value): void => {
    const value: Value = { type, name };
    states.push({ name, value, role: 'optimizer', initializer: { kind: 'constant', value: 0 }, origin });
    updates.push({ state: name, value: builder.emit('add', [value, term], {}) });
  };
  const weight = graph.outputs.find(({ name }) => name === 'weight')?.value;
  const weighted = (value: Value): Value =>
    weight === undefined
      ? value
      : builder.emit('mul', [value, builder.broadcast(weight, value.type.shape, [])], {});
  for (const { state, value } of gradients) add(gradientSum(state), value.type, weighted(value));
  add(lossSum, request.loss.type, weighted(request.loss));
  if (weight !== undefined) add(weightSum, tensorType('f32', []), weight);
  return {
    ...kept,
    states: [...graph.states, ...states],
    nodes: [...graph.nodes, ...builder.nodes],
    outputs: graph.outputs.filter(({ name }) => name !== 'weight'),
    updates: [...graph.updates, ...updates],
  };
}
