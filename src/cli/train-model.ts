/** The course of `lmc train`: open, restore or initialise, train, save, evaluate. */
import path from 'node:path';
import process from 'node:process';
import type { Dataset } from '../../runtime/data/dataset.ts';
import { firstBatch, repeatBatch } from '../../runtime/data/one-batch.ts';
import { evaluate, scoresOf } from '../../runtime/evaluate.ts';
import {
  loadCheckpoint,
  restoreCheckpoint,
  saveCheckpoint,
  type LoadedCheckpoint,
} from '../../runtime/node/checkpoint.ts';
import { RuntimeError } from '../../runtime/session.ts';
import { checkWritable } from '../../runtime/node/atomic-file.ts';
import { readResult, writeParameters } from '../../runtime/state-dict.ts';
import {
  countSteps,
  settingsOf,
  startState,
  taskOf,
  train,
  type TrainObserver,
  type TrainResult,
  type Training,
  type TrainSettings,
  type TrainState,
} from '../../runtime/train.ts';
import { describeDifferences } from '../../runtime/trained-config.ts';
import { classScoresOf, printEvaluation } from '../../runtime/evaluation-text.ts';
import { checkDataUnchanged, type DataIdentity } from './data-identity.ts';
import { dryRunFields, printDryRun, type DryRun } from './dry-run.ts';
import { exitCodes } from './exit.ts';
import { watchInterrupts, type Interrupt } from './interrupts.ts';
import type { Io } from './io.ts';
import type { DataRequest } from '../../runtime/node/open-data.ts';
import { noteSamples, type SampledPart } from './note-samples.ts';
import { openModel, type OpenModel } from './open-model.ts';
import { isNearZero, overfitRepeats, overfitSteps, printOverfit } from './overfit-batch.ts';
import {
  encoderOf,
  loadParameters,
  parameterMetadata,
  readParameters,
  saveParameters,
} from '../../runtime/node/parameters.ts';
import { NonFiniteError } from '../../runtime/step-reader.ts';
import { writeInitialStates } from '../../runtime/replay.ts';
import type { RunConfig } from './run-config.ts';
import { describeRun } from './run-facts.ts';
import { RunFolder } from './run-folder.ts';
import { RunRecorder } from './run-recorder.ts';
import { quoteWord } from './run-options.ts';
import { defined, settleRun, type SettledRun, type TrainOptions } from './settle-run.ts';
import { printEvent } from '../../runtime/node/train-log.ts';
import { recomputeNote } from './summary/recompute-note.ts';
import { traceFailure } from './trace-failure.ts';
import { openTrainingData, type OpenedData } from './training-data.ts';
import { version } from './version.ts';

/** Gives the exit code. Throws a CommandError or a RuntimeError. */
export async function runTraining(io: Io, file: string | undefined, options: TrainOptions): Promise<number> {
  const settled = settleRun(file, options);
  const interrupt = watchInterrupts(io);
  let early: OpenedData | undefined;
  try {
    const { options: lower, host, device, seed } = settled;
    const model = await openModel(io, {
      file: settled.file,
      host,
      options: lower,
      needsTask: true,
      purpose: 'training',
      watchGradients: options.watchGrads !== undefined,
      ...defined({ device, seed }),
      beforeDevice: async (plan) => {
        // Parameters that it starts from may bring a vocabulary: then they are read first.
        const { resumed, init } = settled;
        if (resumed === undefined && init === undefined) early = await openTrainingData(plan, settled);
      },
    });
    if (model === undefined) return exitCodes.diagnostics;
    try {
      const run = new TrainRun(io, options, settled, model, interrupt, early);
      return options.dryRun === true ? await run.describe() : await run.run();
    } finally {
      model.close();
    }
  } finally {
    interrupt.release();
  }
}

class TrainRun {
  readonly #io: Io;
  readonly #options: TrainOptions;
  readonly #settled: SettledRun;
  readonly #model: OpenModel;
  readonly #interrupt: Interrupt;
  readonly #log: RunRecorder;
  #folder: RunFolder | undefined;
  #dataset: Dataset | undefined;
  #pretrained: DataRequest['pretrained'];
  #dataFiles: DataIdentity = {};
  /** What is trained, and since when (`performance.now()`). */
  #training: readonly [Training, number] | undefined;
  #metadata: ReadonlyMap<string, string> = new Map();
  /** Of the newest checkpoint. */
  #savedStep: number | undefined;

  readonly #early: OpenedData | undefined;

