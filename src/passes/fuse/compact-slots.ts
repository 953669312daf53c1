/** Drops the slots that no launch touches, and numbers the others in order. */
import type { KernelProgram, Slot, Step } from '../../ir/kernel.ts';

export function compactSlots(program: KernelProgram): KernelProgram {
  const used = new Set<number>();
  const collect = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.kind === 'loop') collect(step.steps);
      else for (const slot of step.slots) used.add(slot);
    }
  };
  collect(program.steps);
  for (const [at, slot] of program.slots.entries()) if (slot.role !== 'temporary') used.add(at);

  const numbers = new Map<number, number>();
  const slots: Slot[] = [];
  for (const [at, slot] of program.slots.entries()) {
    if (used.has(at)) numbers.set(at, slots.push(slot) - 1);
  }
  const renumber = (slot: number): number => numbers.get(slot) ?? -1;
  const rewrite = (step: Step): Step =>
    step.kind === 'loop'
      ? { ...step, steps: step.steps.map(rewrite) }
      : { ...step, slots: step.slots.map(renumber) };
  const rename = <T extends { readonly slot: number }>(entry: T): T => ({
    ...entry,
    slot: renumber(entry.slot),
  });
  return {
    ...program,
    slots,
    steps: program.steps.map(rewrite),
    inputs: program.inputs.map(rename),
    outputs: program.outputs.map(rename),
  };
}
