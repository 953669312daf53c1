/**
 * The training loop over a session, a plan and a data set. Knows no file and no terminal: what happens is told to an
 * observer, and a state that it hands out continues later where it stopped, bit for bit.
 */
import type { Batch, BatchOptions, Dataset } from './data/dataset.ts';
import { evaluate, scoresOf, type Evaluation } from './evaluate.ts';
import { readGradients, type GradientStats } from './gradient-stats.ts';
import type { Plan, PlanTask } from './plan.ts';
import { requestFor } from './request.ts';
import { batchNumber, updateRequest } from './accumulation.ts';
import { plateauOf, stepPlateau, type PlateauState } from './plateau.ts';
import { learningRate, peakRate } from './schedule.ts';
import { RuntimeError, type Run, type Session, type TensorData } from './session.ts';
import { readResult } from './state-dict.ts';
import { StepReader, type StepEvent } from './step-reader.ts';

export interface TrainSettings {
  /** u32; keys shuffling and dropout. */
  readonly seed: number;
  /** Batches that make one step; the last of an epoch may have fewer. Absent: 1. */
  readonly accumulate?: number;
  /** Training ends after so many epochs or so many steps, whichever comes first. May be infinite. */
  readonly epochs: number;
  readonly steps: number;
  readonly shuffle: boolean;
  /** Steps between two validations; absent: one after each epoch. */
  readonly validationSteps?: number;
  /** Ends after so many validations without a better one. */
  readonly patience?: number;
  /** The metric that says which validation is the best; absent: the lowest loss is. */
  readonly bestMetric?: string;
  /** Checkpoints within an epoch; at its end there always is one. */
  readonly checkpointSteps?: number;
  readonly checkpointSeconds?: number;
  /** Steps between two looks at the gradients, which the plan must keep. */
  readonly watchSteps?: number;
  /** No checkpoint at an epoch's end so soon after the last; short epochs would write more than they compute. */
  readonly epochCheckpointSeconds?: number;
}

/** The best validation so far. */
export interface BestResult {
  readonly step: number;
  /** The loss, or the metric that was asked for. */
  readonly score: number;
  readonly parameters: ReadonlyMap<string, TensorData>;
}

/** Where training stands between two steps. With the session's states, all that it needs to go on. */
export interface TrainState {
  /** Steps done: updates of the parameters. */
  readonly step: number;
  /** From 0; the one that is under way. */
  readonly epoch: number;
  /** Batches of this epoch that were used. */
  readonly batch: number;
  readonly best?: BestResult;
  readonly validationsSinceBest: number;
  /** Where the schedule is driven by validations, and there was one. */
  readonly plateau?: PlateauState;
}

interface Score {
  readonly score: number;
  readonly sign: 1 | -1;
}

export const startState: TrainState = { step: 0, epoch: 0, batch: 0, validationsSinceBest: 0 };

export type CheckpointReason = 'epoch' | 'interval' | 'interrupted' | 'end';

/** Everything here is called between two steps, in order. */
export interface TrainObserver {
  readonly step?: (event: StepEvent) => void;
  readonly evaluation?: (evaluation: Evaluation, step: number, best: boolean) => void;
  readonly gradients?: (gradients: readonly GradientStats[], step: number) => void;
  /** All losses up to this state were finite; the session's states may be read. */
  readonly checkpoint?: (state: TrainState, reason: CheckpointReason) => Promise<void>;
}

