/** The command line of a bundle's `train.js`. */
import { parseArgs } from 'node:util';
import { RuntimeError } from '../session.ts';

export interface BundleTrainOptions {
  readonly help: boolean;
  readonly data?: string;
  readonly device?: string;
  readonly seed?: number;
  readonly batchSize?: number;
  readonly shuffle: boolean;
  readonly init?: string;
  readonly save?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly steps?: number;
  readonly epochs?: number;
  readonly logFormat: 'text' | 'json';
}

export const trainHelp = `Usage: node train.js [options]

Trains the model on the data that its task names, and writes its parameters.

  --data FILE.safetensors  tensors by input and target name, in place of the task's data
  --batch-size N           examples in a batch
  --no-shuffle             rows in their order
  --init FILE.safetensors  parameters to start from
  --save FILE.safetensors  where to write the parameters at the end (default: model.safetensors in the bundle)
  --steps N, --epochs N    when to stop, whichever comes first
  --seed N                 keys initial values, shuffling and dropout
  --out DIR                a folder for checkpoints
  --resume DIR             go on from the newest checkpoint in such a folder
  --device NAME            an adapter by its name, or a part of it
  --log-format json        events on stdout, one JSON object a line
  --help                   this text
`;

/** Throws a RuntimeError (exit code 2). */
export function parseTrainOptions(args: readonly string[]): BundleTrainOptions {
  const { values } = parse(args);
  const format = values['log-format'] ?? 'text';
  if (format !== 'text' && format !== 'json') fail('--log-format is text or json');
  const given = {
    data: values.data,
    device: values.device,
    seed: wholeNumber('--seed', values.seed, 0, 0xffff_ffff),
    batchSize: wholeNumber('--batch-size', values['batch-size'], 1),
    init: values.init,
    save: values.save,
    out: values.out,
    resume: values.resume,
    steps: wholeNumber('--steps', values.steps, 0),
    epochs: wholeNumber('--epochs', values.epochs, 0),
  };
  if (given.resume !== undefined && (given.init !== undefined || given.out !== undefined))
    fail('--resume goes on with the run in its folder: it goes with neither --init nor --out');
  return {
    help: values.help === true,
    shuffle: values['no-shuffle'] !== true,
    logFormat: format,
    ...withoutUndefined(given),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        data: { type: 'string' },
        device: { type: 'string' },
        seed: { type: 'string' },
        'batch-size': { type: 'string' },
        'no-shuffle': { type: 'boolean' },
        init: { type: 'string' },
        save: { type: 'string' },
        out: { type: 'string' },
        resume: { type: 'string' },
        steps: { type: 'string' },
        epochs: { type: 'string' },
        'log-format': { type: 'string' },
      },
    });
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string | undefined, least: number, most = Number.MAX_SAFE_INTEGER) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    fail(`${name} is ${text}; it must be a whole number from ${least}${most < 2 ** 33 ? ` to ${most}` : ''}`);
  return value;
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function fail(message: string): never {
  throw new RuntimeError(2, `${message} (--help shows the options)`);
}
