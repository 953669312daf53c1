/**
 * Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2): each element moves by the
 * learning rate, in the direction of the sign of an average; weight decay is no part of the gradient.
 */
import type { OptimizerSpec } from '../../ir/graph.ts';
import type { UpdateRule } from './update-context.ts';

export function lionRule(spec: Extract<OptimizerSpec, { name: 'lion' }>): UpdateRule {
  const { beta1, beta2 } = spec;
  return (ctx, trained) => {
    const { emit } = ctx;
    const { parameter, gradient } = trained;
    const average = ctx.state('lion.exp_avg', parameter);
    const direction = ctx.mix(average, gradient, 1 - beta1);
    const zero = emit.like(average, 0);
    const sign = emit.select(
      emit.binary('lt', zero, direction),
      emit.like(average, 1),
      emit.select(emit.binary('lt', direction, zero), emit.like(average, -1), zero),
    );
    const lr = ctx.rated('lr', trained, (rate) => rate);
    ctx.update(parameter.name, emit.sub(ctx.decay('lion', trained), ctx.scale(sign, lr)));
    ctx.update(`lion.exp_avg/${parameter.name}`, ctx.flush(ctx.mix(average, gradient, 1 - beta2)));
  };
}
