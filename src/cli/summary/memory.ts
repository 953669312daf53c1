/** What training takes of the device's memory, from the plan alone. */
import type { Plan, PlanStep } from '../../../runtime/plan.ts';
import { sessionBytes } from '../../../runtime/session-memory.ts';

export interface MemorySummary {
  /** Bytes by role; together what a session allocates. */
  readonly byRole: readonly { readonly role: string; readonly bytes: number }[];
  readonly peak: number;
  /** Temporaries of the step: what they would take each by itself, and the arenas that they share. */
  readonly temporaries: number;
  readonly arena: number;
  readonly largestBuffer: number;
}

export function summarizeMemory(plan: Plan): MemorySummary {
  const roles = new Map<string, number>();
  for (const { role, bytes } of plan.buffers) roles.set(role, (roles.get(role) ?? 0) + bytes);
  const program = plan.programs.find(({ name }) => name === 'train') ?? plan.programs[0];
  const used = new Set(tensorsOf(program?.steps ?? []));
  const temporaries = plan.tensors
    .filter((tensor, index) => used.has(index) && plan.buffers[tensor.buffer]?.role === 'arena')
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const { plan: planned, own } = sessionBytes(plan);
  return {
    byRole: [...roles, ['session', own] as const].map(([role, bytes]) => ({ role, bytes })),
    peak: planned + own,
    temporaries,
    arena: roles.get('arena') ?? 0,
    largestBuffer: Math.max(0, ...plan.buffers.map(({ bytes }) => bytes)),
  };
}

function tensorsOf(steps: readonly PlanStep[]): readonly number[] {
  return steps.flatMap((step) => {
    if (step.kind === 'loop') return tensorsOf(step.steps);
    return step.kind === 'clear' ? [step.tensor] : step.tensors;
  });
}
