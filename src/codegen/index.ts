/** From fused programs to what a device runs: one plan, and WGSL modules by file name. */
import type {
  Plan,
  PlanGeneration,
  PlanProgram,
  PlanSignature,
  PlanStep,
  PlanTask,
} from '../../runtime/plan.ts';
import type { Graph } from '../ir/graph.ts';
import type { KernelProgram } from '../ir/kernel.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import { layOut } from './buffers.ts';
import { planLoops } from './loops/index.ts';
import { planDim } from './schedules/context.ts';
import { scheduleProgram, type ScheduledProgram, type ScheduledStep } from './schedule.ts';
import type { LaunchRequirements } from './scheduled-kernel.ts';
import { ScheduleMemo } from './schedule-memo.ts';
import { inputRanges } from './input-ranges.ts';
import { ModuleTable } from './modules.ts';
import { splitTables } from './split-tables.ts';
import { planUniforms } from './uniforms.ts';
import type { Target } from './target.ts';

export { CannotPack } from './loops/index.ts';
export { portableTarget, type Target } from './target.ts';

export interface ProgramInput {
  readonly name: PlanProgram['name'];
  readonly kernels: KernelProgram;
  readonly graph: Graph;
}

export interface GenerateInput {
  readonly name: string;
  readonly programs: readonly ProgramInput[];
  readonly signature: PlanSignature;
  readonly task?: PlanTask;
  readonly generation?: PlanGeneration;
  readonly config?: Plan['config'];
  readonly target: Target;
}

export interface Generated {
  readonly plan: Plan;
  /** WGSL by file name relative to the bundle. */
  readonly modules: ReadonlyMap<string, string>;
}

/** Programs whose batches hold all of their rows. */
const wholeBatches: ReadonlySet<PlanProgram['name']> = new Set(['train', 'eval', 'predict']);

/** Deterministic: the same input gives the same bytes. Throws CannotPack. */
export function generate({
  name,
  programs,
  signature,
  task,
  generation,
  config = {},
  target,
}: GenerateInput): Generated {
  const dims = mergeDims(programs);
  const bounds = new Map(dims.map((dim) => [dim.name, dim.bound]));
  const ctx = { target, bounds };
  const schedules = new ScheduleMemo(ctx);
  const scheduled = programs.map(({ kernels }) => {
    const split = splitTables(kernels, target);
    const loops = planLoops(split.program, ctx);
    const parts = new Map([...split.parts, ...loops.parts]);
    return scheduleProgram({ program: loops.program, parts }, (kernel) =>
      schedules.find(kernel, loops.chains.get(kernel)),
    );
  });
  const layout = layOut(
    programs.map(({ graph, kernels }, at) => ({ graph, kernels, scheduled: elementAt(scheduled, at) })),
    { bounds, target },
  );
  const uniforms = planUniforms(dims, programs);
  const modules = new ModuleTable(uniforms);
  const launched: LaunchRequirements[] = [];
  const bound = new Set<number>();
  const planSteps = (steps: readonly ScheduledStep[], program: number): readonly PlanStep[] =>
    steps.map((step): PlanStep => {
      if (step.kind === 'loop')
        return {
          kind: 'loop',
          trip: planDim(step.trip),
          reverse: step.reverse,
          steps: planSteps(step.steps, program),
        };
      const tensors = step.tensors.map((tensor) => layout.tensorOf(program, tensor));
      const buffers = tensors.map((tensor) => layout.tensors[tensor]?.buffer ?? -1);
      launched.push(step.launch.requirements);
      for (const tensor of tensors) bound.add(tensor);
      const kernel = modules.add(step.kernel, step.launch, { buffers, stores: step.stores });
      return { kind: 'dispatch', kernel, tensors, workgroups: step.launch.workgroups };
    });
  const declared = new Map([...signature.inputs, ...(task?.targets ?? [])].map((each) => [each.name, each]));
  const planned = programs.map(({ name: program, graph, kernels }, at): PlanProgram => {
    const ranges = inputRanges(graph);
    return {
      name: program,
      inputs: kernels.inputs.map((input) => {
        // What the graph does not show: class numbers of a loss are compared, not looked up.
        const range = ranges.get(input.name) ?? declared.get(input.name)?.range;
        // Of a text that grows, a program sees the new tokens alone.
        const along = wholeBatches.has(program) ? declared.get(input.name)?.along : undefined;
        const tensor = layout.tensorOf(at, input.slot);
        return {
          name: input.name,
          tensor,
          ...(range === undefined ? {} : { range }),
          ...(along === undefined ? {} : { along }),
        };
      }),
      outputs: kernels.outputs.map((output) => ({
        name: output.name,
        tensor: layout.tensorOf(at, output.slot),
      })),
      steps: planSteps(elementAt<ScheduledProgram>(scheduled, at).steps, at),
      carries: graph.states.flatMap(({ name: state, role }) =>
        role === 'carry' ? [layout.states.findIndex((each) => each.name === state)] : [],
      ),
    };
  });
  const { kernels, texts } = modules.finish();
  const plan: Plan = {
    format: 'lmc-plan',
    version: 1,
    name,
    requirements: {
      features: [...new Set(launched.flatMap(({ features }) => features))].toSorted(),
      storageBuffers: Math.max(1, ...kernels.map(({ access }) => access.length)),
      bindingBytes: Math.max(4, ...[...bound].map((tensor) => layout.tensors[tensor]?.bytes ?? 0)),
      invocations: Math.max(1, ...launched.map(({ invocations }) => invocations)),
      workgroupBytes: Math.max(0, ...launched.map(({ workgroupBytes }) => workgroupBytes)),
      subgroupSize: Math.max(0, ...launched.map(({ subgroupSize }) => subgroupSize)),
    },
    dims,
    uniforms,
    buffers: layout.buffers,
    tensors: layout.tensors,
    states: layout.states,
    kernels,
    programs: planned,
    signature,
    ...(task === undefined ? {} : { task }),
    ...(generation === undefined ? {} : { generation }),
    ...(Object.keys(config).length === 0 ? {} : { config }),
  };
  return { plan, modules: texts };
}

/** The dims of all programs; the same name has the same bound everywhere. */
function mergeDims(programs: readonly ProgramInput[]): Plan['dims'] {
  const bounds = new Map<string, number>();
  for (const { kernels } of programs) for (const { name, bound } of kernels.dims) bounds.set(name, bound);
  return [...bounds].map(([name, bound]) => ({ name, bound }));
}

function elementAt<T>(list: readonly T[], at: number): T {
  const element = list[at];
  if (element === undefined) throw new InternalError('a program is missing');
  return element;
}
