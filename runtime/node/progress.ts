/** The line that says how training goes: redrawn in place on a terminal, now and then a whole line in a log file. */

export interface ProgressOutput {
  readonly write: (text: string) => void;
  /** Whether a carriage return goes back to the start of the line. */
  readonly interactive: boolean;
  readonly columns: number;
}

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

const redrawMs = 100;
const logMs = 10_000;

export class ProgressLine {
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  #shown = '';
  #last = Number.NEGATIVE_INFINITY;

  constructor(output: ProgressOutput, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  update(progress: Progress): void {
    const now = this.#now();
    const final = progress.step === progress.totalSteps;
    if (!final && now - this.#last < (this.#output.interactive ? redrawMs : logMs)) return;
    this.#last = now;
    const line = formatProgress(progress);
    if (!this.#output.interactive) {
      this.#output.write(`${line}\n`);
      return;
    }
    const cut = line.slice(0, Math.max(1, this.#output.columns - 1));
    this.#output.write(`\r${cut.padEnd(this.#shown.length)}`);
    this.#shown = cut;
  }

  /** A line of its own, above the progress. */
  say(text: string): void {
    const redrawn = this.#shown;
    this.#clear();
    this.#output.write(`${text}\n`);
    if (redrawn !== '') {
      this.#output.write(redrawn);
      this.#shown = redrawn;
    }
  }

  /** Leaves the last state standing. */
  end(): void {
    if (this.#shown !== '') this.#output.write('\n');
    this.#shown = '';
  }

  #clear(): void {
    if (this.#shown !== '') this.#output.write(`\r${' '.repeat(this.#shown.length)}\r`);
    this.#shown = '';
  }
}

export function formatProgress(progress: Progress): string {
  const { step, totalSteps, loss, lr, gradNorm, tokensPerSecond, secondsLeft } = progress;
  return [
    `step ${String(step).padStart(String(totalSteps).length)}/${totalSteps}`,
    `loss ${loss.toFixed(4)}`,
    `lr ${formatRate(lr)}`,
    `grad ${gradNorm.toPrecision(3)}`,
    `${formatThousands(tokensPerSecond)} tok/s`,
    `ETA ${formatDuration(secondsLeft)}`,
  ].join('  ');
}

function formatRate(lr: number): string {
  return lr === 0
    ? '0'
    : lr
        .toExponential(2)
        .replace('e+0', '')
        .replace(/\.?0+e/, 'e');
}

function formatThousands(value: number): string {
  if (!Number.isFinite(value)) return '?';
  return value >= 10_000 ? `${(value / 1000).toFixed(1)}k` : value.toFixed(0);
}

/** `4.2 s`, `3:07`, `1:02:45` */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, '0');
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, '0')}:${tail}`;
}
