/**
 * Adds clipping and the optimizer's step: updates of parameters and of the optimizer's own states, and the output
 * `grad_norm`, the total norm before clipping. The arithmetic is PyTorch's (torch.optim, torch.nn.utils.
 * clip_grad_norm_), bias corrections as numbers of the host. A parameter without a gradient is left alone. Where several
 * batches make a step, gradients are added up instead, and `accumulate.ts` makes the program of the step. Needs:
 * gradients. Gives: a complete program, without request and gradients.
 */
import { GraphBuilder } from '../ir/builder.ts';
import type { Graph, OptimizerSpec, Origin, TrainingRequest, Value } from '../ir/graph.ts';
import { inferTypes } from '../ops/index.ts';
import { emitter } from '../ops/emit.ts';
import { adagradRule } from './optimize/adagrad.ts';
import { adamRule } from './optimize/adam.ts';
import { addAverages } from './optimize/average.ts';
import { lionRule } from './optimize/lion.ts';
import { rmspropRule } from './optimize/rmsprop.ts';
import { sgdRule } from './optimize/sgd.ts';
import { addSums } from './optimize/sums.ts';
import { UpdateContext, type Trained, type UpdateRule } from './optimize/update-context.ts';
import type { Pass } from './pass.ts';

export const optimize: Pass = {
  name: 'optimize',
  requires: ['differentiated'],
  ensures: ['complete'],
  run(graph: Graph): Graph {
    const { training } = graph;
    if (training === undefined) return graph;
    return training.accumulates === true ? addSums(graph, training) : addStep(graph, training);
  },
};

/** `request`: clipping, the rule, its groups, and the loss that is put out. */
export function addStep(graph: Graph, request: TrainingRequest): Graph {
  const { gradients = [], training: _training, ...kept } = graph;
  const { span, derivation } = request.origin;
  const origin: Origin = { span, derivation: [...derivation, 'optimizer'] };
  const builder = new GraphBuilder(inferTypes, origin);
  const ctx = new UpdateContext(builder, graph.inputs);
  const norm = totalNorm(
    builder,
    gradients.map((gradient) => gradient.value),
  );
  const { clipValue, clipNorm, groups = [] } = request;
  const clamped =
    clipValue === undefined
      ? gradients
      : gradients.map(({ state, value }) => ({ state, value: clamp(builder, value, clipValue) }));
  const limited =
    clipValue === undefined || clipNorm === undefined
      ? norm
      : totalNorm(
          builder,
          clamped.map((gradient) => gradient.value),
          'clamped_norm',
        );
  const factor = clipNorm === undefined ? undefined : clipFactor(builder, limited, clipNorm);
  const rule = ruleOf(request.optimizer);
  for (const { state: name, value } of clamped) {
    const parameter = graph.states.find((candidate) => candidate.name === name);
    if (parameter === undefined) continue;
    const group = groups.find(({ parameters }) => parameters.includes(name));
    const trained: Trained = {
      parameter,
      gradient: factor === undefined ? value : scale(builder, value, factor),
      weightDecay: group?.weightDecay ?? request.optimizer.weightDecay,
      rateScale: group?.rateScale ?? 1,
    };
    builder.at({ span: origin.span, derivation: origin.derivation }, () => rule(ctx, trained));
  }
  if (request.average !== undefined) addAverages(ctx, graph.states, request.average);
  const outputs = graph.outputs.filter((output) => output.name !== 'grad_norm');
  const named = outputs.some((output) => output.name === 'loss')
    ? outputs
    : [...outputs, { name: 'loss', value: request.loss }];
  return {
    ...kept,
    inputs: ctx.inputs,
    states: [...graph.states, ...ctx.states],
    nodes: [...graph.nodes, ...builder.nodes],
    outputs: [...named, { name: 'grad_norm', value: norm }],
    updates: [...graph.updates, ...ctx.updates],
  };
}

function ruleOf(optimizer: OptimizerSpec): UpdateRule {
  switch (optimizer.name) {
    case 'sgd':
      return sgdRule(optimizer);
    case 'adam':
    case 'adamw':
      return adamRule(optimizer);
    case 'rmsprop':
      return rmspropRule(optimizer);
    case 'adagrad':
      return adagradRule(optimizer);
    case 'lion':
      return lionRule(optimizer);
  }
}

/** The 2-norm of all gradients as one vector. */
function totalNorm(builder: GraphBuilder, gradients: readonly Value[], name = 'grad_norm'): Value {
  const squares = gradients.map((gradient) =>
    builder.sum(
      builder.emit('mul', [gradient, gradient], {}),
      gradient.type.shape.map((_, axis) => axis),
    ),
  );
  const [first = builder.constant(0), ...more] = squares;
  const total = more.reduce((sum, square) => builder.emit('add', [sum, square], {}), first);
  return builder.emit('sqrt', [total], {}, name);
}

/** Each element from −limit to limit, as torch.nn.utils.clip_grad_value_. */
function clamp(builder: GraphBuilder, value: Value, limit: number): Value {
  return builder.withNumber('max', builder.withNumber('min', value, limit), -limit);
}

/** min(1, limit / (norm + 1e−6)) */
function clipFactor(builder: GraphBuilder, norm: Value, limit: number): Value {
  const ratio = emitter(builder).div(builder.constant(limit), builder.withNumber('add', norm, 1e-6));
  return builder.withNumber('min', ratio, 1);
}

function scale(builder: GraphBuilder, value: Value, factor: Value): Value {
  return builder.emit('mul', [value, builder.broadcast(factor, value.type.shape, [])], {});
}
