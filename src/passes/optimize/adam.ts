/** Adam and AdamW, as torch.optim.Adam and torch.optim.AdamW (without amsgrad). */
import type { HostFormula, OptimizerSpec } from '../../ir/graph.ts';
import { apply, learningRate, number, step, type UpdateRule } from './update-context.ts';

export function adamRule(spec: Extract<OptimizerSpec, { name: 'adam' | 'adamw' }>): UpdateRule {
  const { name, beta1, beta2, epsilon, decayVectors } = spec;
  // 1 − β^step loses half its digits in f32.
  const correction = (beta: number): HostFormula =>
    apply('subtract', number(1), apply('power', number(beta), step));
  const stepSize = apply('divide', learningRate, correction(beta1));
  const root = apply('sqrt', correction(beta2));
  const keep = apply('subtract', number(1), apply('multiply', learningRate, number(spec.weightDecay)));
  return (ctx, parameter, gradient) => {
    const { emit, builder } = ctx;
    const average = ctx.state(`${name}.exp_avg`, parameter);
    const square = ctx.state(`${name}.exp_avg_sq`, parameter);
    const isCoupled = name === 'adam';
    const weightDecay = decayVectors || parameter.value.type.shape.length >= 2 ? spec.weightDecay : 0;
    const g = isCoupled ? ctx.addScaled(gradient, parameter.value, weightDecay) : gradient;
    // m ← m + (1 − β₁)(g − m)
    const nextAverage = ctx.flush(ctx.addScaled(average, emit.sub(g, average), 1 - beta1));
    // v ← β₂ v + (1 − β₂) g²
    const nextSquare = ctx.flush(
      ctx.addScaled(builder.withNumber('mul', square, beta2), emit.mul(g, g), 1 - beta2),
    );
    // p ← p − (lr / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)
    const scaledRoot = emit.div(
      emit.unary('sqrt', nextSquare),
      builder.broadcast(ctx.host(`${name}.correction`, root), square.type.shape, []),
    );
    const direction = emit.div(nextAverage, builder.withNumber('add', scaledRoot, epsilon));
    const decayed =
      isCoupled || weightDecay === 0
        ? parameter.value
        : ctx.scale(parameter.value, ctx.host(`${name}.keep`, keep));
    const change = ctx.scale(direction, ctx.host(`${name}.step_size`, stepSize));
    ctx.update(parameter.name, emit.sub(decayed, change));
    ctx.update(`${name}.exp_avg/${parameter.name}`, nextAverage);
    ctx.update(`${name}.exp_avg_sq/${parameter.name}`, nextSquare);
  };
}
