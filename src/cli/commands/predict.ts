/** `lmc predict FILE --params P`: the model's outputs for data, or labels for texts. */
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Io } from '../io.ts';
import { openModel, type OpenModel } from '../open-model.ts';
import { collectText, lowerOptions, positiveInteger } from '../options.ts';
import { loadParameters, readParameters } from '../../../runtime/node/parameters.ts';
import { predictData, predictTexts, type PredictOptions } from '../predict-model.ts';
import { addRunOptions } from '../run-options.ts';
import { defined } from '../settle-run.ts';
import { createDiskHost } from '../source-host.ts';

export const predictCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('predict')
    .description('outputs for data, labels for texts')
    .argument('<file>', 'the .lm file')
    .requiredOption('--params <file.safetensors>', 'trained parameters');
  addRunOptions(command)
    .option('--text <text>', 'a text to classify (repeatable)', collectText, [])
    .option('--limit <n>', 'at most so many examples', positiveInteger)
    .option('-o, --output <file.safetensors>', 'where the outputs go')
    .action(async (file: string, options: PredictOptions) => {
      checkOptions(options);
      const { device, seed } = options;
      const model = await openModel(io, {
        file,
        host: createDiskHost(),
        options: lowerOptions(options),
        needsTask: false,
        purpose: 'prediction',
        ...defined({ device, seed }),
      });
      if (model === undefined) {
        done(exitCodes.diagnostics);
        return;
      }
      try {
        await predictModel(io, model, file, options);
        done(exitCodes.done);
      } finally {
        model.close();
      }
    });
};

function checkOptions({ text, data, output }: PredictOptions): void {
  if (text.length > 0) {
    if (data !== undefined) throw new CommandError(exitCodes.usage, 'either --text or --data, not both');
    return;
  }
  if (output === undefined)
    throw new CommandError(
      exitCodes.usage,
      'what to predict? --text "…", or --data FILE.safetensors -o OUT.safetensors',
    );
}

async function predictModel(io: Io, model: OpenModel, file: string, options: PredictOptions): Promise<void> {
  const parameters = await readParameters(model.plan, options.params);
  loadParameters(model.session, parameters);
  io.err(`${model.plan.signature.model} on ${model.session.description}\n`);
  if (options.text.length > 0) await predictTexts(io, model, parameters, options);
  else await predictData(io, model, file, parameters, options);
}
