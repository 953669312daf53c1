/** Options that several commands share, and how their text is read. */
import { InvalidArgumentError, type Command } from 'commander';
import type { LowerOptions } from '../lower/lowered.ts';

export interface ModelOptions {
  readonly set: ReadonlyMap<string, string>;
  readonly task: TaskOption;
  readonly batchSize?: number;
}

/** `--task FIELD=VALUE` overrides a field, `--task NAME` chooses among a file's tasks. */
export interface TaskOption {
  readonly name?: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface DeviceOptions {
  readonly device?: string;
}

export function addModelOptions(command: Command): Command {
  return command
    .option(
      '--set <name=value>',
      'override a config entry (repeatable)',
      collectAssignment,
      new Map<string, string>(),
    )
    .option(
      '--task <field=value>',
      'override a field of the task, or choose a task by its name (repeatable)',
      collectTask,
      {
        fields: new Map<string, string>(),
      },
    )
    .option('--batch-size <n>', 'examples in a batch', positiveInteger);
}

export function addDeviceOption(command: Command): Command {
  return command.option(
    '--device <name>',
    'adapter as named by `lmc devices`, or `reference` for the float64 evaluator',
  );
}

export function lowerOptions(options: ModelOptions): LowerOptions {
  return {
    set: options.set,
    task: options.task.fields,
    ...(options.task.name === undefined ? {} : { taskName: options.task.name }),
    ...(options.batchSize === undefined ? {} : { batchSize: options.batchSize }),
  };
}

/** `NAME=VALUE`, split at the first `=`. */
function splitAssignment(text: string): readonly [string, string] | undefined {
  const match = /^\s*([A-Za-z_]\w*)\s*=(?!=)([\s\S]*)$/.exec(text);
  const [, name, value] = match ?? [];
  return name === undefined || value === undefined || value.trim() === '' ? undefined : [name, value.trim()];
}

export function collectAssignment(
  text: string,
  previous: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const assignment = splitAssignment(text);
  if (assignment === undefined) throw new InvalidArgumentError('expected NAME=VALUE, as in hidden_dim=512.');
  return new Map([...previous, assignment]);
}

export function collectTask(text: string, previous: TaskOption): TaskOption {
  if (/^\s*[A-Za-z_]\w*\s*$/.test(text)) return { ...previous, name: text.trim() };
  const assignment = splitAssignment(text);
  if (assignment === undefined) {
    throw new InvalidArgumentError(
      "expected FIELD=VALUE, as in 'optim=sgd{lr=0.01}', or the name of a task.",
    );
  }
  return { ...previous, fields: new Map([...previous.fields, assignment]) };
}

export function collectText(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a whole number from 1.');
  }
  return value;
}

/** Seeds are u32: they key the random numbers on the device. */
export function seedNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffff_ffff) {
    throw new InvalidArgumentError('expected a whole number from 0 to 4294967295.');
  }
  return value;
}
