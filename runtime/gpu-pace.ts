/**
 * How long runs take, so that waiting for one can begin with sleep: in Node, a promise of the device that is pending
 * keeps a core busy, and on a software adapter that core is wanted for the work itself.
 */

export interface Ticket {
  readonly program: string;
  /** All that was submitted up to and with this run, in the unit of `submit`. */
  readonly work: number;
  /** When the run should end, by what runs of its program took so far. */
  readonly expected: number;
}

/** Of what is expected: later sleep would make the caller late. */
const SHARE = 0.9;
/** Milliseconds that one sleep takes at the most: what an estimate that is wrong costs. */
const LONGEST = 1000;
/** Milliseconds that are not worth a timer. */
const SHORT = 2;

export class DevicePace {
  /** Milliseconds for a unit of a program's work. */
  readonly #rates = new Map<string, number>();
  /** Programs that ran: the first run of one has the driver's compile time in it. */
  readonly #seen = new Set<string>();
  #work = 0;
  /** When the device should have nothing left to do. */
  #idle = 0;
  /** Since when it has had something to do. */
  #busy = 0;
  #last: { readonly work: number; readonly at: number } | undefined;

  /** `volume`: about how much there is to do, in a unit of the caller's. */
  submit(program: string, volume: number): Ticket {
    const now = performance.now();
    if (now >= this.#idle) this.#busy = now;
    this.#idle = Math.max(this.#idle, now) + (this.#rates.get(program) ?? 0) * volume;
    this.#work += volume;
    return { program, work: this.#work, expected: this.#idle };
  }

  /** Milliseconds to sleep before the run should have ended; 0 where it is not worth a timer. */
  pause({ expected }: Ticket): number {
    const rest = SHARE * (expected - performance.now());
    return rest > SHORT ? Math.min(rest, LONGEST) : 0;
  }

  /** `waited`: milliseconds from the end of the sleep to the end of the run. */
  done({ program, work }: Ticket, waited: number): void {
    const last = this.#last;
    if (last !== undefined && work <= last.work) return;
    const now = performance.now();
    this.#last = { work, at: now };
    // The first says when to count from.
    const isFirst = !this.#seen.has(program);
    this.#seen.add(program);
    if (last === undefined || isFirst) return;
    const rate = (now - Math.max(last.at, this.#busy)) / (work - last.work);
    const known = this.#rates.get(program);
    if (waited < Math.max(SHORT, 0.05 * rate * (work - last.work))) {
      // It had ended before anybody looked: it took less than was seen.
      this.#learn(program, known === undefined ? 0 : Math.min(known, rate) / 2, now, this.#work - work);
      return;
    }
    this.#learn(program, known === undefined ? rate : (known + rate) / 2, now, this.#work - work);
  }

  /** `rest`: the work that was submitted later. What was expected before no longer counts: the device is here now. */
  #learn(program: string, rate: number, now: number, rest: number): void {
    if (rate > 0) this.#rates.set(program, rate);
    this.#idle = now + rest * rate;
  }
}
