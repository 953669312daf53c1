/** Outputs into a file; labels and probabilities of texts onto the screen. */
import type { Dataset } from '../../runtime/data/dataset.ts';
import { parseTagger } from '../../runtime/data/tagging/tagger.ts';
import { openEncoder, parseEncoder } from '../../runtime/data/encoder.ts';
import { writeSafetensorsFile } from '../../runtime/node/safetensors-file.ts';
import { predict } from '../../runtime/predict.ts';
import { RuntimeError, type TensorData } from '../../runtime/session.ts';
import { alignTable, printable } from '../../runtime/evaluation-text.ts';
import type { Io } from './io.ts';
import { createTranscribe } from '../../runtime/decode/transcribe.ts';
import { taskOf } from '../../runtime/train.ts';
import { openData } from '../../runtime/node/open-data.ts';
import type { OpenModel } from './open-model.ts';
import { predictTags } from './predict-tags.ts';
import { encoderOf, type ParameterFile } from '../../runtime/node/parameters.ts';
import type { RunOptions } from './run-options.ts';
import { defined } from './settle-run.ts';

export interface PredictOptions extends RunOptions {
  readonly params: string;
  readonly text: readonly string[];
  readonly audio: readonly string[];
  readonly limit?: number;
  readonly output?: string;
}

/** `--data`, or without it what the task's data holds out. */
export async function predictData(
  io: Io,
  { plan, session }: OpenModel,
  file: string,
  parameters: ParameterFile,
  options: PredictOptions,
): Promise<void> {
  const { data, batchSize, limit, output = 'out.safetensors' } = options;
  const encoder = encoderOf(parameters.metadata);
  const request = { plan, file, shuffle: false, targets: false, ...defined({ data, batchSize, encoder }) };
  const dataset = await openData(request);
  for (const note of dataset.notes) io.err(`${note}\n`);
  const outputs = await predict({
    session,
    plan,
    batches: dataset.batches('test', { seed: 0, epoch: 0, shuffle: false }),
    ...defined({ limit }),
  });
  printTranscripts(io, plan, dataset, outputs.get('output'), options);
  await writeSafetensorsFile(output, outputs);
  const shapes = [...outputs].map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape.join(', ')}]`);
  io.err(`wrote ${output}: ${shapes.join(', ')}\n`);
}

/** Of recordings: what was said and what was heard, one line each. */
function printTranscripts(
  io: Io,
  plan: OpenModel['plan'],
  dataset: Dataset,
  output: TensorData | undefined,
  { logFormat }: PredictOptions,
): void {
  const { transcripts } = dataset;
  if (transcripts === undefined || output === undefined) return;
  const transcribe = createTranscribe(taskOf(plan), transcripts);
  for (let row = 0; row < (output.shape[0] ?? 0); row++) {
    const reference = dataset.text?.('test', row) ?? '';
    const text = transcribe(output, row, transcripts.frames('test', row));
    io.out(
      logFormat === 'json'
        ? `${JSON.stringify({ event: 'predict', reference, text })}\n`
        : `${printable(reference)}\t${printable(text)}\n`,
    );
  }
}

interface Prediction {
  readonly text: string;
  readonly label: string;
  /** Softmax of the output, by class; empty where the output is one number. */
  readonly probabilities: ReadonlyMap<string, number>;
}

export async function predictTexts(
  io: Io,
  model: OpenModel,
  { metadata }: ParameterFile,
  { params, text: texts, logFormat }: PredictOptions,
): Promise<void> {
  const json = encoderOf(metadata);
  if (json === undefined)
    throw new RuntimeError(
      5,
      `${params} holds no vocabulary: --text needs parameters that \`lmc train\` saved from text data`,
    );
  const tagger = parseTagger(json);
  if (tagger !== undefined) {
    await predictTags(io, model, tagger, texts, logFormat);
    return;
  }
  const { plan, session } = model;
  if (parseEncoder(json).inputs.size > 1)
    throw new RuntimeError(
      2,
      `${plan.signature.model} turns one text into another: \`lmc generate\` does, with the text as --prompt`,
    );
  const encoder = openEncoder(json, { inputs: plan.signature.inputs, dims: plan.dims });
  const outputs = await predict({ session, plan, batches: encoder.encode(texts) });
  const output = outputs.get('output');
  if (output === undefined) throw new RuntimeError(2, 'the model returns no `output`');
  const predictions = texts.map((text, row) => readPrediction(text, output, row, encoder.labels));
  if (logFormat === 'json') {
    for (const { text, label, probabilities } of predictions)
      io.out(
        `${JSON.stringify({ event: 'predict', text, label, probabilities: Object.fromEntries(probabilities) })}\n`,
      );
  } else {
    io.out(printPredictions(predictions, io.columns));
  }
}

function readPrediction(
  text: string,
  output: TensorData,
  row: number,
  labels: readonly string[],
): Prediction {
  const [, ...rest] = output.shape;
  const size = rest.reduce((product, each) => product * each, 1);
  const values = [...output.data.subarray(row * size, (row + 1) * size)];
  if (rest.length > 1)
    throw new RuntimeError(
      2,
      '--text shows one row of scores a text; this model returns more: use --data and -o',
    );
  if (size === 1) return { text, label: String(values[0] ?? Number.NaN), probabilities: new Map() };
  const probabilities = softmax(values);
  const best = values.indexOf(Math.max(...values));
  const name = (number: number): string => labels[number] ?? String(number);
  return {
    text,
    label: name(best),
    probabilities: new Map(probabilities.map((probability, number) => [name(number), probability])),
  };
}

function softmax(values: readonly number[]): readonly number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Probabilities of so many classes fit beside the text. */
const mostColumns = 4;

function printPredictions(predictions: readonly Prediction[], columns: number): string {
  const classes = [...(predictions[0]?.probabilities.keys() ?? [])];
  const shown = classes.length <= mostColumns ? classes : [];
  const rows = [
    ['label', ...(shown.length === 0 && classes.length > 0 ? ['p'] : shown.map(printable))],
    ...predictions.map(({ label, probabilities }) => [
      printable(label),
      ...(shown.length === 0 && classes.length > 0 ? [label] : shown).map((name) =>
        (probabilities.get(name) ?? Number.NaN).toFixed(4),
      ),
    ]),
  ];
  const table = alignTable(rows).split('\n');
  const width = Math.max(...table.map((line) => line.length));
  const room = Math.max(20, columns - width - 3);
  return ['text', ...predictions.map(({ text }) => cut(printable(text), room))]
    .map((text, row) => `${(table[row] ?? '').padEnd(width)}  ${text}\n`)
    .join('');
}

function cut(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}
