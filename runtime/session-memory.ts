/** What a session allocates beside the plan's buffers, and all of it together: known before anything is opened. */
import { positionStride } from './gpu-constants.ts';
import { largestTrip } from './loop-trips.ts';
import type { Plan, PlanProgram } from './plan.ts';

export function uniformBytes(plan: Plan): number {
  return Math.max(16, Math.ceil(plan.uniforms.length / 4) * 16);
}

/** Positions of loops, from which kernels read theirs at a dynamic offset. */
export function positionBytes(plan: Plan): number {
  return positionStride * Math.max(1, largestTrip(plan));
}

/** One staging buffer: a program's outputs at the bounds. */
export function stagingBytes(plan: Plan, program: PlanProgram): number {
  return program.outputs.reduce((sum, { tensor }) => sum + (plan.tensors[tensor]?.bytes ?? 0), 0);
}

/**
 * A session's bytes when it is open: the plan's buffers, and the session's own. Where outputs of several runs are waited
 * for at a time, each takes one more staging buffer.
 */
export function sessionBytes(plan: Plan): { readonly plan: number; readonly own: number } {
  const rounded = (bytes: number): number => Math.max(4, Math.ceil(bytes / 4) * 4);
  return {
    plan: plan.buffers.reduce((sum, { bytes }) => sum + rounded(bytes), 0),
    own:
      uniformBytes(plan) +
      positionBytes(plan) +
      plan.programs.reduce((sum, program) => sum + rounded(stagingBytes(plan, program)), 0),
  };
}
