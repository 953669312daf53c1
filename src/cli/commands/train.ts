/** `lmc train FILE`: trains, validates, saves checkpoints, and goes on where a run was stopped. */
import { InvalidArgumentError, Option } from 'commander';
import type { RegisterCommand } from '../context.ts';
import { positiveInteger } from '../options.ts';
import { addRunOptions } from '../run-options.ts';
import type { TrainOptions } from '../settle-run.ts';
import { runTraining } from '../train-model.ts';

const defaultKeep = 3;
const defaultWatch = 100;

export const trainCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('train')
    .description('train a model')
    .argument('[file]', 'the .lm file; not needed with --resume');
  addRunOptions(command)
    .option('--no-shuffle', 'rows in their order')
    .option('--init <file.safetensors>', 'parameters to start from')
    .option('--init-only <name>', 'of --init, only what is below this name; the rest starts afresh')
    .option('--save <file.safetensors>', 'write the parameters at the end')
    .option('--steps <n>', 'stop after so many steps', wholeNumber)
    .option('--epochs <n>', 'stop after so many epochs', wholeNumber)
    .option('--out <folder>', 'run folder: configuration, source, plan, log, checkpoints')
    .option('--resume <folder>', 'go on with a run, bit for bit')
    .option('--checkpoint-steps <n>', 'a checkpoint every so many steps, too', positiveInteger)
    .option('--keep <n>', 'how many checkpoints stay', positiveInteger, defaultKeep)
    .option('--dry-run', 'everything but the training: says what would happen')
    .option('--overfit-batch', 'train on one batch over and over: does its loss go to near zero?')
    .addOption(
      new Option('--watch-grads [steps]', 'norm and histogram of every gradient, every so many steps')
        .preset(String(defaultWatch))
        .argParser(positiveInteger),
    )
    .action(async (file: string | undefined, options: TrainOptions) => {
      done(await runTraining(io, file, options));
    });
};

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('expected a whole number from 0.');
  return Number(text);
}
