/**
 * What becomes of a program's loops: chains that are one launch, and packs for launches that would bind more buffers
 * than the device allows.
 */
import { constantDim } from '../../ir/dim.ts';
import type { Kernel, KernelProgram, Slot, Step } from '../../ir/kernel.ts';
import type { ScheduleContext } from '../schedules/context.ts';
import { findChains, type Chain } from './chain.ts';
import { wholeOf } from './merge-launches.ts';
import { packKernel, packOperands, type PlacedPack } from './pack-operands.ts';
import { PackTable } from './pack-table.ts';

export interface PlannedLoops {
  /** With the packs among its slots. */
  readonly program: KernelProgram;
  /** How a kernel that stands for a whole loop is made. */
  readonly chains: ReadonlyMap<Kernel, Chain>;
  /** Slots that are a part of a pack's, in bytes. */
  readonly parts: ReadonlyMap<number, PackedPart>;
}

export interface PackedPart {
  readonly slot: number;
  readonly offset: number;
}

/** A kernel of a loop's step binds more than the device allows, in total size or in number. */
export class CannotPack extends Error {
  override readonly name = 'CannotPack';
}

/** Throws CannotPack. */
export function planLoops(program: KernelProgram, ctx: ScheduleContext): PlannedLoops {
  return new LoopPlanner(program, ctx).run();
}

type Launch = Extract<Step, { kind: 'launch' }>;

class LoopPlanner {
  readonly #program: KernelProgram;
  readonly #ctx: ScheduleContext;
  readonly #chains = new Map<Kernel, Chain>();

  constructor(program: KernelProgram, ctx: ScheduleContext) {
    this.#program = program;
    this.#ctx = ctx;
  }

  run(): PlannedLoops {
    const merged = this.#program.steps.flatMap((step) => this.#merge(step));
    const table = new PackTable({ slots: this.#program.slots, steps: merged }, this.#ctx);
    const isChain = ({ kernel }: Launch): boolean => this.#chains.has(kernel);
    // First what must fit.
    this.#require(
      table,
      launchesOf(merged).filter((launch) => !isChain(launch)),
    );
    const steps = merged.flatMap((step) => this.#settle(step, table));
    return this.#place(steps, table);
  }

  #merge(step: Step): readonly Step[] {
    if (step.kind === 'launch') return [step];
    const steps = step.steps.flatMap((inner) => this.#merge(inner));
    return findChains({ ...step, steps }, this.#ctx).map((found): Step => {
      if ('kind' in found) return found;
      this.#chains.set(found.kernel, found);
      return { kind: 'launch', kernel: found.kernel, slots: found.slots };
    });
  }

  #binds(launch: Launch): boolean {
    return launch.slots.length <= this.#ctx.target.storageBuffers;
  }

  #require(table: PackTable, launches: readonly Launch[]): void {
    for (const launch of launches)
      if (!this.#binds(launch) && !table.fit(launch.slots))
        throw new CannotPack(`${launch.kernel.name} binds more than the device allows`);
  }

  /** A chain that does not fit is stepped. */
  #settle(step: Step, table: PackTable): Step {
    if (step.kind === 'loop')
      return { ...step, steps: step.steps.map((inner) => this.#settle(inner, table)) };
    const chain = this.#chains.get(step.kernel);
    if (chain === undefined || this.#binds(step) || table.fit(step.slots)) return step;
    this.#chains.delete(step.kernel);
    this.#require(table, launchesOf([chain.stepped]));
    return chain.stepped;
  }

  #place(steps: readonly Step[], table: PackTable): PlannedLoops {
    const slots: Slot[] = [...this.#program.slots];
    const parts = new Map<number, PackedPart>();
    const packs = table.packs().map((pack): PlacedPack => {
      const type = { dtype: pack.dtype, shape: [constantDim(pack.bytes / 4)] };
      const slot = slots.push({ name: 'pack', type, role: 'temporary' }) - 1;
      for (const [part, offset] of pack.offsets) parts.set(part, { slot, offset });
      return { ...pack, slot };
    });
    const rewrite = (step: Step): Step =>
      step.kind === 'loop' ? { ...step, steps: step.steps.map(rewrite) } : this.#rewrite(step, packs);
    return { program: { ...this.#program, slots, steps: steps.map(rewrite) }, chains: this.#chains, parts };
  }

  #rewrite(launch: Launch, packs: readonly PlacedPack[]): Launch {
    const { kernel } = launch;
    if (this.#binds(launch) || kernel.kind !== 'loops') return launch;
    const packing = packOperands(kernel.operands, launch.slots, packs);
    const { slots } = packing;
    const chain = this.#chains.get(kernel);
    if (chain === undefined) return { kind: 'launch', kernel: packKernel(kernel, packing), slots };
    const phases = chain.phases.map((phase) => ({ ...phase, kernel: packKernel(phase.kernel, packing) }));
    const packed = wholeOf(
      kernel,
      phases.map((phase) => phase.kernel),
    );
    this.#chains.delete(kernel);
    this.#chains.set(packed, { ...chain, kernel: packed, slots, phases });
    return { kind: 'launch', kernel: packed, slots };
  }
}

function launchesOf(steps: readonly Step[]): readonly Launch[] {
  return steps.flatMap((step) => (step.kind === 'loop' ? launchesOf(step.steps) : [step]));
}
