/**
 * A launch whose kernel finds some of its operands in packs: a pack is one binding, in which each tensor has a fixed
 * place. Other launches bind those tensors by themselves.
 */
import { constantDim } from '../../ir/dim.ts';
import type { KernelOperand, LoopKernel } from '../../ir/kernel.ts';
import { mapStages, type Element } from '../../ir/map-stages.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { Pack } from './pack-table.ts';

export interface PlacedPack extends Pack {
  /** The pack's own slot. */
  readonly slot: number;
}

export interface Packing {
  readonly operands: readonly KernelOperand[];
  readonly slots: readonly number[];
  /** Where an element of one of the old operands is. */
  readonly element: (element: Element) => Element;
}

export function packOperands(
  operands: readonly KernelOperand[],
  slots: readonly number[],
  packs: readonly PlacedPack[],
): Packing {
  const bound: KernelOperand[] = [];
  const boundSlots: number[] = [];
  const places = operands.map((operand, at) => {
    const slot = slots[at] ?? -1;
    const pack = packs.find(({ offsets }) => offsets.has(slot));
    const known = pack === undefined ? -1 : boundSlots.indexOf(pack.slot);
    const before = bound[known];
    if (pack === undefined || before === undefined) {
      boundSlots.push(pack?.slot ?? slot);
      bound.push(pack === undefined ? operand : packOperand(pack, operand));
    } else if (before.access !== operand.access) {
      bound[known] = { ...before, access: 'update' };
    }
    return {
      number: before === undefined ? bound.length - 1 : known,
      offset: pack === undefined ? undefined : (pack.offsets.get(slot) ?? 0) / 4,
    };
  });
  return {
    operands: bound,
    slots: boundSlots,
    element: ({ operand, index }) => {
      const { number = -1, offset } = places[operand] ?? {};
      if (offset === undefined) return { operand: number, index };
      const at = scalar.linearIndex(index, operands[operand]?.type.shape ?? []);
      return { operand: number, index: [scalar.add(at, scalar.integer(offset))] };
    },
  };
}

export function packOperand({ bytes, dtype }: Pack, { access }: KernelOperand): KernelOperand {
  return { name: 'pack', type: { dtype, shape: [constantDim(bytes / 4)] }, access };
}

export function packKernel(kernel: LoopKernel, { operands, element }: Packing): LoopKernel {
  return { ...kernel, operands, stages: mapStages(kernel.stages, { element }) };
}
