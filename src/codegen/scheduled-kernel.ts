/** What a schedule makes of a kernel: one or more launches, and how to print each as WGSL. */
import type { PlanCount, PlanUniform } from '../../runtime/plan.ts';
import type { TensorType } from '../ir/types.ts';

export type Access = 'read' | 'read_write';

/** What a launch needs of the device. */
export interface LaunchRequirements {
  readonly features: readonly string[];
  readonly invocations: number;
  readonly workgroupBytes: number;
  /** 0: any. */
  readonly subgroupSize: number;
}

export interface LaunchOperand {
  /** An operand of the kernel, or a temporary of the schedule. */
  readonly kind: 'operand' | 'temporary';
  readonly index: number;
}

export interface ScheduledLaunch {
  readonly name: string;
  readonly operands: readonly LaunchOperand[];
  readonly workgroups: PlanCount;
  /** How many enclosing loops' positions it reads. */
  readonly loopDepth: number;
  /** WGSL. `access` has one entry for each operand: memory planning may widen `read`. */
  readonly print: (access: readonly Access[], uniforms: readonly PlanUniform[]) => string;
  readonly requirements: LaunchRequirements;
}

export interface ScheduledKernel {
  /** Buffers that live from the first launch to the last. */
  readonly temporaries: readonly TensorType[];
  /** In order. */
  readonly launches: readonly ScheduledLaunch[];
}
