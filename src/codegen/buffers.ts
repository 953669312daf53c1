/**
 * Buffers of a plan. A state, an input and an output have buffers of their own, which all programs share by name;
 * temporaries of every program lie in the same arenas, as programs run one after another.
 */
import type { PlanBuffer, PlanState, PlanTensor } from '../../runtime/plan.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import { evaluateDim, productOfDims } from '../ir/dim.ts';
import type { Graph } from '../ir/graph.ts';
import type { KernelProgram } from '../ir/kernel.ts';
import { printType, type TensorType } from '../ir/types.ts';
import { planMemory, type MemoryPlan, type MemoryRequest } from './memory.ts';
import type { ScheduledProgram, ScheduledTensor } from './schedule.ts';
import { planDim } from './schedules/context.ts';
import type { Target } from './target.ts';

interface LaidOutProgram {
  readonly graph: Graph;
  readonly kernels: KernelProgram;
  readonly scheduled: ScheduledProgram;
}

export interface Layout {
  readonly buffers: readonly PlanBuffer[];
  readonly tensors: readonly PlanTensor[];
  readonly states: readonly PlanState[];
  /** The plan's tensor for a tensor of a scheduled program. */
  readonly tensorOf: (program: number, tensor: number) => number;
}

interface LayoutOptions {
  readonly bounds: ReadonlyMap<string, number>;
  readonly target: Target;
}

export function layOut(programs: readonly LaidOutProgram[], options: LayoutOptions): Layout {
  return new LayoutBuilder(options).run(programs);
}

interface Temporary extends MemoryRequest {
  readonly program: number;
  readonly tensor: number;
  readonly scheduled: ScheduledTensor;
}

interface Part {
  readonly program: number;
  readonly tensor: number;
  readonly scheduled: ScheduledTensor;
  readonly part: NonNullable<ScheduledTensor['part']>;
}

class LayoutBuilder {
  readonly #options: LayoutOptions;
  readonly #buffers: PlanBuffer[] = [];
  readonly #tensors: PlanTensor[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #shared = new Map<string, number>();

  constructor(options: LayoutOptions) {
    this.#options = options;
  }

  run(programs: readonly LaidOutProgram[]): Layout {
    const states = this.#states(programs);
    const temporaries: Temporary[] = [];
    const parts: Part[] = [];
    let start = 0;
    for (const [program, { kernels, scheduled }] of programs.entries()) {
      let end = start;
      for (const [tensor, each] of scheduled.tensors.entries()) {
        if (each.part !== undefined) {
          if (each.life !== undefined) parts.push({ program, tensor, scheduled: each, part: each.part });
        } else if (each.role !== 'temporary') {
          this.#numbers.set(`${program} ${tensor}`, this.#own(each, nameOf(kernels, tensor, each)));
        } else if (each.life !== undefined) {
          const life = { from: start + each.life.from, to: start + each.life.to };
          temporaries.push({ bytes: this.#bytes(each.type), life, program, tensor, scheduled: each });
          end = Math.max(end, life.to);
        }
      }
      start = end + 1;
    }
    this.#place(temporaries);
    for (const { program, tensor, scheduled, part } of parts) {
      const whole = this.#tensors[this.#numbers.get(`${program} ${part.tensor}`) ?? -1];
      if (whole === undefined) throw new InternalError('a pack was not placed');
      const number = this.#tensor(scheduled.name, scheduled.type, whole.buffer, whole.offset + part.offset);
      this.#numbers.set(`${program} ${tensor}`, number);
    }
    return {
      buffers: this.#buffers,
      tensors: this.#tensors,
      states,
      tensorOf: (program, tensor) => {
        const number = this.#numbers.get(`${program} ${tensor}`);
        if (number === undefined) throw new InternalError(`tensor ${tensor} has no place`);
        return number;
      },
    };
  }

  #states(programs: readonly LaidOutProgram[]): readonly PlanState[] {
    const states = new Map<string, PlanState>();
    for (const { graph } of programs) {
      for (const { name, role, initializer, value } of graph.states) {
        if (states.has(name)) continue;
        const tensor = this.#own({ name, type: value.type, role: 'state' }, name);
        states.set(name, { name, role, tensor, initializer });
      }
    }
    return [...states.values()];
  }

  /** A tensor with a buffer of its own, one for each role and name. */
  #own(tensor: Pick<ScheduledTensor, 'name' | 'type' | 'role'>, name: string): number {
    const { role, type } = tensor;
    if (role === 'temporary') throw new InternalError('a temporary has no buffer of its own');
    const key = role === 'state' ? `state ${name}` : `${role} ${name} ${printType(type)}`;
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const bytes = this.#bytes(type);
    const buffer = this.#buffers.push({ name, bytes: Math.max(4, bytes), role }) - 1;
    const number = this.#tensor(name, type, buffer, 0);
    this.#shared.set(key, number);
    return number;
  }

  #place(temporaries: readonly Temporary[]): void {
    const plan = this.#planArenas(temporaries);
    const first = this.#buffers.length;
    for (const [at, bytes] of plan.arenaBytes.entries())
      this.#buffers.push({ name: `arena${at}`, bytes: Math.max(4, bytes), role: 'arena' });
    for (const [at, { program, tensor, scheduled }] of temporaries.entries()) {
      const placement = plan.placements[at];
      if (placement === undefined) throw new InternalError('a tensor was not placed');
      const number = this.#tensor(scheduled.name, scheduled.type, first + placement.arena, placement.offset);
      this.#numbers.set(`${program} ${tensor}`, number);
    }
  }

  /**
   * A GPU orders dispatches by whole buffers: a few arenas, where they cost little memory. Software adapters run one
   * dispatch after another anyway.
   */
  #planArenas(temporaries: readonly Temporary[]): MemoryPlan {
    const { kind, bufferBytes } = this.#options.target;
    const limited = (arenaLimit: number): MemoryPlan => planMemory(temporaries, { arenaLimit });
    const whole = limited(bufferBytes);
    if (kind === 'cpu') return whole;
    const peak = sumOf(whole.arenaBytes);
    for (const arenas of [4, 3, 2]) {
      const limit = Math.ceil(peak / arenas);
      const plan = limit < bufferBytes ? limited(limit) : whole;
      if (sumOf(plan.arenaBytes) <= 1.05 * peak) return plan;
    }
    return whole;
  }

  #tensor(name: string, type: TensorType, buffer: number, offset: number): number {
    const shape = type.shape.map(planDim);
    const bytes = this.#bytes(type);
    return this.#tensors.push({ name, dtype: type.dtype, shape, buffer, offset, bytes }) - 1;
  }

  /** At the bounds of the dimensions. */
  #bytes(type: TensorType): number {
    return Math.max(4, 4 * evaluateDim(productOfDims(type.shape), this.#options.bounds));
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

/** Inputs and outputs go by the program's names for them. */
function nameOf(kernels: KernelProgram, tensor: number, { name, role }: ScheduledTensor): string {
  const list = role === 'input' ? kernels.inputs : role === 'output' ? kernels.outputs : [];
  return list.find(({ slot }) => slot === tensor)?.name ?? name;
}
