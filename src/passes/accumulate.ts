/**
 * The step of several batches: from the sums that the program of each batch leaves, the mean gradient, then clipping, the
 * optimizer's rule and averages as in a step of one batch; the sums are zero again afterwards.
 */
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph, Origin, TrainingRequest, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';
import { emitter } from '../ops/emit.ts';
import { addStep } from './optimize.ts';
import { watchGradients } from './watch-gradients.ts';
import { lossSum, parameterOfSum, weightSum } from './optimize/sums.ts';

/**
 * `graph`: the complete program of one batch. `watch`: keeps the step's gradients in states. A complete
 * program without inputs, which still needs its cleanup.
 */
export function updateProgram(graph: Graph, request: TrainingRequest, watch = false): Graph {
  const { span, derivation } = request.origin;
  const origin: Origin = { span, derivation: [...derivation, 'accumulation'] };
  const builder = new GraphBuilder(inferTypes, origin);
  const sums = graph.states.filter(
    ({ name }) => parameterOfSum(name) !== undefined || name === lossSum || name === weightSum,
  );
  const valueOf = (wanted: string): Value | undefined => sums.find(({ name }) => name === wanted)?.value;
  const divisor = positive(builder, valueOf(weightSum));
  const mean = (sum: Value): Value =>
    divisor === undefined
      ? sum
      : builder.emit('div', [sum, builder.broadcast(divisor, sum.type.shape, [])], {});
  const gradients = sums.flatMap(({ name, value }) => {
    const state = parameterOfSum(name);
    return state === undefined ? [] : [{ state, value: mean(value) }];
  });
  const loss = mean(valueOf(lossSum) ?? builder.constant(0));
  const updates = sums.map(({ name, value }) => ({
    state: name,
    value: builder.constant(0, 'f32', value.type.shape),
  }));
  const trained = new Set(gradients.map(({ state }) => state));
  const step: Graph = {
    name: graph.name,
    dims: [],
    inputs: [],
    states: [...graph.states.filter(({ name }) => trained.has(name)), ...sums],
    nodes: builder.nodes,
    outputs: [],
    updates,
    gradients,
  };
  return addStep(watch ? watchGradients.run(step) : step, { ...request, loss });
}

/** The weight, or 1 where nothing was counted: the gradients are zero then. */
function positive(builder: GraphBuilder, weight: Value | undefined): Value | undefined {
  if (weight === undefined) return undefined;
  const counts = builder.emit('gt', [weight, builder.constant(0)], {});
  return emitter(builder).select(counts, weight, builder.constant(1));
}
