/** Puts a module together: bindings, helpers, the entry point. The header with the sources is added by the plan. */
import type { PlanUniform } from '../../../runtime/plan.ts';
import type { KernelOperand } from '../../ir/kernel.ts';
import type { DType } from '../../ir/types.ts';
import type { Access } from '../scheduled-kernel.ts';
import { printHelpers, type HelperName } from './functions.ts';
import { commentLine } from './names.ts';
import { uniformNames } from './uniforms.ts';

const ELEMENT: Record<DType, string> = { f32: 'f32', i32: 'i32', bool: 'u32' };

export interface ModuleParts {
  /** How the kernel is laid out on the device, for the reader. */
  readonly schedule: string;
  readonly operands: readonly KernelOperand[];
  readonly operandNames: readonly string[];
  readonly access: readonly Access[];
  readonly uniforms: readonly PlanUniform[];
  readonly loopDepth: number;
  readonly helpers: Iterable<HelperName>;
  readonly workgroupSize: number;
  /** Declarations of workgroup memory. */
  readonly shared?: readonly string[];
  /** `enable subgroups;` */
  readonly subgroups?: boolean;
  readonly body: readonly string[];
}

export function printModule(parts: ModuleParts): string {
  const { operands, operandNames, access, loopDepth } = parts;
  const bindings = operands.map(
    ({ type }, at) =>
      `@group(0) @binding(${at}) var<storage, ${access[at] ?? 'read'}> ${operandNames[at] ?? ''}: array<${ELEMENT[type.dtype]}>;`,
  );
  const loops = Array.from(
    { length: loopDepth },
    (_, at) => `@group(2) @binding(${at}) var<uniform> loop_${at}: i32;`,
  );
  const subgroupParameters =
    parts.subgroups === true ? ', @builtin(subgroup_invocation_id) sub_lane: u32' : '';
  return [
    ...(parts.subgroups === true ? ['enable subgroups;'] : []),
    commentLine(parts.schedule),
    ...uniformNames(parts.uniforms).declaration,
    ...bindings,
    ...loops,
    ...(parts.shared ?? []),
    '',
    ...printHelpers(parts.helpers).flatMap((text) => [text, '']),
    `@compute @workgroup_size(${parts.workgroupSize})`,
    `fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32${subgroupParameters}) {`,
    '  let group = workgroup.x + workgroup.y * workgroups.x;',
    ...parts.body.map((line) => (line === '' ? '' : `  ${line}`)),
    '}',
    '',
  ].join('\n');
}
