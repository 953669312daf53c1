/** Options of the commands that run a model, and the line with which a command can be repeated. */
import { Option, type Command } from 'commander';
import {
  addDeviceOption,
  addModelOptions,
  seedNumber,
  type DeviceOptions,
  type ModelOptions,
} from './options.ts';

export interface RunOptions extends ModelOptions, DeviceOptions {
  readonly data?: string;
  readonly seed?: number;
  readonly logFormat: 'text' | 'json';
}

export function addRunOptions(command: Command): Command {
  addModelOptions(command)
    .option('--data <file.safetensors>', 'tensors by input and target name, in place of the task’s data')
    .option('--seed <n>', 'keys initial values, shuffling and dropout', seedNumber)
    .addOption(
      new Option('--log-format <format>', 'what goes to stdout').choices(['text', 'json']).default('text'),
    );
  return addDeviceOption(command);
}

/** A word as a shell takes it. */
export function quoteWord(word: string): string {
  return /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
