/** No two tensors that live together overlap, and memory is used again. */
import { array, assert, nat, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { overlaps, planMemory } from '../../../src/codegen/memory.ts';

const request = record({ bytes: nat(5000), from: nat(20), length: nat(6) }).map(
  ({ bytes, from, length }) => ({
    bytes: bytes + 1,
    life: { from, to: from + length },
  }),
);

test('tensors that live at the same time never overlap', () => {
  assert(
    property(array(request, { maxLength: 40 }), (requests) => {
      const { placements, arenaBytes } = planMemory(requests, { arenaLimit: 12_000 });
      for (const [at, { arena, offset }] of placements.entries()) {
        const one = requests[at];
        if (one === undefined) throw new Error('a placement without a request');
        expect(offset % 256).toBe(0);
        expect(offset + one.bytes).toBeLessThanOrEqual(arenaBytes[arena] ?? 0);
        for (const [other, { arena: otherArena, offset: otherOffset }] of placements.entries()) {
          const two = requests[other];
          if (two === undefined || other === at || arena !== otherArena || !overlaps(one.life, two.life))
            continue;
          expect(offset + one.bytes <= otherOffset || otherOffset + two.bytes <= offset).toBe(true);
        }
      }
    }),
  );
});

test('a chain of equal tensors takes two places', () => {
  const requests = [0, 1, 2, 3, 4, 5].map((from) => ({ bytes: 1024, life: { from, to: from + 1 } }));
  expect(planMemory(requests, { arenaLimit: Infinity }).arenaBytes).toEqual([2048]);
});

test('a full arena is followed by another', () => {
  const requests = [0, 1, 2].map(() => ({ bytes: 1000, life: { from: 0, to: 1 } }));
  expect(planMemory(requests, { arenaLimit: 2048 }).arenaBytes).toEqual([2048, 1024]);
});

test('tensors above the limit use the memory of one another', () => {
  const requests = [0, 1, 2, 3].map((from) => ({ bytes: 4096 - 512 * from, life: { from, to: from + 1 } }));
  expect(planMemory(requests, { arenaLimit: 1024 }).arenaBytes).toEqual([4096, 3584]);
});
