/** Gives the kernels of several launches one numbering of axes, operands and accumulators. */
import { equalDims } from '../../ir/dim.ts';
import type { LoopKernel, Step } from '../../ir/kernel.ts';
import { mapStages } from '../../ir/map-stages.ts';

export interface LoopLaunch extends Extract<Step, { kind: 'launch' }> {
  readonly kernel: LoopKernel;
}

export interface MergedLaunches {
  /** The stages of all, and no space: each kernel has its own. */
  readonly whole: LoopKernel;
  readonly kernels: readonly LoopKernel[];
  /** Of each operand. */
  readonly slots: readonly number[];
}

/** Undefined where a buffer is seen under two shapes. */
export function mergeLaunches(launches: readonly LoopLaunch[]): MergedLaunches | undefined {
  const merger = new Merger();
  const kernels: LoopKernel[] = [];
  for (const launch of launches) {
    const kernel = merger.add(launch);
    if (kernel === undefined) return undefined;
    kernels.push(kernel);
  }
  const { axes, operands, slots } = merger;
  const [first] = launches;
  if (first === undefined) return undefined;
  const origins = [...new Set(launches.flatMap(({ kernel }) => kernel.origins))];
  const named = { ...first.kernel, name: first.kernel.name.replace(/_step$/, '_loop'), origins };
  const renumbered = kernels.map((kernel): LoopKernel => ({ ...kernel, axes, operands }));
  return { whole: wholeOf(named, renumbered), kernels: renumbered, slots };
}

/** One kernel with the stages of several, the very same expressions, which a printer counts to see what is shared. */
export function wholeOf(named: LoopKernel, kernels: readonly LoopKernel[]): LoopKernel {
  const { axes, operands } = kernels[0] ?? named;
  return { ...named, axes, operands, space: [], stages: kernels.flatMap(({ stages }) => stages) };
}

class Merger {
  readonly axes: LoopKernel['axes'][number][] = [];
  readonly operands: LoopKernel['operands'][number][] = [];
  readonly slots: number[] = [];
  #accumulators = 0;

  add({ kernel, slots }: LoopLaunch): LoopKernel | undefined {
    const firstAxis = this.axes.length;
    this.axes.push(...kernel.axes);
    const numbers: number[] = [];
    for (const [at, operand] of kernel.operands.entries()) {
      const slot = slots[at] ?? -1;
      const known = this.slots.indexOf(slot);
      const before = this.operands[known];
      if (before === undefined) {
        numbers.push(this.operands.push(operand) - 1);
        this.slots.push(slot);
        continue;
      }
      const same =
        before.type.shape.length === operand.type.shape.length &&
        before.type.shape.every((dim, axis) => equalDims(dim, operand.type.shape[axis] ?? dim));
      if (!same) return undefined;
      if (before.access !== operand.access) this.operands[known] = { ...before, access: 'update' };
      numbers.push(known);
    }
    const firstAccumulator = this.#accumulators;
    for (const stage of kernel.stages)
      if (stage.kind === 'reduce')
        for (const { id } of stage.accumulators)
          this.#accumulators = Math.max(this.#accumulators, firstAccumulator + id + 1);
    const stages = mapStages(kernel.stages, {
      axis: (axis) => axis + firstAxis,
      accumulator: (id) => id + firstAccumulator,
      element: ({ operand, index }) => ({ operand: numbers[operand] ?? -1, index }),
    });
    return { ...kernel, space: kernel.space.map((axis) => axis + firstAxis), stages };
  }
}
