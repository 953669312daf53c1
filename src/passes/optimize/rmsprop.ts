/** RMSprop (Hinton 2012, lecture 6e), with the options and the arithmetic of torch.optim.RMSprop. */
import type { OptimizerSpec } from '../../ir/graph.ts';
import type { UpdateRule } from './update-context.ts';

export function rmspropRule(spec: Extract<OptimizerSpec, { name: 'rmsprop' }>): UpdateRule {
  const { alpha, epsilon, momentum, centered } = spec;
  return (ctx, trained) => {
    const { emit, builder } = ctx;
    const { parameter, gradient, weightDecay } = trained;
    const g = ctx.addScaled(gradient, parameter.value, weightDecay);
    const square = ctx.state('rmsprop.square_avg', parameter);
    // v ← α v + (1 − α) g²
    const nextSquare = ctx.flush(
      ctx.addScaled(builder.withNumber('mul', square, alpha), emit.mul(g, g), 1 - alpha),
    );
    ctx.update(`rmsprop.square_avg/${parameter.name}`, nextSquare);
    let variance = nextSquare;
    if (centered) {
      const average = ctx.flush(ctx.mix(ctx.state('rmsprop.grad_avg', parameter), g, 1 - alpha));
      ctx.update(`rmsprop.grad_avg/${parameter.name}`, average);
      // Rounding makes the difference of a constant gradient negative, and its root NaN; PyTorch has that fault.
      variance = emit.binary('max', emit.sub(nextSquare, emit.mul(average, average)), emit.like(square, 0));
    }
    let direction = emit.div(g, builder.withNumber('add', emit.unary('sqrt', variance), epsilon));
    if (momentum !== 0) {
      const buffer = ctx.state('rmsprop.momentum_buffer', parameter);
      direction = ctx.addScaled(direction, buffer, momentum);
      ctx.update(`rmsprop.momentum_buffer/${parameter.name}`, direction);
    }
    const lr = ctx.rated('lr', trained, (rate) => rate);
    ctx.update(parameter.name, emit.sub(parameter.value, ctx.scale(direction, lr)));
  };
}