export interface Training {
  readonly session: Session;
  readonly plan: Plan;
  readonly dataset: Dataset;
  readonly settings: TrainSettings;
  readonly observer?: TrainObserver;
  /** Where to go on; the session must hold the states that belong to it. */
  readonly start?: TrainState;
  /** Aborted: the step is finished, a checkpoint made, and the loop ends. */
  readonly signal?: AbortSignal;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface TrainResult {
  readonly reason: 'done' | 'interrupted' | 'patience';
  readonly state: TrainState;
  /** The best validation result; where training ended within an epoch, its end counts, too. */
  readonly best?: BestResult;
  readonly seconds: number;
}

/** Trains. Throws a RuntimeError with exit code 4 that names the step whose loss or gradient is not finite. */
export async function train(training: Training): Promise<TrainResult> {
  return new TrainLoop(training).run();
}

/** The task of a plan that can be trained. */
export function taskOf(plan: Pick<Plan, 'task' | 'signature'>): PlanTask {
  if (plan.task === undefined) throw new RuntimeError(2, `${plan.signature.model} has no task to train`);
  return plan.task;
}

/** What a task says, and what a command line says instead. */
export function settingsOf(
  task: PlanTask,
  given: { readonly seed?: number; readonly steps?: number; readonly epochs?: number },
): TrainSettings {
  const number = (name: string): number | undefined => {
    const value = task.fields[name];
    return typeof value === 'number' ? value : undefined;
  };
  const { best } = task.fields;
  const asked = given.steps !== undefined || given.epochs !== undefined;
  const limits = asked ? given : { steps: number('steps'), epochs: task.epochs };
  const optional = {
    validationSteps: number('validation'),
    patience: number('patience'),
    accumulate: number('accumulate'),
    bestMetric: typeof best === 'string' ? best : undefined,
  };
  return {
    seed: given.seed ?? task.seed,
    shuffle: true,
    steps: limits.steps ?? Number.POSITIVE_INFINITY,
    epochs: limits.epochs ?? Number.POSITIVE_INFINITY,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** How many steps all epochs have, at most `settings.steps`. Infinite where nothing bounds it. */
export function countSteps(dataset: Dataset, settings: TrainSettings, from: TrainState = startState): number {
  if (!Number.isFinite(settings.epochs)) return settings.steps;
  let steps = from.step;
  const { accumulate = 1 } = settings;
  for (let epoch = from.epoch; epoch < settings.epochs && steps < settings.steps; epoch++)
    steps +=
      Math.ceil(dataset.batchesPerEpoch('train', orderOf(settings, epoch)) / accumulate) -
      (epoch === from.epoch ? Math.floor(from.batch / accumulate) : 0);
  return Math.min(steps, settings.steps);
}

function orderOf({ seed, shuffle }: TrainSettings, epoch: number): BatchOptions {
  return { seed, epoch, shuffle };
}

class TrainLoop {
  readonly #training: Training;
  readonly #task: PlanTask;
  readonly #now: () => number;
  readonly #started: number;
  readonly #reader: StepReader;
  #state: TrainState;
  #saved: TrainState | undefined;
  #savedAt: number;
  #evaluated = -1;
  /** Of the batches since the last step. */
  #tokens = 0;
  readonly #accumulate: number;
  /** Of the whole run; schedules end there. */
  readonly #totalSteps: number;

  constructor(training: Training) {
    this.#training = training;
    this.#task = taskOf(training.plan);
    this.#now = training.now ?? (() => performance.now());
    this.#started = this.#now();
    this.#savedAt = this.#started;
    this.#reader = new StepReader((event) => training.observer?.step?.(event), this.#now);
    this.#state = training.start ?? startState;
    this.#accumulate = training.settings.accumulate ?? 1;
    this.#totalSteps = countSteps(training.dataset, training.settings, this.#state);
  }

  async run(): Promise<TrainResult> {
    const { settings, dataset } = this.#training;
    if (dataset.rows.train === 0) throw new RuntimeError(5, 'the data has no training part');
    const plateau = plateauOf(this.#task);
    if (plateau !== undefined && !this.#hasValidation())
      throw new RuntimeError(2, `${plateau.place}: \`reduce_on_plateau\` needs rows for validation`);
    while (
      this.#state.epoch < settings.epochs &&
      this.#state.step < settings.steps &&
      !this.#isOutOfPatience()
    ) {
      if (!(await this.#runEpoch())) break;
      await this.#endEpoch();
    }
    if (this.#isOutOfPatience()) return this.#end('patience');
    const finished = this.#state.epoch >= settings.epochs || this.#state.step >= settings.steps;
    return this.#end(finished ? 'done' : 'interrupted');
  }

  /** Whether the epoch came to its end. */
  async #runEpoch(): Promise<boolean> {
    const { dataset, settings } = this.#training;
    const skipped = this.#state.batch;
    if (skipped === 0) this.#training.session.resetCarries('train');
    let position = 0;
    for (const batch of dataset.batches('train', orderOf(settings, this.#state.epoch))) {
      if (position++ < skipped) continue;
      if (this.#isAborted() || this.#isOutOfPatience() || this.#state.step >= settings.steps) return false;
      if (!(await this.#runBatch(batch))) {
        await this.#checkpointIfLate();
        continue;
      }
      await this.#afterStep();
    }
    if (position === 0) throw new RuntimeError(5, 'the training part of the data gives no batch');
    // What is left at the end of an epoch makes a step of fewer batches.
    if (this.#waiting > 0) {
      await this.#update();
      await this.#afterStep();
    }
    return true;
  }

  async #afterStep(): Promise<void> {
    const { validationSteps } = this.#training.settings;
    await this.#watchIfDue();
    if (validationSteps !== undefined && this.#state.step % validationSteps === 0)
      await this.#validateInTurn();
    await this.#checkpointIfDue();
  }

  /** Batches whose gradients wait for the step. */
  get #waiting(): number {
    return this.#state.batch % this.#accumulate;
  }

  /** Whether this was the last batch of a step. */
  async #runBatch(batch: Batch): Promise<boolean> {
    const { session, plan, settings } = this.#training;
    const step = this.#state.step + 1;
    const lr = this.#learningRate(step);
    const numbers = { step: batchNumber(this.#accumulate, step, this.#waiting), seed: settings.seed, lr };
    const run = session.submit('train', requestFor(plan, 'train', batch, numbers));
    this.#tokens += batch.tokens;
    this.#state = { ...this.#state, batch: this.#state.batch + 1 };
    if (this.#waiting > 0) return false;
    if (this.#accumulate > 1) await this.#update();
    else await this.#endStep(run, lr);
    return true;
  }

  /** The step that follows from the gradients of several batches. */
  async #update(): Promise<void> {
    const { session, settings } = this.#training;
    const step = this.#state.step + 1;
    const lr = this.#learningRate(step);
    await this.#endStep(session.submit('update', updateRequest(step, settings.seed, lr)), lr);
  }

  #learningRate(step: number): number {
    return learningRate(this.#task, step, this.#totalSteps, this.#state.plateau?.lr ?? peakRate(this.#task));
  }

  async #endStep(run: Run, lr: number): Promise<void> {
    const step = this.#state.step + 1;
    this.#state = { ...this.#state, step };
    const tokens = this.#tokens;
    this.#tokens = 0;
    await this.#reader.push({ step, run, lr, tokens });
  }

  /** Before the step's loss is checked: where it is not finite, the gradients say which parameters are hit. */
  async #watchIfDue(): Promise<void> {
    const { session, plan, settings, observer } = this.#training;
    const { step } = this.#state;
    if (settings.watchSteps === undefined || (step !== 1 && step % settings.watchSteps !== 0)) return;
    await this.#reader.pause(async () => observer?.gradients?.(await readGradients(session, plan), step));
    await this.#reader.drain();
  }

  async #endEpoch(): Promise<void> {
    await this.#reader.drain();
    this.#state = { ...this.#state, epoch: this.#state.epoch + 1, batch: 0 };
    if (this.#training.settings.validationSteps === undefined) await this.#validateInTurn();
    const pause = this.#training.settings.epochCheckpointSeconds ?? 0;
    if (this.#secondsSinceCheckpoint() >= pause) await this.#checkpoint('epoch');
  }

  async #validateInTurn(): Promise<void> {
    if (!this.#hasValidation()) return;
    await this.#reader.drain();
    const { best, score, sign } = await this.#validate();
    const { plateau: before } = this.#state;
    const schedule = plateauOf(this.#task);
    const plateau = schedule && stepPlateau(schedule, before, { score, sign, peak: peakRate(this.#task) });
    this.#state = {
      ...this.#state,
      ...(plateau === undefined ? {} : { plateau }),
      ...(best === undefined ? {} : { best }),
      validationsSinceBest: best === undefined ? this.#state.validationsSinceBest + 1 : 0,
    };
  }

  async #end(reason: TrainResult['reason']): Promise<TrainResult> {
    await this.#reader.drain();
    await this.#checkpoint(reason === 'interrupted' ? 'interrupted' : 'end');
    let { best } = this.#state;
    // After the checkpoint: whoever continues from it must not see an evaluation that a longer run does not have.
    if (reason === 'done' && this.#hasValidation() && this.#evaluated !== this.#state.step)
      best = (await this.#validate()).best ?? best;
    return {
      reason,
      state: this.#state,
      ...(best === undefined ? {} : { best }),
      seconds: (this.#now() - this.#started) / 1000,
    };
  }

  #hasValidation(): boolean {
    const { dataset, plan } = this.#training;
    return dataset.rows.validation > 0 && plan.programs.some(({ name }) => name === 'eval');
  }

  /** `best`: the result, where it is the best so far. `sign`: 1 where more is better. */
  async #validate(): Promise<Score & { readonly best?: BestResult }> {
    const { session, plan, dataset, settings, observer } = this.#training;
    return this.#reader.pause(async () => {
      const evaluation = await evaluate({ session, plan, dataset, split: 'validation', seed: settings.seed });
      const { step, best } = this.#state;
      this.#evaluated = step;
      const { score, sign } = this.#scoreOf(evaluation);
      const better = Number.isFinite(score) && (best === undefined || sign * score > sign * best.score);
      observer?.evaluation?.(evaluation, step, better);
      if (!better) return { score, sign };
      return { score, sign, best: { step, score, parameters: await readResult(session, plan) } };
    });
  }

  /** Of metrics more is better; less of the loss, and of what follows from one. */
  #scoreOf(evaluation: Evaluation): Score {
    const { settings, dataset } = this.#training;
    const { bestMetric = 'loss' } = settings;
    if (bestMetric === 'loss') return { score: evaluation.loss, sign: -1 };
    const score = scoresOf(evaluation, this.#task, dataset.labels).get(bestMetric);
    if (score === undefined)
      throw new RuntimeError(
        2,
        `task ${this.#task.name}: there is no metric "${bestMetric}" to choose the best by`,
      );
    const metric = this.#task.metrics.find(({ name }) => name === bestMetric);
    const isError = metric?.of !== undefined || metric?.score === 'cer' || metric?.score === 'wer';
    return { score, sign: isError ? -1 : 1 };
  }

  #isOutOfPatience(): boolean {
    const { patience } = this.#training.settings;
    return patience !== undefined && this.#state.validationsSinceBest >= patience;
  }

  #isAborted(): boolean {
    return this.#training.signal?.aborted === true;
  }

  #secondsSinceCheckpoint(): number {
    return (this.#now() - this.#savedAt) / 1000;
  }

  async #checkpointIfDue(): Promise<void> {
    const { checkpointSteps } = this.#training.settings;
    if (checkpointSteps === undefined || this.#state.step % checkpointSteps !== 0)
      return this.#checkpointIfLate();
    await this.#reader.drain();
    await this.#checkpoint('interval');
  }

  async #checkpointIfLate(): Promise<void> {
    const { checkpointSeconds = Number.POSITIVE_INFINITY } = this.#training.settings;
    if (this.#secondsSinceCheckpoint() < checkpointSeconds) return;
    await this.#reader.drain();
    await this.#checkpoint('interval');
  }

  async #checkpoint(reason: CheckpointReason): Promise<void> {
    const { observer } = this.#training;
    if (observer?.checkpoint === undefined || this.#saved === this.#state) return;
    const state = this.#state;
    await this.#reader.pause(async () => observer.checkpoint?.(state, reason));
    this.#saved = state;
    this.#savedAt = this.#now();
  }
}
