/**
 * Puts launches in an order in which less is kept at a time: what makes more than it lets go of as late as possible, what
 * lets go of more than it makes, such as the gradients of weights, as early as possible. Keeps: every read and write of
 * a slot on its side of every write of it. The same program where the order as it was keeps no more.
 */
import { evaluateDim, productOfDims } from '../../ir/dim.ts';
import type { KernelProgram, Step } from '../../ir/kernel.ts';

export function orderForMemory(program: KernelProgram): KernelProgram {
  const order = new LaunchOrder(program);
  const before = order.peak();
  order.moveLate();
  order.moveEarly();
  return order.peak() < before ? { ...program, steps: order.steps() } : program;
}

/** Every temporary's bytes at the bounds, with the first and the last launch that touches it. */
export function temporaryLives(
  program: KernelProgram,
): readonly { readonly bytes: number; readonly life: { readonly from: number; readonly to: number } }[] {
  return new LaunchOrder(program).lives();
}

interface Launch {
  readonly step: Step;
  /** Temporaries that it touches, once each. */
  readonly slots: readonly number[];
  readonly before: Set<Launch>;
  readonly after: Set<Launch>;
}

class LaunchOrder {
  readonly #bytes: readonly number[];
  readonly #order: Launch[];

  constructor({ slots, steps, dims }: KernelProgram) {
    const bounds = new Map(dims.map(({ name, bound }) => [name, bound]));
    this.#bytes = slots.map(({ role, type }) =>
      role === 'temporary' ? 4 * evaluateDim(productOfDims(type.shape), bounds) : 0,
    );
    this.#order = connect(steps);
  }

  steps(): readonly Step[] {
    return this.#order.map(({ step }) => step);
  }

  /** Bytes of temporaries at the moment when they are most. */
  peak(): number {
    const { first, last } = this.#touches();
    let [now, most] = [0, 0];
    this.#order.forEach(({ slots }, at) => {
      for (const slot of slots) if (first.get(slot) === at) now += this.#bytes[slot] ?? 0;
      most = Math.max(most, now);
      for (const slot of slots) if (last.get(slot) === at) now -= this.#bytes[slot] ?? 0;
    });
    return most;
  }

  lives() {
    const { first, last } = this.#touches();
    return [...first].flatMap(([slot, from]) => {
      const bytes = this.#bytes[slot] ?? 0;
      return bytes === 0 ? [] : [{ bytes, life: { from, to: last.get(slot) ?? from } }];
    });
  }

  moveLate(): void {
    for (let at = this.#order.length - 1; at >= 0; at--) {
      const launch = this.#order[at];
      if (launch === undefined || launch.after.size === 0 || this.#growth(at) <= 0) continue;
      const next = this.#order.findIndex((other, place) => place > at && launch.after.has(other));
      if (next > at + 1) this.#move(at, next - 1);
    }
  }

  moveEarly(): void {
    for (let at = 0; at < this.#order.length; at++) {
      const launch = this.#order[at];
      if (launch === undefined || this.#growth(at) >= 0) continue;
      const previous = this.#order.findLastIndex((other, place) => place < at && launch.before.has(other));
      if (previous + 1 < at) this.#move(at, previous + 1);
    }
  }

  /** What a launch makes, less what nobody needs after it. */
  #growth(at: number): number {
    const { first, last } = this.#touches();
    return (this.#order[at]?.slots ?? []).reduce((sum, slot) => {
      const bytes = this.#bytes[slot] ?? 0;
      return sum + (first.get(slot) === at ? bytes : 0) - (last.get(slot) === at ? bytes : 0);
    }, 0);
  }

  #known: { readonly first: Map<number, number>; readonly last: Map<number, number> } | undefined;

  /** Places of the first and the last launch that touches a temporary. */
  #touches() {
    if (this.#known !== undefined) return this.#known;
    const [first, last] = [new Map<number, number>(), new Map<number, number>()];
    this.#order.forEach(({ slots }, at) => {
      for (const slot of slots) {
        if (!first.has(slot)) first.set(slot, at);
        last.set(slot, at);
      }
    });
    this.#known = { first, last };
    return this.#known;
  }

  #move(from: number, to: number): void {
    const [launch] = this.#order.splice(from, 1);
    if (launch !== undefined) this.#order.splice(to, 0, launch);
    this.#known = undefined;
  }
}

/** Launches in their order, each with those that it must follow or precede. */
function connect(steps: readonly Step[]): Launch[] {
  const writers = new Map<number, Launch>();
  const readers = new Map<number, Launch[]>();
  return steps.map((step) => {
    const { read, written } = touched(step);
    const launch: Launch = {
      step,
      slots: [...new Set([...read, ...written])],
      before: new Set(),
      after: new Set(),
    };
    const follow = (other: Launch | undefined): void => {
      if (other === undefined || other === launch) return;
      launch.before.add(other);
      other.after.add(launch);
    };
    for (const slot of read) follow(writers.get(slot));
    for (const slot of written) {
      follow(writers.get(slot));
      for (const reader of readers.get(slot) ?? []) follow(reader);
    }
    for (const slot of written) {
      writers.set(slot, launch);
      readers.delete(slot);
    }
    for (const slot of read) {
      const others = readers.get(slot) ?? [];
      readers.set(slot, [...others, launch]);
    }
    return launch;
  });
}

function touched(step: Step): { readonly read: Set<number>; readonly written: Set<number> } {
  const [read, written] = [new Set<number>(), new Set<number>()];
  if (step.kind === 'loop')
    for (const inner of step.steps.map(touched)) {
      for (const slot of inner.read) read.add(slot);
      for (const slot of inner.written) written.add(slot);
    }
  else
    step.slots.forEach((slot, at) => {
      const access = step.kernel.operands[at]?.access;
      if (access !== 'write') read.add(slot);
      if (access !== 'read') written.add(slot);
    });
  return { read, written };
}