  constructor(
    io: Io,
    options: TrainOptions,
    settled: SettledRun,
    model: OpenModel,
    interrupt: Interrupt,
    early: OpenedData | undefined,
  ) {
    this.#early = early;
    this.#io = io;
    this.#options = options;
    this.#settled = settled;
    this.#model = model;
    this.#interrupt = interrupt;
    this.#folder = settled.resumed;
    this.#log = new RunRecorder({
      io,
      json: options.logFormat === 'json',
      folder: () => this.#folder,
      scores: (evaluation) => scoresOf(evaluation, taskOf(model.plan), this.#dataset?.labels ?? []),
      classes: (evaluation) => classScoresOf(evaluation, { labels: this.#dataset?.labels ?? [] }),
    });
  }

  async run(): Promise<number> {
    try {
      const result = await this.#train();
      if (result.reason === 'interrupted') return this.#endInterrupted(result);
      await this.#finish(result);
      return exitCodes.done;
    } catch (error) {
      const traced = error instanceof NonFiniteError ? await this.#trace(error) : error;
      this.#log.fail(traced);
      throw this.#adviseOn(traced);
    }
  }

  /** The error with the op that made the first number that is not finite. */
  async #trace(error: NonFiniteError): Promise<NonFiniteError> {
    const [training, began] = this.#training ?? [];
    if (training === undefined || began === undefined) return error;
    try {
      const { graphs } = this.#model.compiled;
      if (graphs.train === undefined) return error;
      this.#log.say(`step ${error.step} is not finite: looks for the op`);
      const found = await traceFailure(
        {
          training,
          graph: graphs.train,
          rewind: (step) => this.#rewind(step),
          readSource: (file) => this.#settled.host.readSpanFile(file),
          secondsPerStep: (performance.now() - began) / 1000 / Math.max(1, error.step),
        },
        error.step,
      );
      return new NonFiniteError(error.step, error.what, found);
    } catch {
      // What fails in the search must not hide what it was for.
      return error;
    }
  }

  /** Before a step: the newest checkpoint from before it, or else the start, where this process saw it. */
  async #rewind(step: number): Promise<TrainState | undefined> {
    const { plan, session, seed } = this.#model;
    const checkpoint = this.#folder && (await loadCheckpoint(this.#folder.checkpoints, step));
    if (checkpoint !== undefined) {
      restoreCheckpoint(session, plan, checkpoint);
      return checkpoint.state;
    }
    if (this.#settled.resumed !== undefined) return undefined;
    writeInitialStates(session, plan, seed);
    await this.#loadInit();
    return startState;
  }

