/** Everything that is told of a run, to all who listen: people, stdout, the log of the run folder, TensorBoard. */
import path from 'node:path';
import type { Evaluation } from '../../runtime/evaluate.ts';
import type { GradientStats } from '../../runtime/gradient-stats.ts';
import { TrainLog, type EndReason, type EventFields, type StartEvent } from '../../runtime/node/train-log.ts';
import { RuntimeError } from '../../runtime/session.ts';
import type { StepEvent } from '../../runtime/step-reader.ts';
import { exitCodes } from './exit.ts';
import type { Io } from './io.ts';
import type { RunFolder } from './run-folder.ts';
import { settingsOf } from './run-history/compare-runs.ts';
import { readRun } from './run-history/read-run.ts';
import { Board } from './tensorboard/board.ts';

export interface RecorderOptions {
  readonly io: Io;
  /** Events on stdout. */
  readonly json: boolean;
  /** The run's folder, from when it has one. */
  readonly folder: () => RunFolder | undefined;
  /** Metrics of an evaluation by name. */
  readonly scores: (evaluation: Evaluation) => ReadonlyMap<string, number>;
  /** Precision, recall and F1 by class, where the task counts classes. */
  readonly classes: (evaluation: Evaluation) => readonly object[];
}

export class RunRecorder {
  readonly #options: RecorderOptions;
  readonly #log: TrainLog;
  #board: Board | undefined;
  #isStarted = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { io, json, folder, scores, classes } = options;
    this.#log = new TrainLog({ io, json, record: (line) => folder()?.log(line), scores, classes });
  }

  set totalSteps(steps: number) {
    this.#log.totalSteps = steps;
  }

  /** `step`: steps done before. */
  start(event: StartEvent, step: number): void {
    const place = this.#options.folder()?.path;
    if (place !== undefined) {
      this.#board = new Board(path.join(place, 'tensorboard'), step);
      this.#board.settings(settingsOf(readRun(place)));
    }
    this.#isStarted = true;
    this.#log.start(event);
  }

  step(event: StepEvent): void {
    this.#log.step(event);
    this.#board?.step(event);
  }

  evaluation(evaluation: Evaluation, step: number, best = false): void {
    this.#log.evaluation(evaluation, step, best);
    this.#board?.evaluation(evaluation, this.#options.scores(evaluation), step);
  }

  gradients(gradients: readonly GradientStats[], step: number): void {
    this.#log.gradients(gradients, step);
    this.#board?.gradients(gradients, step);
  }

  outcome(event: string, fields: EventFields, text: string): void {
    this.#log.outcome(event, fields, text);
  }

  /** What the run's report shows; nobody else is told. */
  note(event: string, fields: EventFields): void {
    this.#log.note(event, fields);
  }

  end(steps: number, seconds: number, reason: EndReason): void {
    this.#log.end(steps, seconds, reason);
    this.#board?.flush();
  }

  say(text: string): void {
    this.#log.say(text);
  }

  /** What was told so far is on the disk. Throws the system's error. */
  flush(): void {
    this.#board?.flush();
  }

  /** The folder says why its run ended, if it can: a full disk must not hide the error. What fails before is no part of it. */
  fail(error: unknown): void {
    this.#log.close();
    if (!this.#isStarted) return;
    try {
      const code = error instanceof RuntimeError ? error.exitCode : exitCodes.bug;
      this.#log.fail(code, error instanceof Error ? error.message : String(error));
      this.#board?.flush();
    } catch {
      return;
    }
  }
}
