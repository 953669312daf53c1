/** `lmc predict FILE --params P`: the model's outputs for data, labels for texts, texts for recordings. */
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { Io } from '../io.ts';
import { openModel, type OpenModel } from '../open-model.ts';
import { collectText, lowerOptions, positiveInteger } from '../options.ts';
import { loadParameters, readParameters } from '../../../runtime/node/parameters.ts';
import { predictData, predictTexts, type PredictOptions } from '../predict-model.ts';
import { transcribeFiles } from '../transcribe-files.ts';
import { addRunOptions } from '../run-options.ts';
import { defined } from '../settle-run.ts';
import { createDiskHost } from '../source-host.ts';
import { withTrainedSettings } from '../trained-settings.ts';

export const predictCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('predict')
    .description('outputs for data, labels for texts, texts for recordings')
    .argument('<file>', 'the .lm file')
    .requiredOption('--params <file.safetensors>', 'trained parameters');
  addRunOptions(command)
    .option('--text <text>', 'a text to classify (repeatable)', collectText, [])
    .option('--audio <file.wav>', 'a recording to transcribe (repeatable)', collectText, [])
    .option('--limit <n>', 'at most so many examples', positiveInteger)
    .option('-o, --output <file.safetensors>', 'where the outputs go')
    .action(async (file: string, given: PredictOptions) => {
      checkOptions(given);
      const host = createDiskHost();
      const options = await withTrainedSettings(io, file, host, given.params, given);
      const { device, seed } = options;
      const model = await openModel(io, {
        file,
        host,
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

function checkOptions({ text, audio, data, output }: PredictOptions): void {
  const given = Object.entries({ text: text.length > 0, audio: audio.length > 0, data: data !== undefined })
    .filter(([, isGiven]) => isGiven)
    .map(([name]) => `--${name}`);
  if (given.length > 1) throw new CommandError(exitCodes.usage, `either ${given.join(' or ')}, not both`);
  if (text.length > 0 || audio.length > 0) return;
  if (output === undefined)
    throw new CommandError(
      exitCodes.usage,
      'what to predict? --text "…", --audio FILE.wav, or --data FILE.safetensors -o OUT.safetensors',
    );
}

async function predictModel(io: Io, model: OpenModel, file: string, options: PredictOptions): Promise<void> {
  const parameters = await readParameters(model.plan, options.params);
  loadParameters(model.session, model.plan, parameters);
  io.err(`${model.plan.signature.model} on ${model.session.description}\n`);
  if (options.text.length > 0) await predictTexts(io, model, parameters, options);
  else if (options.audio.length > 0) await transcribeFiles(io, model, parameters, options);
  else await predictData(io, model, file, parameters, options);
}
