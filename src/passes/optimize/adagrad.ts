/** Adagrad (Duchi, Hazan and Singer 2011), with the options and the arithmetic of torch.optim.Adagrad. */
import type { OptimizerSpec } from '../../ir/graph.ts';
import { apply, number, step, type UpdateRule } from './update-context.ts';

export function adagradRule(spec: Extract<OptimizerSpec, { name: 'adagrad' }>): UpdateRule {
  const { lrDecay, initialAccumulator, epsilon } = spec;
  // 1 + (step − 1) · lr_decay
  const slowing = apply(
    'add',
    number(1),
    apply('multiply', apply('subtract', step, number(1)), number(lrDecay)),
  );
  return (ctx, trained) => {
    const { emit, builder } = ctx;
    const { parameter, gradient, weightDecay } = trained;
    const g = ctx.addScaled(gradient, parameter.value, weightDecay);
    const sum = ctx.state('adagrad.sum', parameter, initialAccumulator);
    const nextSum = emit.binary('add', sum, emit.mul(g, g));
    ctx.update(`adagrad.sum/${parameter.name}`, nextSum);
    const direction = emit.div(g, builder.withNumber('add', emit.unary('sqrt', nextSum), epsilon));
    const rate = ctx.rated('adagrad.rate', trained, (lr) => apply('divide', lr, slowing));
    ctx.update(parameter.name, emit.sub(parameter.value, ctx.scale(direction, rate)));
  };
}
