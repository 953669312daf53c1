/** What happens in training, for programs (events, one JSON object a line) and for people (a line that redraws). */
import { plural } from '../data/problem.ts';
import type { Evaluation } from '../evaluate.ts';
import type { GradientStats } from '../gradient-stats.ts';
import { formatDuration, ProgressLine } from './progress.ts';
import type { StepEvent } from '../step-reader.ts';

/** Where it writes. */
export interface LogOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal that redraws a line after a carriage return. */
  readonly interactive: boolean;
  readonly columns: number;
}

export interface TrainLogOptions {
  readonly io: LogOutput;
  /** Events on stdout. */
  readonly json: boolean;
  /** Takes every event, too: the log of the run folder. */
  readonly record: (line: string) => void;
  /** Metrics of an evaluation by name. */
  readonly scores: (evaluation: Evaluation) => ReadonlyMap<string, number>;
  /** Precision, recall and F1 by class, where the task counts classes. */
  readonly classes?: (evaluation: Evaluation) => readonly object[];
}

export interface StartEvent {
  readonly model: string;
  readonly device: string;
  readonly parameters: number;
}

/** Why training ended. */
export type EndReason = 'done' | 'interrupted' | 'patience';

export type EventFields = Readonly<
  Record<string, number | string | boolean | readonly number[] | readonly string[] | readonly object[]>
>;

/** JSON has no NaN and no infinity: `JSON.stringify` writes null for them. */
export function printEvent(event: string, fields: EventFields): string {
  return JSON.stringify({ event, ...fields });
}

export class TrainLog {
  readonly #options: TrainLogOptions;
  readonly #line: ProgressLine;
  totalSteps = Number.POSITIVE_INFINITY;

  constructor(options: TrainLogOptions) {
    this.#options = options;
    const { io } = options;
    this.#line = new ProgressLine({ write: io.err, interactive: io.interactive, columns: io.columns });
  }

  start({ model, device, parameters }: StartEvent): void {
    this.#event('start', { model, device, parameters });
    this.say(`${model}: ${parameters.toLocaleString('en')} parameters, on ${device}`);
  }

  step({ step, loss, gradNorm, lr, tokensPerSecond, secondsPerStep }: StepEvent): void {
    this.#event('step', { step, loss, grad_norm: gradNorm, lr, tokens_per_s: Math.round(tokensPerSecond) });
    this.#line.update({
      step,
      totalSteps: this.totalSteps,
      loss,
      lr,
      gradNorm,
      tokensPerSecond,
      secondsLeft: (this.totalSteps - step) * secondsPerStep,
    });
  }

  /** Of every parameter; for people, the largest and the smallest norm. */
  gradients(gradients: readonly GradientStats[], step: number): void {
    this.#event('gradients', {
      step,
      parameters: gradients.map(({ name, elements, norm, min, max, zeros, notFinite, histogram }) => ({
        name,
        elements,
        norm,
        min,
        max,
        zeros,
        not_finite: notFinite,
        histogram,
      })),
    });
    const sorted = gradients.toSorted((a, b) => b.norm - a.norm);
    const [most, least] = [sorted[0], sorted.at(-1)];
    if (most === undefined || least === undefined) return;
    const show = ({ name, norm }: GradientStats): string => `${name} ${norm.toExponential(2)}`;
    const dead = gradients.filter(({ zeros, elements }) => zeros === elements).length;
    const note = dead === 0 ? '' : `, ${dead} of ${gradients.length} all zero`;
    this.say(`gradients at step ${step}: most ${show(most)}, least ${show(least)}${note}`);
  }

  /** `best`: whether it is the best validation so far. */
  evaluation(evaluation: Evaluation, step: number, best = false): void {
    const { split, rows, loss } = evaluation;
    const scores = this.#options.scores(evaluation);
    const classes = split === 'test' ? (this.#options.classes?.(evaluation) ?? []) : [];
    this.#event('eval', {
      split,
      step,
      loss,
      ...Object.fromEntries(scores),
      ...(best ? { best } : {}),
      ...(classes.length === 0 ? {} : { classes }),
    });
    // What was held out is the result, which people get as a table.
    if (split === 'test' && !this.#options.json) return;
    const figures = [...scores].map(([name, value]) => `  ${name} ${value.toFixed(4)}`).join('');
    this.say(
      `${split} (${rows}) at step ${step}  loss ${loss.toFixed(4)}${figures}${best ? '  (best)' : ''}`,
    );
  }

  end(steps: number, seconds: number, reason: EndReason): void {
    this.#line.end();
    this.#event('end', { steps, seconds: Math.round(seconds * 1000) / 1000, reason });
    this.say(`${plural(steps, 'step')} in ${formatDuration(seconds)}`);
  }

  /** A line for people. */
  say(text: string): void {
    this.#line.say(text);
  }

  /** What a run was for, where it was for one thing. */
  outcome(event: string, fields: EventFields, text: string): void {
    this.#event(event, fields);
    this.say(text);
  }

  /** For the run's folder alone: what its report shows. */
  note(event: string, fields: EventFields): void {
    this.#options.record(printEvent(event, fields));
  }

  /** What ended the run instead, for its folder; whoever reads events has the exit code. */
  fail(code: number, message: string): void {
    this.#options.record(printEvent('error', { code, message }));
  }

  /** Before an error message: leaves the last state of the line standing. */
  close(): void {
    this.#line.end();
  }

  #event(event: string, fields: EventFields): void {
    const line = printEvent(event, fields);
    this.#options.record(line);
    if (this.#options.json) this.#options.io.out(`${line}\n`);
  }
}
