/** `lmc generate FILE --params P`: text that goes on from a prompt, or a translation of a source. */
import path from 'node:path';
import { findGrowingInput } from '../../../runtime/generate/growing-input.ts';
import { loadParameters, readParameters } from '../../../runtime/node/parameters.ts';
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { generateTexts } from '../generate-model.ts';
import { settleGeneration, type GivenOptions } from '../generate-settings.ts';
import { rowsTogether } from '../generation-batch.ts';
import type { Io } from '../io.ts';
import { openModel } from '../open-model.ts';
import { lowerOptions, positiveInteger } from '../options.ts';
import { addRunOptions } from '../run-options.ts';
import { addSamplingOptions } from '../sampling-options.ts';
import { defined } from '../settle-run.ts';
import { createDiskHost } from '../source-host.ts';
import { withTrainedSettings } from '../trained-settings.ts';

/** Prompts that are taken together where nothing is said. */
const defaultBatch = 16;

export const generateCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('generate')
    .description('text that goes on from a prompt, or a translation of a source')
    .argument('<file>', 'the .lm file');
  addSamplingOptions(addRunOptions(command))
    .option('--params <file.safetensors>', 'trained parameters')
    .option('--run <dir>', 'the folder of a run, in place of --params')
    .option('--tokenizer <tokenizer.json>', 'in place of the parameters’ own, or of the one beside them')
    .option('--prompt <text>', 'what to go on from; the source of a model that has one')
    .option('--input <file>', 'prompts or sources, one a line')
    .option('-o, --output <file>', 'where the texts go, one a line')
    .option('--samples <n>', 'texts for each prompt', positiveInteger)
    .action(async (file: string, options: GivenOptions) => {
      const params = checkOptions(options);
      done(await generateModel(io, file, params, options));
    });
};

/** Returns the file with the parameters. Throws a CommandError (exit code 2) for options that do not go together. */
function checkOptions({ params, run, prompt, input, data }: GivenOptions): string {
  const fail = (message: string): never => {
    throw new CommandError(exitCodes.usage, message);
  };
  if (data !== undefined) fail('generate takes --prompt or --input, not --data');
  if (prompt !== undefined && input !== undefined) fail('either --prompt or --input, not both');
  if (params !== undefined && run !== undefined) fail('either --params or --run, not both');
  if (params !== undefined) return params;
  if (run !== undefined) return path.join(run, 'model.safetensors');
  return fail(
    'generate needs trained parameters: --params FILE.safetensors as `lmc train --save` writes it, or --run DIR',
  );
}

async function generateModel(io: Io, file: string, params: string, given: GivenOptions): Promise<number> {
  const host = createDiskHost();
  const options = await withTrainedSettings(io, file, host, params, given);
  const { device, seed } = options;
  const batchSize = rowsTogether(file, host, options, options.input === undefined ? 1 : defaultBatch);
  const model = await openModel(io, {
    file,
    host,
    options: lowerOptions({ ...options, batchSize }),
    needsTask: false,
    purpose: 'generation',
    ...defined({ device, seed }),
  });
  if (model === undefined) return exitCodes.diagnostics;
  try {
    // What the model lacks is said before anything about the parameters.
    findGrowingInput(model.plan);
    const parameters = await readParameters(model.plan, params);
    loadParameters(model.session, model.plan, parameters);
    io.err(`${model.plan.signature.model} on ${model.session.description}\n`);
    const settled = settleGeneration(options, model.plan);
    await generateTexts(io, model, params, parameters, settled);
    return exitCodes.done;
  } finally {
    model.close();
  }
}
