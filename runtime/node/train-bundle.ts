/** What a bundle's `train.js` runs: the training of `lmc train`, for a model that is compiled already. */
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { readBundle } from '../bundle.ts';
import type { Dataset } from '../data/dataset.ts';
import { evaluate, scoresOf } from '../evaluate.ts';
import { printEvaluation } from '../evaluation-text.ts';
import type { Plan } from '../plan.ts';
import { RuntimeError, type Session } from '../session.ts';
import { describeDifferences } from '../trained-config.ts';
import { readResult, stateLayouts, writeParameters } from '../state-dict.ts';
import {
  countSteps,
  settingsOf,
  startState,
  taskOf,
  train,
  type TrainResult,
  type TrainSettings,
} from '../train.ts';
import { openHost } from './bundle-host.ts';
import { loadCheckpoint, restoreCheckpoint, saveCheckpoint, type LoadedCheckpoint } from './checkpoint.ts';
import { openData, type DataRequest } from './open-data.ts';
import {
  encoderOf,
  loadParameters,
  parameterMetadata,
  readParameters,
  saveParameters,
} from './parameters.ts';
import { explainRawSystemError } from './system-errors.ts';
import { parseTrainOptions, trainHelp, type BundleTrainOptions } from './train-options.ts';
import { TrainLog, type LogOutput } from './train-log.ts';

const output: LogOutput = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
  columns: process.stderr.columns ?? 100,
};

/** Gives the exit code, after what was printed has reached its reader. `base`: the bundle's folder, with a slash. */
export async function trainBundle(base: URL, args: readonly string[]): Promise<number> {
  const code = await runTraining(base, args).catch(explainFailure);
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
  );
  return code;
}

