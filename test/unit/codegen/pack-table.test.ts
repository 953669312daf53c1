/** Packs carry what a launch binds with as few bindings as it may have, each tensor in a place of its own. */
import { array, assert, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { PackTable } from '../../../src/codegen/loops/pack-table.ts';
import { portableTarget } from '../../../src/codegen/index.ts';
import { constantDim } from '../../../src/ir/dim.ts';
import type { Kernel, Slot, Step } from '../../../src/ir/kernel.ts';

const kernel: Kernel = { kind: 'scatter-add', name: 'k', origins: [], operands: [] };

function tableOf(slots: readonly Slot[], launches: readonly (readonly number[])[], limits = {}): PackTable {
  const steps = launches.map((bound): Step => ({ kind: 'launch', kernel, slots: bound }));
  return new PackTable({ slots, steps }, { target: { ...portableTarget, ...limits }, bounds: new Map() });
}

function temporary(elements: number): Slot {
  return { name: 'x', role: 'temporary', type: { dtype: 'f32', shape: [constantDim(elements)] } };
}

test('tensors of a pack do not overlap, and launches bind at most eight', () => {
  const launch = array(nat(19), { minLength: 1, maxLength: 20 });
  const input = record({ sizes: array(nat(500), { minLength: 20, maxLength: 20 }), launches: array(launch) });
  assert(
    property(input, ({ sizes, launches: all }) => {
      const launches = all.map((slots) => [...new Set(slots)]);
      const table = tableOf(
        sizes.map((size) => temporary(size + 1)),
        launches,
      );
      for (const slots of launches) expect(table.fit(slots)).toBe(true);
      const packs = table.packs();
      for (const { offsets, bytes } of packs) {
        const places = [...offsets].toSorted(([, a], [, b]) => a - b);
        for (const [at, [slot, offset]] of places.entries()) {
          expect(offset % 256).toBe(0);
          expect(offset + 4 * ((sizes[slot] ?? 0) + 1)).toBeLessThanOrEqual(places[at + 1]?.[1] ?? bytes);
        }
      }
      for (const slots of launches) {
        const bound = slots.map((slot) => packs.find(({ offsets }) => offsets.has(slot)) ?? slot);
        expect(new Set(bound).size).toBeLessThanOrEqual(8);
      }
    }),
  );
});

test('what lives together comes together', () => {
  const slots = Array.from({ length: 4 }, () => temporary(64));
  const table = tableOf(slots, [[0, 1], [2], [0, 1, 2, 3]], { storageBuffers: 3 });
  expect(table.fit([0, 1, 2, 3])).toBe(true);
  expect(table.packs().map(({ offsets }) => [...offsets.keys()])).toEqual([[0, 1]]);
});

test('inputs, and what is too large, do not go into packs', () => {
  const slots: Slot[] = [temporary(64), { ...temporary(64), role: 'input' }, temporary(1024)];
  expect(tableOf(slots, [[0, 1, 2]], { storageBuffers: 1 }).fit([0, 1, 2])).toBe(false);
  const small = tableOf(slots, [[0, 1, 2]], { storageBuffers: 2, bindingBytes: 4096 });
  expect(small.fit([0, 1, 2])).toBe(false);
  expect(small.packs()).toEqual([]);
  expect(tableOf(slots, [[0, 1, 2]], { storageBuffers: 2 }).fit([0, 1, 2])).toBe(true);
});
