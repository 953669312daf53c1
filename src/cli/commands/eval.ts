/** `lmc eval FILE --params P`: loss and metrics of what was held out, or of a file of tensors; BLEU of what it writes. */
import { Option } from 'commander';
import { evaluate, scoresOf } from '../../../runtime/evaluate.ts';
import { parseTagger } from '../../../runtime/data/tagging/tagger.ts';
import { parseEncoder } from '../../../runtime/data/encoder.ts';
import type { Dataset, Split } from '../../../runtime/data/dataset.ts';
import { shuffleInputs } from '../../../runtime/data/shuffle-inputs.ts';
import type { GenerationSettings } from '../../../runtime/generate/settings.ts';
import { tokenizations, type TokenizeName } from '../../../runtime/metrics/text-tokens.ts';
import { RuntimeError } from '../../../runtime/session.ts';
import { taskOf } from '../../../runtime/train.ts';
import type { RegisterCommand } from '../context.ts';
import { classScoresOf, printEvaluation } from '../../../runtime/evaluation-text.ts';
import { evaluateTexts } from '../evaluate-texts.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { rowsTogether } from '../generation-batch.ts';
import type { Io } from '../io.ts';
import { openData, type DataPlan } from '../../../runtime/node/open-data.ts';
import { openModel, type OpenModel } from '../open-model.ts';
import { lowerOptions, positiveInteger } from '../options.ts';
import { encoderOf, loadParameters, readMetadata, readParameters } from '../../../runtime/node/parameters.ts';
import { addRunOptions, type RunOptions } from '../run-options.ts';
import { addSamplingOptions } from '../sampling-options.ts';
import { defined } from '../settle-run.ts';
import { createDiskHost } from '../source-host.ts';
import { withTrainedSettings } from '../trained-settings.ts';
import { printEvent } from '../../../runtime/node/train-log.ts';

interface EvalOptions extends RunOptions, Partial<Omit<GenerationSettings, 'seed'>> {
  readonly params: string;
  readonly split?: Split;
  readonly generate?: true;
  readonly tokenize: TokenizeName;
  readonly output?: string;
  readonly limit?: number;
  readonly shuffleInput: readonly string[];
}

/** Texts that are written together where nothing is said. */
const textsTogether = 32;

export const evalCommand: RegisterCommand = (program, { io, done }) => {
  const command = program
    .command('eval')
    .description('loss and metrics of the held-out part')
    .argument('<file>', 'the .lm file')
    .requiredOption('--params <file.safetensors>', 'trained parameters');
  addRunOptions(command)
    .addOption(
      new Option('--split <part>', 'which part (default: test, or else validation)').choices([
        'train',
        'validation',
        'test',
      ]),
    )
    .option('--generate', 'write a text for every row of parallel data, and print BLEU and chrF')
    .addOption(
      new Option('--tokenize <name>', 'of --generate: what BLEU counts')
        .choices(Object.keys(tokenizations))
        .default('words'),
    )
    .option(
      '--shuffle-input <name>',
      'gives every row this input of another row, to see what the model makes of it (repeatable)',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    .option('--limit <n>', 'of --generate: at most so many rows', positiveInteger)
    .option('-o, --output <file>', 'of --generate: where the texts go, one a line');
  addSamplingOptions(command).action(async (file: string, given: EvalOptions) => {
    checkOptions(given);
    const host = createDiskHost();
    const options = await withTrainedSettings(io, file, host, given.params, given);
    const { device, seed } = options;
    const batchSize =
      options.generate === true ? rowsTogether(file, host, options, textsTogether) : options.batchSize;
    let early: Dataset | undefined;
    const model = await openModel(io, {
      beforeDevice: async (plan) => {
        early = await openHeldOut(plan, encoderOf(await readMetadata(options.params)), file, options);
      },
      file,
      host,
      options: lowerOptions({ ...options, ...defined({ batchSize }) }),
      needsTask: true,
      purpose: options.generate === true ? 'generation' : 'evaluation',
      ...defined({ device, seed }),
    });
    if (model === undefined) {
      done(exitCodes.diagnostics);
      return;
    }
    try {
      await evaluateModel(io, model, file, options, early);
      done(exitCodes.done);
    } finally {
      model.close();
    }
  });
};

/** Throws a CommandError (exit code 2) for options of `--generate` without it, and for one that does not go with it. */
function checkOptions({ generate, beams, temperature, output, limit, shuffleInput }: EvalOptions): void {
  if (generate === true) {
    if (shuffleInput.length > 0)
      throw new CommandError(exitCodes.usage, '--shuffle-input is for the loss: without --generate');
    return;
  }
  for (const [option, value] of Object.entries({ beams, temperature, output, limit }))
    if (value !== undefined)
      throw new CommandError(exitCodes.usage, `--${option} says how texts are written: with --generate`);
}

function openHeldOut(
  plan: DataPlan,
  encoder: string | undefined,
  file: string,
  { data, batchSize }: EvalOptions,
): Promise<Dataset> {
  return openData({ plan, file, shuffle: false, targets: true, ...defined({ data, batchSize, encoder }) });
}

async function evaluateModel(
  io: Io,
  model: OpenModel,
  file: string,
  options: EvalOptions,
  early: Dataset | undefined,
): Promise<void> {
  const { plan, session, seed } = model;
  const parameters = await readParameters(plan, options.params);
  loadParameters(session, plan, parameters);
  const encoder = encoderOf(parameters.metadata);
  const opened = early ?? (await openHeldOut(plan, encoder, file, options));
  const dataset = opened.labels.length === 0 && encoder !== undefined ? withLabels(opened, encoder) : opened;
  io.err(`${plan.signature.model} on ${session.description}\n`);
  for (const note of dataset.notes) io.err(`${note}\n`);
  const split = options.split ?? heldOut(dataset);
  if (options.generate === true) {
    const own = encoder === undefined ? undefined : parseEncoder(encoder);
    await evaluateTexts(io, model, own, dataset, split, options);
    return;
  }
  const { shuffleInput } = options;
  const evaluated = shuffleInput.length === 0 ? dataset : shuffleInputs(dataset, shuffleInput);
  const evaluation = await evaluate({ session, plan, dataset: evaluated, split, seed });
  const task = taskOf(plan);
  if (options.logFormat === 'json') {
    const { loss, rows } = evaluation;
    const scores = Object.fromEntries(scoresOf(evaluation, task, dataset.labels));
    const classes = classScoresOf(evaluation, dataset);
    const texts = evaluation.texts?.rows;
    const fields = {
      split,
      rows,
      loss,
      ...scores,
      ...(classes.length === 0 ? {} : { classes }),
      ...(texts === undefined ? {} : { texts }),
      ...(shuffleInput.length === 0 ? {} : { shuffled: shuffleInput.join(' ') }),
    };
    io.out(`${printEvent('eval', fields)}\n`);
  } else {
    io.out(printEvaluation(evaluation, task, dataset));
  }
}

/** Tensors have class numbers only; the parameters know the names. */
function withLabels(dataset: Dataset, encoder: string): Dataset {
  return { ...dataset, labels: (parseTagger(encoder) ?? parseEncoder(encoder)).labels };
}

/** The test part, else the validation part. */
function heldOut({ rows }: Dataset): Split {
  if (rows.test > 0) return 'test';
  if (rows.validation > 0) return 'validation';
  throw new RuntimeError(
    5,
    'the data holds nothing out: `split{test=0.1}` in the pipeline does, or --data names other data',
  );
}
