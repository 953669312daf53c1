/** What a training run is to do: from the command line, or from the folder of a run that is gone on with. */
import path from 'node:path';
import process from 'node:process';
import type { LowerOptions } from '../lower/lowered.ts';
import { CommandError, exitCodes } from './exit.ts';
import { lowerOptions } from './options.ts';
import type { RunConfig } from './run-config.ts';
import { RunFolder } from './run-folder.ts';
import type { RunOptions } from './run-options.ts';
import { createDiskHost, withCopies, type DiskHost } from './source-host.ts';

export interface TrainOptions extends RunOptions {
  readonly shuffle: boolean;
  readonly init?: string;
  readonly initOnly?: string;
  readonly save?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly steps?: number;
  readonly epochs?: number;
  readonly checkpointSteps?: number;
  readonly keep: number;
  readonly dryRun?: true;
  readonly overfitBatch?: true;
  /** Steps between two looks at the gradients. */
  readonly watchGrads?: number;
}

export interface SettledRun {
  readonly file: string;
  /** What relative paths of the program and of its data start from. */
  readonly folder: string;
  readonly host: DiskHost;
  readonly options: LowerOptions;
  readonly seed?: number;
  readonly device?: string;
  readonly data?: string;
  readonly init?: string;
  readonly initOnly?: string;
  readonly shuffle: boolean;
  /** As given; undefined where the task decides. */
  readonly epochs?: number;
  readonly steps?: number;
  /** The run that is gone on with. */
  readonly resumed?: RunFolder;
}

export function settleRun(file: string | undefined, options: TrainOptions): SettledRun {
  if (options.overfitBatch === true && options.resume !== undefined)
    throw new CommandError(exitCodes.usage, '--overfit-batch starts afresh: without --resume');
  if (options.resume !== undefined) return settleResumed(file, options.resume, options);
  if (file === undefined)
    throw new CommandError(exitCodes.usage, 'which program? `lmc train FILE`, or `lmc train --resume DIR`');
  const { seed, device, data, init, initOnly, shuffle, epochs, steps } = options;
  if (initOnly !== undefined && init === undefined)
    throw new CommandError(exitCodes.usage, '--init-only says which part of --init, which is not given');
  return {
    file,
    folder: process.cwd(),
    host: createDiskHost(),
    options: lowerOptions(options),
    shuffle,
    ...defined({ seed, device, data, init, initOnly, epochs, steps }),
  };
}

function settleResumed(file: string | undefined, folder: string, given: TrainOptions): SettledRun {
  const resumed = RunFolder.open(folder);
  const { config } = resumed;
  checkUnchanged(file, given, folder, config);
  const inFolder = (name: string): string =>
    path.relative(process.cwd(), path.resolve(config.folder, name)) || name;
  const { seed, shuffle, data, init, initOnly } = config;
  // As on a new command line: `--steps` alone means that many steps, whatever the number of epochs.
  const limits =
    given.steps === undefined && given.epochs === undefined
      ? { steps: config.steps, epochs: config.epochs }
      : { steps: given.steps, epochs: given.epochs };
  return {
    // The name in the messages stays the one that the kernels were made from.
    file: config.file,
    folder: config.folder,
    host: withCopies(createDiskHost(), resumed.readSources()),
    options: {
      set: new Map(Object.entries(config.set)),
      task: new Map(Object.entries(config.task.fields)),
      ...defined({ taskName: config.task.name, batchSize: config.batchSize }),
    },
    seed,
    shuffle,
    resumed,
    ...defined({
      device: given.device ?? config.device,
      data: data === undefined ? undefined : inFolder(data),
      init: init === undefined ? undefined : inFolder(init),
      initOnly,
      ...limits,
    }),
  };
}

/** A run goes on as it began: what decides its numbers may be repeated, not changed. */
function checkUnchanged(
  file: string | undefined,
  given: TrainOptions,
  folder: string,
  config: RunConfig,
): void {
  const changed: string[] = [];
  const compare = (option: string, wanted: unknown, stored: unknown): void => {
    if (wanted !== undefined && wanted !== stored) changed.push(`${option} (was ${stored ?? 'not given'})`);
  };
  const samePlace = (a: string, b: string): boolean => path.resolve(a) === path.resolve(config.folder, b);
  if (file !== undefined && !samePlace(file, config.file)) changed.push(`${file} (was ${config.file})`);
  if (given.data !== undefined && (config.data === undefined || !samePlace(given.data, config.data)))
    compare('--data', given.data, config.data);
  for (const [name, value] of given.set) compare(`--set ${name}`, value, config.set[name]);
  for (const [name, value] of given.task.fields) compare(`--task ${name}`, value, config.task.fields[name]);
  compare('--task', given.task.name, config.task.name);
  compare('--batch-size', given.batchSize, config.batchSize);
  compare('--seed', given.seed, config.seed);
  if (!given.shuffle) compare('--no-shuffle', false, config.shuffle);
  if (given.out !== undefined && path.resolve(given.out) !== path.resolve(folder)) changed.push('--out');
  if (changed.length > 0)
    throw new CommandError(
      exitCodes.usage,
      `--resume goes on as the run began, and cannot change ${changed.join(', ')}`,
    );
}

type Defined<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the members that are undefined. */
export function defined<T extends Readonly<Record<string, unknown>>>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}
