/**
 * What the GPU does in one run of a program at given sizes, as a flat list: loops are unrolled into dispatches that
 * differ in a dynamic offset only. Made once for each set of sizes, encoded for every run.
 */
import { positionStride, workgroupsPerDimension } from './gpu-constants.ts';
import type { CompiledKernel } from './gpu-pipelines.ts';
import type { Plan, PlanStep } from './plan.ts';
import { countElements, countWorkgroups, evaluateDim, evaluateShape, type Sizes } from './plan-numbers.ts';

export interface Dispatch {
  readonly kind: 'dispatch';
  readonly kernel: CompiledKernel;
  readonly operands: GPUBindGroup;
  /** Offsets into the buffer of positions, innermost loop first; undefined where the kernel reads none. */
  readonly positions: Uint32Array | undefined;
  readonly x: number;
  readonly y: number;
}

export type Command =
  | Dispatch
  | { readonly kind: 'clear'; readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number };

/** About how much there is to do, in workgroups: a launch costs as much as a few of them. */
export function volumeOf(commands: readonly Command[]): number {
  return commands.reduce(
    (sum, each) => sum + launchVolume + (each.kind === 'dispatch' ? each.x * each.y : 0),
    0,
  );
}
const launchVolume = 8;

/** The objects that commands refer to. */
export interface Resources {
  readonly device: GPUDevice;
  readonly plan: Plan;
  readonly buffers: readonly GPUBuffer[];
  readonly kernels: readonly CompiledKernel[];
  /** Bind groups of operands by kernel layout and tensors: equal ones are shared between steps and programs. */
  readonly groups: Map<string, GPUBindGroup>;
}

export function flattenSteps(
  resources: Resources,
  steps: readonly PlanStep[],
  sizes: Sizes,
): readonly Command[] {
  const commands: Command[] = [];
  const visit = (list: readonly PlanStep[], positions: readonly number[]): void => {
    for (const step of list) {
      switch (step.kind) {
        case 'dispatch':
          addDispatch(resources, step, positions, sizes, commands);
          break;
        case 'loop': {
          const trip = evaluateDim(step.trip, sizes);
          for (let turn = 0; turn < trip; turn++) {
            visit(step.steps, [step.reverse ? trip - 1 - turn : turn, ...positions]);
          }
          break;
        }
        case 'clear':
          addClear(resources, step.tensor, sizes, commands);
          break;
        default:
          step satisfies never;
      }
    }
  };
  visit(steps, []);
  return commands;
}

function addDispatch(
  resources: Resources,
  step: Extract<PlanStep, { kind: 'dispatch' }>,
  positions: readonly number[],
  sizes: Sizes,
  commands: Command[],
): void {
  const kernel = at(resources.kernels, step.kernel);
  const workgroups = countWorkgroups(step.workgroups, sizes);
  if (workgroups === 0) return;
  const y = Math.ceil(workgroups / workgroupsPerDimension);
  commands.push({
    kind: 'dispatch',
    kernel,
    operands: operandGroup(resources, kernel, step),
    positions:
      kernel.loopDepth === 0
        ? undefined
        : Uint32Array.from(positions.slice(0, kernel.loopDepth), (position) => position * positionStride),
    x: Math.ceil(workgroups / y),
    y,
  });
}

function operandGroup(
  { device, plan, buffers, groups }: Resources,
  kernel: CompiledKernel,
  step: Extract<PlanStep, { kind: 'dispatch' }>,
): GPUBindGroup {
  const key = `${at(plan.kernels, step.kernel).access.join()} ${step.tensors.join()}`;
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group = device.createBindGroup({
    layout: kernel.operands,
    entries: step.tensors.map((index, binding) => {
      const { buffer, offset, bytes } = at(plan.tensors, index);
      const size = Math.max(4, Math.ceil(bytes / 4) * 4);
      return { binding, resource: { buffer: at(buffers, buffer), offset, size } };
    }),
  });
  groups.set(key, group);
  return group;
}

function addClear(resources: Resources, index: number, sizes: Sizes, commands: Command[]): void {
  const { buffer, offset, shape } = at(resources.plan.tensors, index);
  const bytes = 4 * countElements(evaluateShape(shape, sizes));
  if (bytes > 0) commands.push({ kind: 'clear', buffer: at(resources.buffers, buffer), offset, bytes });
}

/** What every dispatch binds beside its operands. */
export interface SharedGroups {
  readonly uniforms: GPUBindGroup;
  /** By loop depth. */
  readonly positions: ReadonlyMap<number, GPUBindGroup>;
}

/** State that a pass has already, so that only differences are encoded: each call into Dawn costs. */
export function encodeCommands(
  encoder: GPUCommandEncoder,
  commands: readonly Command[],
  shared: SharedGroups,
): void {
  let pass: GPUComputePassEncoder | undefined;
  let pipeline: GPUComputePipeline | undefined;
  let operands: GPUBindGroup | undefined;
  for (const command of commands) {
    if (command.kind === 'clear') {
      pass?.end();
      pass = undefined;
      encoder.clearBuffer(command.buffer, command.offset, command.bytes);
      continue;
    }
    if (pass === undefined) {
      pass = encoder.beginComputePass();
      pass.setBindGroup(1, shared.uniforms);
      pipeline = undefined;
      operands = undefined;
    }
    if (pipeline !== command.kernel.pipeline) {
      pipeline = command.kernel.pipeline;
      pass.setPipeline(pipeline);
    }
    if (operands !== command.operands) {
      operands = command.operands;
      pass.setBindGroup(0, operands);
    }
    encodePositions(pass, command, shared);
    pass.dispatchWorkgroups(command.x, command.y);
  }
  pass?.end();
}

export function encodePositions(pass: GPUComputePassEncoder, command: Dispatch, shared: SharedGroups): void {
  if (command.positions === undefined) return;
  const group = shared.positions.get(command.positions.length);
  if (group !== undefined) pass.setBindGroup(2, group, command.positions, 0, command.positions.length);
}

/** Indices of a plan that was checked are in range. */
function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`the plan refers to element ${index} of ${list.length}`);
  return element;
}
