/** `eval`, `predict` and `generate` compute with the settings that the parameters were trained with. */
import { readMetadata } from '../../runtime/node/parameters.ts';
import type { PlanConstant } from '../../runtime/plan.ts';
import {
  configDifferences,
  trainedConfig,
  type Config,
  type ConfigDifference,
} from '../../runtime/trained-config.ts';
import { readConfig } from '../lower/read-config.ts';
import type { SourceHost } from '../lower/lowered.ts';
import type { Io } from './io.ts';
import { printConstant } from './print-constant.ts';
import type { ModelOptions } from './options.ts';

/**
 * The options, with `--set` for each entry of the program's `config` that was another in training. What was given on the
 * command line holds, and so does what follows from it. A person is told which entries these are.
 */
export async function withTrainedSettings<Options extends ModelOptions>(
  io: Pick<Io, 'err'>,
  file: string,
  host: SourceHost,
  params: string,
  options: Options,
): Promise<Options> {
  const trained = await readTrained(params);
  const now = readConfig(file, host, options.set);
  const untouched = options.set.size === 0 ? now : readConfig(file, host, new Map());
  if (trained === undefined || now === undefined || untouched === undefined) return options;
  const touched = new Set(configDifferences(untouched, now).map(({ name }) => name));
  const found = configDifferences(trained, now);
  const taken = found.filter(({ name }) => !options.set.has(name) && !touched.has(name));
  const own = found.filter(({ name }) => options.set.has(name));
  if (taken.length > 0) io.err(`as in training: ${taken.map(({ name, trained: value }) => print(name, value)).join(', ')}\n`); // prettier-ignore
  if (own.length > 0)
    io.err(
      `the parameters were trained with ${own.map(({ name, trained: value }) => print(name, value)).join(', ')}: --set says otherwise\n`,
    );
  const set = new Map([...taken.map((each) => [each.name, settingText(each)] as const), ...options.set]);
  return { ...options, set };
}

/** Undefined where the file says nothing, or cannot be read: whoever reads its tensors says why. */
async function readTrained(params: string): Promise<Config | undefined> {
  try {
    return trainedConfig(await readMetadata(params));
  } catch {
    return undefined;
  }
}

/** As on a command line: the text itself for an entry that is text, unless its quotes would be taken for the language's. */
function settingText({ trained, now }: ConfigDifference): string {
  const isText = typeof trained === 'string' && typeof now === 'string' && !/^\s*(?:["']|$)/.test(trained);
  return isText ? trained : printConstant(trained);
}

function print(name: string, value: PlanConstant): string {
  return `${name}=${printConstant(value)}`;
}
