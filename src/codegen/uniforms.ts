/** The uniform block of a plan: sizes, what keys random numbers, and the host's numbers. */
import type { PlanUniform } from '../../runtime/plan.ts';
import type { Graph } from '../ir/graph.ts';

export function planUniforms(
  dims: readonly { readonly name: string }[],
  programs: readonly {
    readonly graph: Graph;
    readonly kernels: { readonly hostNumbers: readonly string[] };
  }[],
): readonly PlanUniform[] {
  const uniforms: PlanUniform[] = dims.map(({ name }) => ({ kind: 'dim', name }));
  uniforms.push({ kind: 'seed' }, { kind: 'step' });
  const known = new Set<string>();
  for (const { graph, kernels } of programs) {
    for (const input of graph.inputs) {
      if (input.role !== 'host' || known.has(input.name) || !kernels.hostNumbers.includes(input.name))
        continue;
      known.add(input.name);
      uniforms.push({ kind: 'host', name: input.name, formula: input.formula });
    }
  }
  return uniforms;
}
