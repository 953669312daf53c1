/** How often the loops of a plan turn. */
import type { Plan, PlanDim, PlanStep } from './plan.ts';
import { evaluateDim } from './plan-numbers.ts';

/** The most turns that any loop can take. */
export function largestTrip(plan: Plan): number {
  const bounds = new Map(plan.dims.map(({ name, bound }) => [name, bound]));
  const most = (dim: PlanDim): number =>
    evaluateDim(
      dim.filter(({ coefficient }) => coefficient > 0),
      bounds,
    );
  const visit = (steps: readonly PlanStep[]): number =>
    steps.reduce(
      (trip, step) => (step.kind === 'loop' ? Math.max(trip, most(step.trip), visit(step.steps)) : trip),
      0,
    );
  return Math.max(0, ...plan.programs.map(({ steps }) => visit(steps)));
}
