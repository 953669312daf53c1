/** `lmc generate`: reserved. The language has `generate` sections already; running them needs caches. */
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';

export const generateCommand: RegisterCommand = (program) => {
  program
    .command('generate')
    .description('stream generated text (not supported yet)')
    .argument('<file>', 'the .lm file')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw new CommandError(
        exitCodes.usage,
        'generate is not supported yet; `lmc predict` runs a model on data or text',
      );
    });
};