function explainFailure(error: unknown): number {
  if (error instanceof RuntimeError) {
    output.err(`train: ${error.message}\n`);
    return error.exitCode;
  }
  const refused = explainRawSystemError(error);
  if (refused !== undefined) {
    output.err(`train: ${refused.message}\n`);
    return refused.exitCode;
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  output.err(`train: ${details}\n`);
  return 70;
}

async function runTraining(base: URL, args: readonly string[]): Promise<number> {
  const options = parseTrainOptions(args);
  if (options.help) {
    output.out(trainHelp);
    return 0;
  }
  const host = await openHost(base);
  const { plan, modules } = await readBundle(host);
  const checkpoint = await openCheckpoint(options);
  const seed = options.seed ?? checkpoint?.seed ?? taskOf(plan).seed;
  const { device } = options;
  const session = await host.openSession(plan, modules, {
    seed,
    ...(device === undefined ? {} : { device }),
  });
  try {
    return await new BundleTraining(base, options, plan, session, seed).run(checkpoint);
  } finally {
    session.close();
  }
}

async function openCheckpoint({ resume }: BundleTrainOptions): Promise<LoadedCheckpoint | undefined> {
  if (resume === undefined) return undefined;
  const checkpoint = await loadCheckpoint(path.join(resume, 'checkpoints'));
  if (checkpoint === undefined) throw new RuntimeError(5, `there is no checkpoint in ${resume}`);
  return checkpoint;
}

class BundleTraining {
  readonly #folder: string;
  readonly #options: BundleTrainOptions;
  readonly #plan: Plan;
  readonly #session: Session;
  readonly #seed: number;
  readonly #log: TrainLog;
  #labels: readonly string[] = [];
  #pretrained: DataRequest['pretrained'];

  constructor(base: URL, options: BundleTrainOptions, plan: Plan, session: Session, seed: number) {
    this.#folder = fileURLToPath(base);
    this.#options = options;
    this.#plan = plan;
    this.#session = session;
    this.#seed = seed;
    this.#log = new TrainLog({
      io: output,
      json: options.logFormat === 'json',
      record: () => undefined,
      scores: (evaluation) => scoresOf(evaluation, taskOf(plan), this.#labels),
    });
  }

  async run(checkpoint: LoadedCheckpoint | undefined): Promise<number> {
    const interrupt = this.#watchInterrupts();
    try {
      await this.#initialize(checkpoint);
      const dataset = await this.#openData(checkpoint);
      this.#labels = dataset.labels;
      const metadata = parameterMetadata(this.#plan, dataset.encoder);
      const result = await this.#train(dataset, metadata, checkpoint, interrupt.signal);
      if (result.reason === 'interrupted') return this.#endInterrupted(result);
      await this.#finish(result, dataset, metadata);
      return 0;
    } catch (error) {
      this.#log.close();
      throw error;
    } finally {
      interrupt.release();
    }
  }

  async #initialize(checkpoint: LoadedCheckpoint | undefined): Promise<void> {
    const { init } = this.#options;
    for (const damage of checkpoint?.damaged ?? []) this.#log.say(`passed over: ${damage}`);
    if (checkpoint !== undefined) restoreCheckpoint(this.#session, this.#plan, checkpoint);
    else if (init !== undefined) {
      const parameters = await readParameters(this.#plan, init);
      const difference = describeDifferences(this.#plan, parameters.metadata);
      if (difference !== undefined) this.#log.say(difference);
      loadParameters(this.#session, this.#plan, parameters);
      const encoder = encoderOf(parameters.metadata);
      if (encoder !== undefined) this.#pretrained = { name: init, encoder };
    }
  }

  #openData(checkpoint: LoadedCheckpoint | undefined): Promise<Dataset> {
    const { data, batchSize, shuffle } = this.#options;
    const encoder = checkpoint === undefined ? undefined : encoderOf(checkpoint.metadata);
    return openData({
      plan: this.#plan,
      // The task's data lies in the bundle, wherever this is started from.
      file: path.join(this.#folder, 'plan.json'),
      folder: this.#folder,
      shuffle,
      targets: true,
      ...(data === undefined ? {} : { data }),
      ...(batchSize === undefined ? {} : { batchSize }),
      ...(encoder === undefined ? {} : { encoder }),
      ...(this.#pretrained && { pretrained: this.#pretrained }),
    });
  }

  #train(
    dataset: Dataset,
    metadata: ReadonlyMap<string, string>,
    checkpoint: LoadedCheckpoint | undefined,
    signal: AbortSignal,
  ): Promise<TrainResult> {
    const [plan, session, seed] = [this.#plan, this.#session, this.#seed];
    const settings = this.#settings();
    const start = checkpoint?.state ?? startState;
    const parameters = stateLayouts(plan, 'parameter').reduce(
      (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
      0,
    );
    this.#log.start({ model: plan.signature.model, device: session.description, parameters });
    for (const note of dataset.notes) this.#log.say(note);
    if (start.step > 0) this.#log.say(`goes on after step ${start.step}`);
    this.#log.totalSteps = countSteps(dataset, settings, start);
    const place = this.#checkpoints();
    return train({
      session,
      plan,
      dataset,
      settings,
      start,
      signal,
      observer: {
        step: (event) => this.#log.step(event),
        evaluation: (evaluation, step, best) => this.#log.evaluation(evaluation, step, best),
        ...(place === undefined
          ? {}
          : {
              checkpoint: async (state) => {
                await saveCheckpoint(place, { session, plan, state, seed, metadata, keep: 3 });
              },
            }),
      },
    });
  }

  #checkpoints(): string | undefined {
    const folder = this.#options.resume ?? this.#options.out;
    return folder === undefined ? undefined : path.join(folder, 'checkpoints');
  }

  #settings(): TrainSettings {
    const { steps, epochs, shuffle } = this.#options;
    const given = {
      seed: this.#seed,
      ...(steps === undefined ? {} : { steps }),
      ...(epochs === undefined ? {} : { epochs }),
    };
    return {
      ...settingsOf(taskOf(this.#plan), given),
      shuffle,
      checkpointSeconds: 120,
      epochCheckpointSeconds: 2,
    };
  }

  /** Ctrl-C once ends the step and saves; twice stops at once. */
  #watchInterrupts(): { readonly signal: AbortSignal; readonly release: () => void } {
    const controller = new AbortController();
    const onSignal = (): void => {
      if (controller.signal.aborted) process.exit(130);
      this.#log.say('interrupted: ends after this step; Ctrl-C again stops at once');
      controller.abort();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return {
      signal: controller.signal,
      release: () => {
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
      },
    };
  }

  #endInterrupted({ state, seconds }: TrainResult): number {
    this.#log.end(state.step, seconds, 'interrupted');
    const folder = this.#options.resume ?? this.#options.out;
    if (folder !== undefined)
      this.#log.say(`saved after step ${state.step}; go on with: node train.js --resume ${folder}`);
    return 130;
  }

  async #finish(
    { state, best, seconds, reason }: TrainResult,
    dataset: Dataset,
    metadata: ReadonlyMap<string, string>,
  ): Promise<void> {
    const [plan, session] = [this.#plan, this.#session];
    if (reason === 'patience') this.#log.say('validation gets no better: stopped');
    if (best !== undefined && best.step !== state.step) {
      writeParameters(session, plan, best.parameters);
      this.#log.say(`the parameters of step ${best.step}, with the best validation, are the result`);
    }
    const place = this.#options.save ?? path.join(this.#folder, 'model.safetensors');
    await saveParameters(place, await readResult(session, plan), metadata);
    this.#log.say(`wrote ${place}`);
    // With --data every row was trained on: nothing is held out.
    if (dataset.rows.test === 0 || this.#options.data !== undefined) {
      this.#log.end(state.step, seconds, reason);
      return;
    }
    const evaluation = await evaluate({ session, plan, dataset, split: 'test', seed: this.#seed });
    this.#log.evaluation(evaluation, best?.step ?? state.step);
    this.#log.end(state.step, seconds, reason);
    if (this.#options.logFormat === 'text') output.out(printEvaluation(evaluation, taskOf(plan), dataset));
  }
}
