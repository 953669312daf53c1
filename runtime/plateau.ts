/** `schedule = reduce_on_plateau{…}`: the rate falls where validations no longer improve, as torch's ReduceLROnPlateau. */
import type { PlanCall, PlanTask } from './plan.ts';
import { scheduleOf, scheduleOption } from './schedule.ts';

/** Between two validations. */
export interface PlateauState {
  /** From which the warm-up is over. */
  readonly lr: number;
  /** The best score so far; absent before the first that is a number. */
  readonly best?: number;
  /** Validations without a better one since then, or since the rate fell. */
  readonly bad: number;
  /** Validations after a fall that do not count, still to come. */
  readonly cooldown: number;
}

/** Changes that are smaller are none: PyTorch's `eps`. */
const leastChange = 1e-8;

/** The task's schedule, where validations drive it. */
export function plateauOf(task: PlanTask): PlanCall | undefined {
  const call = scheduleOf(task);
  return call?.builder === 'reduce_on_plateau' ? call : undefined;
}

/** After one more validation. `sign`: 1 where more is better. `peak`: the optimiser's rate. */
export function stepPlateau(
  call: PlanCall,
  before: PlateauState | undefined,
  { score, sign, peak }: { readonly score: number; readonly sign: 1 | -1; readonly peak: number },
): PlateauState {
  const option = (name: string): number => scheduleOption(call, name);
  const { lr, best, bad, cooldown } = before ?? { lr: peak, bad: 0, cooldown: 0, best: undefined };
  const isBetter =
    Number.isFinite(score) &&
    (best === undefined || sign * score > sign * best * (1 + sign * option('threshold')));
  const kept = isBetter ? { best: score } : best === undefined ? {} : { best };
  const worse = cooldown > 0 || isBetter ? 0 : bad + 1;
  if (worse <= option('patience')) return { lr, ...kept, bad: worse, cooldown: Math.max(0, cooldown - 1) };
  const lower = Math.max(lr * option('factor'), option('min_lr'));
  return { lr: lr - lower > leastChange ? lower : lr, ...kept, bad: 0, cooldown: option('cooldown') };
}
