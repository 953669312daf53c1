/** Stochastic gradient descent with momentum, as torch.optim.SGD. */
import type { OptimizerSpec } from '../../ir/graph.ts';
import { apply, number, step, type UpdateRule } from './update-context.ts';

export function sgdRule(spec: Extract<OptimizerSpec, { name: 'sgd' }>): UpdateRule {
  const { momentum, dampening, nesterov } = spec;
  return (ctx, trained) => {
    const { parameter, gradient, weightDecay } = trained;
    const decayed = ctx.addScaled(gradient, parameter.value, weightDecay);
    let direction = decayed;
    if (momentum !== 0) {
      const buffer = ctx.state('sgd.momentum_buffer', parameter);
      // The first buffer is the gradient itself, without dampening: 1 − d (1 − 0^(step − 1)).
      const isFirst = apply('power', number(0), apply('subtract', step, number(1)));
      const share = apply(
        'subtract',
        number(1),
        apply('multiply', number(dampening), apply('subtract', number(1), isFirst)),
      );
      const term = dampening === 0 ? decayed : ctx.scale(decayed, ctx.host('sgd.share', share));
      const next = ctx.addScaled(term, buffer, momentum);
      ctx.update(`sgd.momentum_buffer/${parameter.name}`, next);
      direction = nesterov ? ctx.addScaled(decayed, next, momentum) : next;
    }
    const lr = ctx.rated('lr', trained, (rate) => rate);
    ctx.update(parameter.name, ctx.emit.sub(parameter.value, ctx.scale(direction, lr)));
  };
}
