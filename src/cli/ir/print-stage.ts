/** Stages of the compiler as text. */
import { portableTarget } from '../../codegen/index.ts';
import { printPlan } from '../../codegen/print-plan.ts';
import {
  completePrograms,
  generateModel,
  mapPrograms,
  type ByProgram,
  type ProgramName,
} from '../../compile.ts';
import { unreachable } from '../../diagnostics/diagnostic.ts';
import type { Graph } from '../../ir/graph.ts';
import { printKernelProgram } from '../../ir/print-kernel.ts';
import { printGraph } from '../../ir/print.ts';
import type { LoweredModel } from '../../lower/index.ts';
import { runPasses, type PassOptions } from '../../passes/driver.ts';
import { fuseGraph } from '../../passes/fuse/index.ts';
import type { PlanStep } from '../../../runtime/plan.ts';

/** What can be printed of a program that was lowered; the syntax tree comes before that. */
export const graphStages = ['graph', 'train', 'fused', 'kernel', 'schedule', 'wgsl'] as const;
export type GraphStage = (typeof graphStages)[number];

/**
 * `passes` observes the chosen program only; the others are needed where memory is planned for all. Programs that are
 * made from another one are observed as that. Undefined where the model has no such program.
 */
export function printStage(
  stage: GraphStage,
  lowered: LoweredModel,
  program: ProgramName,
  passes: PassOptions,
): string | undefined {
  const graphs: ByProgram<Graph> = lowered.graphs;
  const source = graphs[program] !== undefined ? program : program === 'update' ? 'train' : 'decode';
  const graph = graphs[source];
  if (graph === undefined) return undefined;
  if (stage === 'graph' && source === program) return printGraph(graph);
  const { observe, ...silent } = passes;
  if (stage !== 'schedule' && stage !== 'wgsl') {
    const whole = runPasses(graph, passes);
    const optimized = completePrograms(lowered, { [source]: whole }, silent)[program];
    if (optimized === undefined) return undefined;
    if (stage === 'graph') return printGraph(optimized);
    if (stage === 'train') return printGraph(optimized);
    const { storageBuffers, bindingBytes } = portableTarget;
    return printKernelProgram(fuseGraph(optimized, { storageBuffers, packBytes: bindingBytes }), stage);
  }
  const whole = mapPrograms(graphs, (each, name) =>
    runPasses(each, name === source && observe !== undefined ? { ...silent, observe } : silent),
  );
  const optimized = completePrograms(lowered, whole, silent);
  if (optimized[program] === undefined) return undefined;
  const { plan, modules } = generateModel({ lowered, graphs: optimized }, portableTarget).generated;
  if (stage === 'schedule') return printPlan(plan, program);
  const used = new Set(kernelsOf(plan.programs.find(({ name }) => name === program)?.steps ?? []));
  return plan.kernels
    .flatMap(({ file }, at) => (used.has(at) ? [`// ${file}\n${modules.get(file)?.trimEnd() ?? ''}\n`] : []))
    .join('\n');
}

function kernelsOf(steps: readonly PlanStep[]): readonly number[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case 'dispatch':
        return [step.kernel];
      case 'loop':
        return kernelsOf(step.steps);
      case 'clear':
        return [];
      default:
        return unreachable(step, 'a step of a plan');
    }
  });
}
