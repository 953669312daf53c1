/** The uniform block: its declaration, and what expressions call its members. */
import type { PlanUniform } from '../../../runtime/plan.ts';
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { escapeName } from './names.ts';

export interface UniformNames {
  readonly seed: string;
  readonly step: string;
  readonly dim: (name: string) => string;
  readonly host: (name: string) => string;
  readonly declaration: readonly string[];
}

export function uniformNames(uniforms: readonly PlanUniform[]): UniformNames {
  const members = uniforms.map((uniform, at) => {
    switch (uniform.kind) {
      case 'dim':
        return { name: `d${at}_${escapeName(uniform.name)}`, type: 'i32' };
      case 'host':
        return { name: `h${at}_${escapeName(uniform.name)}`, type: 'f32' };
      default:
        return { name: uniform.kind, type: 'u32' };
    }
  });
  const find = (what: string, test: (uniform: PlanUniform) => boolean): string => {
    const member = members[uniforms.findIndex(test)];
    if (member === undefined) throw new InternalError(`the uniforms lack ${what}`);
    return `uniforms.${member.name}`;
  };
  return {
    seed: 'uniforms.seed',
    step: 'uniforms.step',
    dim: (name) => find(`dim ${name}`, (each) => each.kind === 'dim' && each.name === name),
    host: (name) => find(`the number ${name}`, (each) => each.kind === 'host' && each.name === name),
    declaration: [
      'struct Uniforms {',
      ...members.map(({ name, type }) => `  ${name}: ${type},`),
      '}',
      '@group(1) @binding(0) var<uniform> uniforms: Uniforms;',
    ],
  };
}
