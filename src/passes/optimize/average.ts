/**
 * The exponential moving average of the parameters, as torch.optim.swa_utils' AveragedModel with get_ema_multi_avg_fn:
 * after the first step it is what the parameters are, then average ← average + (1 − decay)(p − average).
 */
import type { GraphState, Value } from '../../ir/graph.ts';
import { apply, number, step, type UpdateContext } from './update-context.ts';

/** The state that holds the average of a parameter; no parameter has a slash in its name. */
export function averageName(parameter: string): string {
  return `average/${parameter}`;
}

/** Of each parameter that `ctx` updates, from its new value. */
export function addAverages(ctx: UpdateContext, states: readonly GraphState[], decay: number): void {
  // 1 − decay (1 − 0^(step − 1)): the whole of it in the first step.
  const isFirst = apply('power', number(0), apply('subtract', step, number(1)));
  const kept = apply('multiply', number(decay), apply('subtract', number(1), isFirst));
  const share = ctx.host('average.share', apply('subtract', number(1), kept));
  const trained = ctx.updates.flatMap(({ state, value }) => {
    const parameter = states.find(({ name, role }) => name === state && role === 'parameter');
    return parameter === undefined ? [] : [{ parameter, value }];
  });
  for (const { parameter, value } of trained) {
    const { name } = parameter;
    const average: Value = { type: value.type, name: averageName(name) };
    ctx.states.push({ ...parameter, name: averageName(name), value: average, role: 'average' });
    const moved = ctx.emit.binary('add', average, ctx.scale(ctx.emit.sub(value, average), share));
    ctx.update(averageName(name), moved);
  }
}
