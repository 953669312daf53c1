/**
 * Which temporaries of a program lie together in packs. A pack is kept from the first use of one of its tensors to the
 * last use of any: those come together that cost the least memory times time.
 */
import type { KernelProgram, Slot, Step } from '../../ir/kernel.ts';
import { productOfDims } from '../../ir/dim.ts';
import type { Life } from '../memory.ts';
import { largest, type ScheduleContext } from '../schedules/context.ts';

/** Where tensors may be bound by themselves. */
const ALIGNMENT = 256;

export interface Pack {
  readonly dtype: Slot['type']['dtype'];
  readonly bytes: number;
  /** By slot, in bytes. */
  readonly offsets: ReadonlyMap<number, number>;
}

interface Group {
  readonly slots: readonly number[];
  readonly dtype: Slot['type']['dtype'];
  readonly bytes: number;
  readonly life: Life;
}

export class PackTable {
  readonly #groups = new Map<number, Group>();
  readonly #slots: readonly Slot[];
  readonly #ctx: ScheduleContext;

  constructor({ slots, steps }: Pick<KernelProgram, 'slots' | 'steps'>, ctx: ScheduleContext) {
    this.#slots = slots;
    this.#ctx = ctx;
    for (const [slot, life] of livesOf(steps)) {
      const { role, type } = slots[slot] ?? {};
      if (role !== 'temporary' || type === undefined) continue;
      this.#groups.set(slot, { slots: [slot], dtype: type.dtype, bytes: this.#bytes(slot), life });
    }
  }

  /** Packs what the device needs to bind all of these in one launch. False, and nothing done, where that cannot be. */
  fit(slots: readonly number[]): boolean {
    const { storageBuffers, bindingBytes } = this.#ctx.target;
    let groups = [...new Set(slots.flatMap((slot) => this.#groups.get(slot) ?? []))];
    const fixed = slots.filter((slot) => !this.#groups.has(slot)).length;
    /** A tensor by itself is bound once for each shape under which it is seen. */
    const bindings = ({ slots: [first, ...more] }: Group): number =>
      more.length > 0 ? 1 : slots.filter((slot) => slot === first).length;
    while (fixed + groups.reduce((sum, group) => sum + bindings(group), 0) > storageBuffers) {
      const union = cheapestUnion(groups, bindingBytes);
      if (union === undefined) return false;
      groups = [...groups.filter((group) => !union.parts.includes(group)), union.group];
    }
    for (const group of groups) for (const slot of group.slots) this.#groups.set(slot, group);
    return true;
  }

  /** In the order of their first slots. */
  packs(): readonly Pack[] {
    const groups = new Set([...this.#groups].toSorted(([a], [b]) => a - b).map(([, group]) => group));
    return [...groups]
      .filter(({ slots }) => slots.length > 1)
      .map(({ slots, dtype }): Pack => {
        const offsets = new Map<number, number>();
        let bytes = 0;
        for (const slot of slots.toSorted((a, b) => a - b)) {
          offsets.set(slot, bytes);
          bytes += this.#bytes(slot);
        }
        return { dtype, bytes, offsets };
      });
  }

  /** At the bounds of the dimensions. */
  #bytes(slot: number): number {
    const elements = largest(this.#ctx, productOfDims(this.#slots[slot]?.type.shape ?? []));
    return Math.max(1, Math.ceil((4 * elements) / ALIGNMENT)) * ALIGNMENT;
  }
}

/** First and last step of the program's own list that touches each slot: all that a loop touches is kept for all of it. */
function livesOf(steps: readonly Step[]): ReadonlyMap<number, Life> {
  const lives = new Map<number, Life>();
  const visit = (step: Step, at: number): void => {
    if (step.kind === 'loop') return step.steps.forEach((inner) => visit(inner, at));
    for (const slot of step.slots) lives.set(slot, { from: lives.get(slot)?.from ?? at, to: at });
  };
  steps.forEach(visit);
  return lives;
}

function cheapestUnion(
  groups: readonly Group[],
  most: number,
): { readonly group: Group; readonly parts: readonly Group[] } | undefined {
  let best: { readonly group: Group; readonly parts: readonly Group[] } | undefined;
  let least = Infinity;
  for (const [at, lhs] of groups.entries()) {
    for (const rhs of groups.slice(at + 1)) {
      if (lhs.dtype !== rhs.dtype || lhs.bytes + rhs.bytes > most) continue;
      const group = unite(lhs, rhs);
      const cost = room(group) - room(lhs) - room(rhs);
      // Of equal costs the smallest: large ones may not fit with others any more.
      if (cost > least || (cost === least && best !== undefined && group.bytes >= best.group.bytes)) continue;
      least = cost;
      best = { group, parts: [lhs, rhs] };
    }
  }
  return best;
}

function unite(lhs: Group, rhs: Group): Group {
  return {
    slots: [...lhs.slots, ...rhs.slots],
    dtype: lhs.dtype,
    bytes: lhs.bytes + rhs.bytes,
    life: {
      from: Math.min(lhs.life.from, rhs.life.from),
      to: Math.max(lhs.life.to, rhs.life.to),
    },
  };
}

const room = ({ bytes, life }: Group): number => bytes * (life.to - life.from + 1);
