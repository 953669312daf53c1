/** Lays a program's launches out in time: the tensors they touch, and from when to when each must be kept. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { Dim } from '../ir/dim.ts';
import type { Kernel, KernelProgram, Slot, Step } from '../ir/kernel.ts';
import type { TensorType } from '../ir/types.ts';
import type { PlannedLoops } from './loops/index.ts';
import type { Life } from './memory.ts';
import type { ScheduledKernel, ScheduledLaunch } from './scheduled-kernel.ts';

/** A slot of the program, or a temporary of a schedule. */
export interface ScheduledTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly role: Slot['role'];
  /** Undefined where no launch touches it. */
  readonly life: Life | undefined;
  /** Where it lies in another tensor, which is kept as long as any of its parts; in bytes. */
  readonly part?: { readonly tensor: number; readonly offset: number };
}

export type ScheduledStep =
  | {
      readonly kind: 'dispatch';
      readonly kernel: Kernel;
      readonly launch: ScheduledLaunch;
      /** Tensor of each operand of the launch. */
      readonly tensors: readonly number[];
      /** Whether the launch may store to each operand. */
      readonly stores: readonly boolean[];
    }
  | {
      readonly kind: 'loop';
      readonly trip: Dim;
      readonly reverse: boolean;
      readonly steps: readonly ScheduledStep[];
    };

export interface ScheduledProgram {
  readonly tensors: readonly ScheduledTensor[];
  readonly steps: readonly ScheduledStep[];
}

/** The slots come first, with their own numbers. */
export function scheduleProgram(
  { program, parts }: Pick<PlannedLoops, 'program' | 'parts'>,
  schedule: (kernel: Kernel) => ScheduledKernel,
): ScheduledProgram {
  return new Scheduler(program, schedule).run(parts);
}

class Scheduler {
  readonly #program: KernelProgram;
  readonly #schedule: (kernel: Kernel) => ScheduledKernel;
  readonly #tensors: { readonly name: string; readonly type: TensorType; readonly role: Slot['role'] }[];
  readonly #lives = new Map<number, Life>();
  #now = 0;

  constructor(program: KernelProgram, schedule: (kernel: Kernel) => ScheduledKernel) {
    this.#program = program;
    this.#schedule = schedule;
    this.#tensors = [...program.slots];
  }

  run(parts: PlannedLoops['parts']): ScheduledProgram {
    const steps = this.#program.steps.flatMap((step) => this.#step(step));
    for (const [slot, { slot: pack }] of parts) {
      const life = this.#lives.get(slot);
      if (life === undefined) continue;
      this.#touch(pack, life.from);
      this.#touch(pack, life.to);
    }
    const tensors = this.#tensors.map((tensor, at): ScheduledTensor => {
      const life = this.#lives.get(at);
      const part = parts.get(at);
      return part === undefined
        ? { ...tensor, life }
        : { ...tensor, life, part: { tensor: part.slot, offset: part.offset } };
    });
    return { tensors, steps };
  }

  #step(step: Step): readonly ScheduledStep[] {
    if (step.kind === 'launch') return this.#launches(step.kernel, step.slots);
    const from = this.#now;
    const steps = step.steps.flatMap((inner) => this.#step(inner));
    // What a step leaves may be what the next one reads: all that a loop touches is kept for the whole of it.
    for (const tensor of touched(steps)) {
      this.#touch(tensor, from);
      this.#touch(tensor, this.#now);
    }
    return [{ kind: 'loop', trip: step.trip, reverse: step.reverse, steps }];
  }

  #launches(kernel: Kernel, slots: readonly number[]): readonly ScheduledStep[] {
    const { temporaries, launches } = this.#schedule(kernel);
    const first = this.#tensors.length;
    for (const [at, type] of temporaries.entries()) {
      this.#tensors.push({ name: `${kernel.name}.${at}`, type, role: 'temporary' });
    }
    return launches.map((launch): ScheduledStep => {
      this.#now++;
      const tensors = launch.operands.map(({ kind, index }) =>
        kind === 'temporary' ? first + index : slots[index],
      );
      const known = tensors.map((tensor) => {
        if (tensor === undefined)
          throw new InternalError(`${launch.name} has an operand that its kernel lacks`);
        this.#touch(tensor, this.#now);
        return tensor;
      });
      const stores = launch.operands.map(
        ({ kind, index }) => kind === 'temporary' || kernel.operands[index]?.access !== 'read',
      );
      return { kind: 'dispatch', kernel, launch, tensors: known, stores };
    });
  }

  #touch(tensor: number, moment: number): void {
    const life = this.#lives.get(tensor) ?? { from: moment, to: moment };
    this.#lives.set(tensor, { from: Math.min(life.from, moment), to: Math.max(life.to, moment) });
  }
}

function touched(steps: readonly ScheduledStep[]): ReadonlySet<number> {
  return new Set(steps.flatMap((step) => (step.kind === 'loop' ? [...touched(step.steps)] : step.tensors)));
}
