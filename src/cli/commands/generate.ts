/** `lmc generate FILE --params P`: text that goes on from a prompt, or a translation of a source. */
import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { loadParameters, readParameters } from '../../../runtime/node/parameters.ts';
import type { RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { generateTexts } from '../generate-model.ts';
import { settleGeneration, type GivenOptions } from '../generate-settings.ts';
import type { Io } from '../io.ts';
import { openModel } from '../open-model.ts';
import { collectText, lowerOptions, positiveInteger } from '../options.ts';
import { addRunOptions } from '../run-options.ts';
import { defined } from '../settle-run.ts';
import { createDiskHost } from '../source-host.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import { lowerProgram, type SourceHost } from '../../lower/index.ts';

/** Prompts that are taken together where nothing is said. */
const defaultBatch = 16;

export const generateCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('generate')
    .description('text that goes on from a prompt, or a translation of a source')
    .argument('<file>', 'the .lm file');
  addRunOptions(command)
    .option('--params <file.safetensors>', 'trained parameters')
    .option('--run <dir>', 'the folder of a run, in place of --params')
    .option('--prompt <text>', 'what to go on from; the source of a model that has one')
    .option('--input <file>', 'prompts or sources, one a line')
    .option('-o, --output <file>', 'where the texts go, one a line')
    .option('--max-tokens <n>', 'most tokens of a text', positiveInteger)
    .option('--min-tokens <n>', 'no end before so many tokens', numberFrom(0, 'whole'))
    .option('--begin <n>', 'the token that begins a text of a model with a source', numberFrom(0, 'whole'))
    .option('--end <n>', 'the token that ends a text, and a source', numberFrom(0, 'whole'))
    .option('--temperature <t>', 'divides the scores; 0 takes the best token', numberFrom(0))
    .option('--top-k <k>', 'only the k best tokens; 0: all', numberFrom(0, 'whole'))
    .option('--top-p <p>', 'only the best tokens with this probability together', shareNumber)
    .option('--repetition-penalty <r>', 'over 1: less of what is there', positiveNumber)
    .option('--beams <n>', 'width of the beam search', positiveInteger)
    .option('--length-penalty <a>', 'a hypothesis scores sum log p / length^a', numberFrom(0))
    .option('--stop <text>', 'ends a text before this (repeatable)', collectText)
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

async function generateModel(io: Io, file: string, params: string, options: GivenOptions): Promise<number> {
  const { device, seed } = options;
  const host = createDiskHost();
  const batchSize = options.batchSize ?? roomFor(options, file, host);
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
    const parameters = await readParameters(model.plan, params);
    loadParameters(model.session, parameters);
    io.err(`${model.plan.signature.model} on ${model.session.description}\n`);
    const settled = settleGeneration(options, model.plan);
    await generateTexts(io, model, parameters, settled);
    return exitCodes.done;
  } finally {
    model.close();
  }
}

/** Rows that run together. Caches are as large as the batch may be: one prompt alone gets no more than it needs. */
function roomFor(options: GivenOptions, file: string, host: SourceHost): number {
  // The section may ask for beams; what is wrong with the program is said when it is compiled.
  const lowered = lowerProgram(file, host, lowerOptions(options), new Reporter());
  const beams = options.beams ?? lowered?.generation?.fields['beams'] ?? 1;
  const rows = Math.max(typeof beams === 'number' ? beams : 1, options.samples ?? 1);
  return rows * (options.input === undefined ? 1 : defaultBatch);
}

function numberFrom(low: number, kind: 'any' | 'whole' = 'any'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (
      text.trim() === '' ||
      !Number.isFinite(value) ||
      value < low ||
      (kind === 'whole' && !Number.isSafeInteger(value))
    )
      throw new InvalidArgumentError(
        `expected a ${kind === 'whole' ? 'whole number' : 'number'} from ${low}.`,
      );
    return value;
  };
}

function positiveNumber(text: string): number {
  const value = numberFrom(0)(text);
  if (value === 0) throw new InvalidArgumentError('expected a number over 0.');
  return value;
}

function shareNumber(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError('expected a number over 0, at most 1.');
  return value;
}
