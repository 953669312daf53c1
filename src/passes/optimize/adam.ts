/** Adam and AdamW, with the options of torch.optim.Adam and torch.optim.AdamW. */
import type { HostFormula, OptimizerSpec } from '../../ir/graph.ts';
import { apply, number, step, type UpdateRule } from './update-context.ts';

export function adamRule(spec: Extract<OptimizerSpec, { name: 'adam' | 'adamw' }>): UpdateRule {
  const { name, beta1, beta2, epsilon, amsgrad } = spec;
  // 1 − β^step loses half its digits in f32.
  const correction = (beta: number): HostFormula =>
    apply('subtract', number(1), apply('power', number(beta), step));
  const root = apply('sqrt', correction(beta2));
  return (ctx, trained) => {
    const { emit, builder } = ctx;
    const { parameter, gradient, weightDecay } = trained;
    const average = ctx.state(`${name}.exp_avg`, parameter);
    const square = ctx.state(`${name}.exp_avg_sq`, parameter);
    const isCoupled = name === 'adam';
    const g = isCoupled ? ctx.addScaled(gradient, parameter.value, weightDecay) : gradient;
    // m ← m + (1 − β₁)(g − m)
    const nextAverage = ctx.flush(ctx.mix(average, g, 1 - beta1));
    // v ← β₂ v + (1 − β₂) g²
    const nextSquare = ctx.flush(
      ctx.addScaled(builder.withNumber('mul', square, beta2), emit.mul(g, g), 1 - beta2),
    );
    let scale = nextSquare;
    if (amsgrad) {
      scale = emit.binary('max', ctx.state(`${name}.max_exp_avg_sq`, parameter), nextSquare);
      ctx.update(`${name}.max_exp_avg_sq/${parameter.name}`, scale);
    }
    // p ← p − (lr / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)
    const scaledRoot = emit.div(
      emit.unary('sqrt', scale),
      builder.broadcast(ctx.host(`${name}.correction`, root), square.type.shape, []),
    );
    const direction = emit.div(nextAverage, builder.withNumber('add', scaledRoot, epsilon));
    const decayed = isCoupled ? parameter.value : ctx.decay(name, trained);
    const stepSize = ctx.rated(`${name}.step_size`, trained, (lr) => apply('divide', lr, correction(beta1)));
    ctx.update(parameter.name, emit.sub(decayed, ctx.scale(direction, stepSize)));
    ctx.update(`${name}.exp_avg/${parameter.name}`, nextAverage);
    ctx.update(`${name}.exp_avg_sq/${parameter.name}`, nextSquare);
  };
}