  /** Everything but the training: what it would do. Writes nothing. */
  async describe(): Promise<number> {
    const checkpoint = await this.#restore();
    const dataset = await this.#openData(checkpoint);
    const settings = this.#settings();
    const { out, save, logFormat } = this.#options;
    const folder = this.#folder?.path ?? out;
    const dryRun: DryRun = {
      model: this.#model,
      dataset,
      settings,
      start: checkpoint?.state ?? startState,
      batch: firstBatch(dataset, settings.seed, settings.shuffle),
      heldOut: this.#settled.data === undefined,
      writes: [
        ...(folder === undefined ? [] : [`the run folder ${folder}`]),
        ...(save === undefined ? [] : [save]),
      ],
    };
    this.#io.out(
      logFormat === 'json' ? `${printEvent('dry-run', dryRunFields(dryRun))}\n` : printDryRun(dryRun),
    );
    return exitCodes.done;
  }

  async #train(): Promise<TrainResult> {
    if (this.#options.save !== undefined) await checkWritable(this.#options.save);
    const { plan, session, parameterCount } = this.#model;
    const checkpoint = await this.#restore();
    const dataset = await this.#openData(checkpoint);
    this.#metadata = parameterMetadata(plan, dataset.encoder);
    const settings = this.#settings();
    const start = checkpoint?.state ?? startState;
    this.#openFolder(settings, start);
    this.#log.start(
      { model: plan.signature.model, device: session.description, parameters: parameterCount },
      start.step,
    );
    const { recomputed } = this.#model.compiled.lowered;
    if (recomputed !== undefined) this.#log.say(recomputeNote(recomputed));
    for (const note of dataset.notes) this.#log.say(note);
    if (start.step > 0) this.#log.say(`goes on after step ${start.step}`);
    this.#log.totalSteps = countSteps(dataset, settings, start);
    this.#interrupt.arm((text) => this.#log.say(text));
    const training = { session, plan, settings, signal: this.#interrupt.signal, observer: this.#observer() };
    if (this.#options.overfitBatch === true) return this.#overfit(dataset, training);
    this.#training = [{ ...training, dataset }, performance.now()];
    return train({ ...training, dataset, start });
  }

  /** Trains on the first batch alone, and says how its loss has come down. */
  async #overfit(dataset: Dataset, training: Omit<Training, 'dataset'>): Promise<TrainResult> {
    const { session, plan, settings } = training;
    const { seed } = settings;
    const batch = firstBatch(dataset, seed, settings.shuffle);
    this.#dataset = repeatBatch(dataset, batch, overfitRepeats);
    this.#log.totalSteps = settings.steps;
    const once = repeatBatch(dataset, batch, 1);
    const loss = async (): Promise<number> =>
      (await evaluate({ session, plan, dataset: once, split: 'train', seed })).loss;
    const first = await loss();
    const result = await train({ ...training, dataset: this.#dataset });
    const outcome = { rows: batch.rows, steps: result.state.step, first, last: await loss() };
    this.#log.outcome('overfit', { ...outcome, near_zero: isNearZero(outcome) }, printOverfit(outcome));
    return result;
  }

  async #restore(): Promise<LoadedCheckpoint | undefined> {
    const { plan, session } = this.#model;
    const { resumed } = this.#settled;
    const checkpoint = resumed === undefined ? undefined : await loadCheckpoint(resumed.checkpoints);
    for (const damage of checkpoint?.damaged ?? []) this.#log.say(`passed over: ${damage}`);
    if (checkpoint !== undefined) {
      restoreCheckpoint(session, plan, checkpoint);
      this.#savedStep = checkpoint.state.step;
    } else await this.#loadInit();
    return checkpoint;
  }

  /** Parameters to start from, where there are some. */
  async #loadInit(): Promise<void> {
    const { plan, session } = this.#model;
    const { init, initOnly } = this.#settled;
    if (init !== undefined) {
      const parameters = await readParameters(plan, init, initOnly);
      const difference = describeDifferences(plan, parameters.metadata);
      if (difference !== undefined) this.#log.say(difference);
      loadParameters(session, plan, parameters);
      const encoder = encoderOf(parameters.metadata);
      if (encoder !== undefined) this.#pretrained = { name: init, encoder };
    }
  }

  async #openData(checkpoint: LoadedCheckpoint | undefined): Promise<Dataset> {
    const encoder = checkpoint === undefined ? undefined : encoderOf(checkpoint.metadata);
    const brought = defined({ encoder, pretrained: this.#pretrained });
    const { dataset, files } =
      this.#early ?? (await openTrainingData(this.#model.plan, this.#settled, brought));
    this.#dataset = dataset;
    this.#dataFiles = files;
    const { resumed } = this.#settled;
    if (resumed !== undefined) checkDataUnchanged(resumed.config.dataFiles, files, resumed.path);
    return dataset;
  }

  #settings(): TrainSettings {
    const { steps, epochs, shuffle } = this.#settled;
    const { checkpointSteps, watchGrads: watchSteps, overfitBatch } = this.#options;
    const settings = settingsOf(taskOf(this.#model.plan), {
      seed: this.#model.seed,
      ...defined({ steps, epochs }),
    });
    return {
      ...settings,
      ...(overfitBatch === true ? { steps: steps ?? overfitSteps, epochs: Number.POSITIVE_INFINITY } : {}),
      shuffle,
      checkpointSeconds: 120,
      epochCheckpointSeconds: 2,
      ...defined({ checkpointSteps, watchSteps }),
    };
  }

  #openFolder(settings: TrainSettings, start: TrainState): void {
    if (this.#folder !== undefined) {
      const { steps: _steps, epochs: _epochs, ...rest } = this.#folder.config;
      this.#folder.writeConfig({ ...rest, ...limitsOf(settings) });
      this.#folder.truncateLog(start.step);
      this.#folder.writeFacts(describeRun(this.#model, this.#model.seed, limitsOf(settings)));
    } else if (this.#options.out !== undefined) {
      this.#createFolder(this.#options.out, settings);
    }
  }

  #createFolder(place: string, settings: TrainSettings): void {
    const { file, folder, options, shuffle, device, data, init, initOnly, host } = this.#settled;
    const config: Omit<RunConfig, 'sources'> = {
      format: 'lmc-run',
      version: 1,
      lmc: version,
      file,
      folder,
      set: Object.fromEntries(options.set),
      task: { fields: Object.fromEntries(options.task), ...defined({ name: options.taskName }) },
      shuffle,
      seed: this.#model.seed,
      ...limitsOf(settings),
      dataFiles: this.#dataFiles,
      ...defined({ batchSize: options.batchSize, device, data, init, initOnly }),
    };
    const sources = new Map(host.filesRead().map((name) => [name, host.readFile(name) ?? '']));
    const { run, earlier } = RunFolder.create(place, config, sources);
    run.writeFacts(describeRun(this.#model, this.#model.seed, limitsOf(settings)));
    run.writePlan(this.#model.plan);
    if (earlier !== undefined) this.#log.say(`the run that was in ${place} is now in ${earlier}`);
    this.#folder = run;
  }

  #observer(): TrainObserver {
    return {
      step: (event) => this.#log.step(event),
      evaluation: (evaluation, step, best) => this.#log.evaluation(evaluation, step, best),
      gradients: (gradients, step) => this.#log.gradients(gradients, step),
      checkpoint: async (state, reason) => {
        this.#log.flush();
        if (this.#folder === undefined && reason === 'interrupted')
          this.#createFolder(this.#placeForInterrupted(), this.#settings());
        if (this.#folder === undefined) return;
        const { session, plan, seed } = this.#model;
        await saveCheckpoint(this.#folder.checkpoints, {
          session,
          plan,
          state,
          seed,
          metadata: this.#metadata,
          keep: this.#options.keep,
        });
        this.#savedStep = state.step;
      },
    };
  }

  /** Where nobody said where to save, and there is something to lose. */
  #placeForInterrupted(): string {
    return path.join('runs', path.basename(this.#settled.file, '.lm').replaceAll(/[^\w.-]/g, '_'));
  }

  #endInterrupted(result: TrainResult): number {
    this.#log.end(result.state.step, result.seconds, 'interrupted');
    if (this.#folder !== undefined)
      this.#log.say(`saved after step ${result.state.step}; go on with: ${resumeCommand(this.#folder)}`);
    return exitCodes.interrupted;
  }

  async #finish({ state, best, seconds, reason }: TrainResult): Promise<void> {
    const { session, plan, seed } = this.#model;
    if (reason === 'patience') this.#log.say('validation gets no better: stopped');
    let step = state.step;
    if (best !== undefined && best.step !== state.step) {
      writeParameters(session, plan, best.parameters);
      step = best.step;
      this.#log.say(`the parameters of step ${step}, with the best validation, are the result`);
    }
    const { save } = this.#options;
    const named = [save, this.#folder?.model].filter((place) => place !== undefined);
    // The same file may be named twice: `--out DIR --save DIR/model.safetensors`.
    const places = named.filter(
      (place, at) => named.findIndex((other) => path.resolve(other) === path.resolve(place)) === at,
    );
    if (places.length > 0) {
      const parameters = await readResult(session, plan);
      for (const place of places) await saveParameters(place, parameters, this.#metadata);
      this.#log.say(`wrote ${places.join(' and ')}`);
    }
    const dataset = this.#dataset;
    // With --data every row was trained on: nothing is held out.
    if (dataset !== undefined && dataset.rows.test > 0 && this.#settled.data === undefined) {
      const evaluation = await evaluate({ session, plan, dataset, split: 'test', seed });
      this.#log.evaluation(evaluation, step);
      await this.#noteSamples(dataset, evaluation);
      this.#log.end(state.step, seconds, reason);
      if (this.#options.logFormat === 'text')
        this.#io.out(printEvaluation(evaluation, taskOf(plan), dataset));
    } else {
      if (dataset !== undefined && dataset.rows.validation > 0 && this.#settled.data === undefined)
        await this.#noteSamples(dataset, { split: 'validation' });
      this.#log.end(state.step, seconds, reason);
    }
  }

  async #noteSamples(dataset: Dataset, evaluation: SampledPart): Promise<void> {
    if (this.#folder !== undefined) await noteSamples(this.#log, this.#model, dataset, evaluation);
  }

  /** What fails in the middle of a run says how to go on. */
  #adviseOn(error: unknown): unknown {
    if (!(error instanceof RuntimeError) || this.#folder === undefined || this.#savedStep === undefined)
      return error;
    const advice =
      error.exitCode === exitCodes.nonFinite
        ? `the checkpoint of step ${this.#savedStep} is from before it`
        : `go on after step ${this.#savedStep} with`;
    return new RuntimeError(error.exitCode, `${error.message}\n  ${advice}: ${resumeCommand(this.#folder)}`, {
      cause: error,
    });
  }
}

function limitsOf({ steps, epochs }: TrainSettings): Pick<RunConfig, 'steps' | 'epochs'> {
  return defined({
    steps: Number.isFinite(steps) ? steps : undefined,
    epochs: Number.isFinite(epochs) ? epochs : undefined,
  });
}

function resumeCommand(folder: RunFolder): string {
  const place = path.relative(process.cwd(), folder.path);
  return `npx lmc train --resume ${quoteWord(place.startsWith('..') ? folder.path : place || '.')}`;
}
