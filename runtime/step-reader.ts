/**
 * Reads the results of submitted steps, in order and late: the device works on the next steps meanwhile. A step is
 * read when more of them are under way than a quarter of a second's work.
 */
import { RuntimeError, type Run } from './session.ts';

export interface StepEvent {
  /** 1 for the first. */
  readonly step: number;
  readonly loss: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  /** Over the last few seconds, without pauses for validation and checkpoints. */
  readonly tokensPerSecond: number;
  readonly secondsPerStep: number;
}

export interface SubmittedStep {
  readonly step: number;
  readonly run: Run;
  readonly lr: number;
  readonly tokens: number;
}

const secondsAhead = 0.25;
const mostAhead = 12;
/** Rates are means over so long. */
const windowSeconds = 5;

interface Reading {
  readonly at: number;
  readonly tokens: number;
  readonly steps: number;
}

export class StepReader {
  readonly #onStep: (event: StepEvent) => void;
  readonly #now: () => number;
  #pending: SubmittedStep[] = [];
  /** What was read at which time; the first marks the start of the window. */
  #readings: Reading[];

  /** `now`: milliseconds. */
  constructor(onStep: (event: StepEvent) => void, now: () => number) {
    this.#onStep = onStep;
    this.#now = now;
    this.#readings = [{ at: now(), tokens: 0, steps: 0 }];
  }

  /** Takes note of a step; waits for older ones if enough are under way. */
  async push(submitted: SubmittedStep): Promise<void> {
    this.#pending.push(submitted);
    const { secondsPerStep } = this.#rates();
    const ahead = Number.isFinite(secondsPerStep)
      ? Math.min(mostAhead, Math.max(1, Math.floor(secondsAhead / secondsPerStep)))
      : 1;
    if (this.#pending.length > ahead) await this.#read(Math.ceil(this.#pending.length / 2));
  }

  /** Waits for everything submitted. */
  async drain(): Promise<void> {
    await this.#read(this.#pending.length);
  }

  /** The clock stands still while `work` runs. */
  async pause<Result>(work: () => Promise<Result>): Promise<Result> {
    const start = this.#now();
    try {
      return await work();
    } finally {
      const paused = this.#now() - start;
      this.#readings = this.#readings.map((reading) => ({ ...reading, at: reading.at + paused }));
    }
  }

  async #read(count: number): Promise<void> {
    const ready = this.#pending.splice(0, count);
    const results: { readonly loss: number; readonly gradNorm: number }[] = [];
    for (const { run } of ready) {
      const outputs = await run.outputs();
      results.push({ loss: scalarOf(outputs, 'loss'), gradNorm: scalarOf(outputs, 'grad_norm') });
    }
    const tokens = ready.reduce((sum, step) => sum + step.tokens, 0);
    this.#readings.push({ at: this.#now(), tokens, steps: ready.length });
    const oldest = this.#now() - windowSeconds * 1000;
    // The window begins with the last reading from before it: it is never shorter than it should be.
    while (this.#readings.length > 2 && (this.#readings[1]?.at ?? 0) < oldest) this.#readings.shift();
    const rates = this.#rates();
    ready.forEach(({ step, lr }, at) => {
      const { loss, gradNorm } = results[at] ?? { loss: Number.NaN, gradNorm: Number.NaN };
      this.#onStep({ step, loss, gradNorm, lr, ...rates });
      checkFinite(step, loss, gradNorm);
    });
  }

  #rates(): { readonly tokensPerSecond: number; readonly secondsPerStep: number } {
    const [first, ...rest] = this.#readings;
    const last = rest.at(-1);
    if (first === undefined || last === undefined)
      return { tokensPerSecond: Number.NaN, secondsPerStep: Number.NaN };
    const seconds = Math.max(1e-6, (last.at - first.at) / 1000);
    const sum = (of: (reading: Reading) => number): number =>
      rest.reduce((total, reading) => total + of(reading), 0);
    return {
      tokensPerSecond: sum(({ tokens }) => tokens) / seconds,
      secondsPerStep:
        seconds /
        Math.max(
          1,
          sum(({ steps }) => steps),
        ),
    };
  }
}

function scalarOf(outputs: ReadonlyMap<string, { readonly data: ArrayLike<number> }>, name: string): number {
  // A graph without a gradient norm reports none.
  return outputs.get(name)?.data[0] ?? 0;
}

/** The loss or the norm of the gradient of a step is not finite, `what`: exit code 4. `more`: in place of advice. */
export class NonFiniteError extends RuntimeError {
  readonly step: number;
  readonly what: string;
  constructor(step: number, what: string, more: string = `. ${calmer}`) {
    super(4, `step ${step}: ${what}${more}`);
    this.step = step;
    this.what = what;
  }
}

/** What helps where numbers grew too large. */
export const calmer =
  "A smaller learning rate (--task 'optim=adam{lr=…}') or --task clip_norm=1.0 usually helps";

function checkFinite(step: number, loss: number, gradNorm: number): void {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
  const what = Number.isFinite(loss) ? `the gradient's norm is ${gradNorm}` : `the loss is ${loss}`;
  throw new NonFiniteError(step, what);
}
