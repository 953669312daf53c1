/** Opens what a task's `data = …` describes. */
import type { PlanTask } from '../plan.ts';
import { readSafetensors } from '../safetensors.ts';
import { defaultStage, readPipeline, type Pipeline, type StageArguments } from './arguments.ts';
import type { DataContext, DataFiles, Dataset } from './dataset.ts';
import { readDelimited } from './delimited.ts';
import { readJsonLines, readPlainLines } from './line-files.ts';
import { openRecordings } from './open-recordings.ts';
import { failAt } from './problem.ts';
import type { SourceRows } from './rows.ts';
import { readSplit, splitRows, type SplitPlan } from './split.ts';
import { bindTensors, createTensorDataset, type BoundTensors } from './tensor-dataset.ts';
import { readConll } from './tagging/conll.ts';
import { readConllu } from './tagging/conllu.ts';
import type { SourceSentences } from './tagging/sentences.ts';
import { createTaggingDataset } from './tagging/tagging-dataset.ts';
import { openParallel } from './parallel/open-parallel.ts';
import { collectParts, partsByColumn, readParts } from './parts.ts';
import { readParquet } from './parquet.ts';
import { createTextDataset } from './text-dataset.ts';
import type { Batching } from './order.ts';
import { gunzip, readTextFile } from './text-file.ts';
import { openWindows } from './open-windows.ts';

export interface OpenContext extends DataContext {
  readonly files: DataFiles;
}

/**
 * Reads every file, builds the vocabulary from the training part, checks everything against the model. Throws a
 * RuntimeError with the file, the line, what is wrong and the cure.
 */
export async function openDataset(task: PlanTask, given: OpenContext): Promise<Dataset> {
  const pipeline = readPipeline(task.data);
  const { source } = pipeline;
  if (source === undefined) {
    failAt(
      `task \`${task.name}\``,
      'it names no data',
      'write `data = csv{"reviews.csv", text="review", label="sentiment"} | …`, or give `--data FILE.safetensors`',
    );
  }
  const split = readSplit(pipeline.split ?? defaultStage('split', source.place));
  const context = await withTokenizer(pipeline, given);
  const batching = readBatching(pipeline, context.batchSize ?? task.batchSize);
  const isByText = ['text', 'csv', 'tsv', 'jsonl', 'parquet', 'lines'].includes(source.stage.name);
  if (pipeline.masking !== undefined && !isByText)
    failAt(pipeline.masking.place, `\`masking\` hides tokens of texts, and \`${source.stage.name}\` gives something else`); // prettier-ignore
  if (source.stage.name === 'text') return openWindows(source, pipeline, split, batching, context);
  if (
    source.stage.name === 'conll' ||
    source.stage.name === 'conllu' ||
    pipeline.tokenizer?.stage.name === 'tokens'
  )
    return openTagging(source, pipeline, split, batching, context);
  if (pipeline.windows !== undefined)
    failAt(pipeline.windows.place, 'windows are cut from one long text', 'write `text{"input.txt"} | …`');
  if (source.stage.name === 'parallel') return openParallel(source, pipeline, split, batching, context);
  if (source.stage.name === 'recordings') return openRecordings(source, pipeline, split, batching, context);
  if (pipeline.features !== undefined)
    failAt(pipeline.features.place, 'features are made of `recordings{…}`, and this source is another');
  if (split.column !== undefined && !tables.includes(source.stage.name))
    failAt(pipeline.split?.place ?? source.place, `\`split{column=…}\` needs a table, and \`${source.stage.name}\` has no columns`); // prettier-ignore
  return source.stage.name === 'tensors'
    ? openTensorSource(source, pipeline, split, batching, context)
    : openTextSource(source, pipeline, split, batching, context);
}

/** Sources whose rows have columns. */
const tables: readonly string[] = ['csv', 'tsv', 'jsonl', 'parquet'];

/** With the file that `tokenizer{…}` names; parameters that bring their own do not need it. */
async function withTokenizer({ tokenizer }: Pipeline, context: OpenContext): Promise<OpenContext> {
  if (tokenizer?.stage.name !== 'tokenizer' || context.encoder !== undefined) return context;
  return {
    ...context,
    tokenizerFile: await readTextFile(context.files, tokenizer.string('path'), 'utf-8'),
  };
}

function readBatching({ batches }: Pipeline, size: number): Batching {
  return {
    size,
    shuffle: batches?.flag('shuffle') ?? false,
    balance: batches?.flag('balance') ?? false,
    bucket: batches?.optionalString('bucket'),
    place: batches?.place ?? 'the pipeline',
    pool: batches?.integer('pool') ?? 1,
  };
}

async function openTextSource(
  source: StageArguments,
  pipeline: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: OpenContext,
): Promise<Dataset> {
  const { tokenizer } = pipeline;
  if (tokenizer === undefined) {
    failAt(
      source.place,
      'text needs a tokeniser',
      `write \`${source.stage.name}{…} | words{vocab_size} | …\``,
    );
  }
  const paths = source.strings('path');
  const { column } = split;
  const main = await readTextFiles(source, paths, context.files, column);
  const readOther = (path: string): Promise<SourceRows> => {
    if (paths.length > 1) {
      failAt(source.place, `with a file for every class, what is held out is a share, not \`${path}\``);
    }
    return readTextFiles(source, [path], context.files);
  };
  const parts =
    column === undefined
      ? await readParts(split, ({ rows }) => rows.length, main, readOther)
      : partsByColumn(
          split,
          main,
          main.rows.map(({ part = '' }) => part),
        );
  const file = paths.join(', ');
  const { rows, notes } = collectParts(parts, (all) => all.rows, file);
  return createTextDataset(rows, { tokenizer, masking: pipeline.masking }, batching, context, file, notes);
}

/** Sentences with a tag for every word. */
async function openTagging(
  source: StageArguments,
  pipeline: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: OpenContext,
): Promise<Dataset> {
  const { tokenizer } = pipeline;
  const { name: format } = source.stage;
  const read = format === 'conll' ? readConll : format === 'conllu' ? readConllu : undefined;
  if (read === undefined || tokenizer?.stage.name !== 'tokens')
    failAt(
      (read === undefined ? tokenizer : source)?.place ?? source.place,
      '`tokens` numbers the words of sentences that are divided into words already',
      'write `conll{…} | tokens{vocab_size} | …`, or `conllu{…} | tokens{vocab_size} | …`',
    );
  const open = async (path: string): Promise<SourceSentences> => {
    const { name, text } = await readTextFile(context.files, path, source.string('encoding'));
    return read(text, source, name);
  };
  const path = source.string('path');
  const parts = await readParts(split, ({ sentences }) => sentences.length, await open(path), open);
  const { rows, notes } = collectParts(parts, ({ sentences }) => sentences, path);
  return createTaggingDataset(rows, tokenizer, batching, context, path, notes);
}

/** `part`: the column that tells the parts apart. */
async function readTextFiles(
  source: StageArguments,
  paths: readonly string[],
  files: DataFiles,
  part?: string,
): Promise<SourceRows> {
  const read: SourceRows[] = [];
  for (const path of paths) {
    if (source.stage.name === 'parquet') {
      const { name, bytes } = await files.read(path);
      read.push(await readParquet(await gunzip(bytes, name), source, name, part));
      continue;
    }
    const { name, text } = await readTextFile(files, path, source.string('encoding'));
    const label = paths.length > 1 ? stemOf(path) : undefined;
    read.push(readRows(source, text, { label, part }, name));
  }
  return { rows: read.flatMap(({ rows }) => rows), notes: read.flatMap(({ notes }) => notes) };
}

function readRows(
  source: StageArguments,
  text: string,
  { label, part }: { readonly label: string | undefined; readonly part: string | undefined },
  name: string,
): SourceRows {
  switch (source.stage.name) {
    case 'jsonl':
      return readJsonLines(text, source, name, part);
    case 'lines':
      return readPlainLines(text, label, source, name);
    default:
      return readDelimited(text, source, name, part);
  }
}

/** `data/spam.txt` -> `spam` */
function stemOf(path: string): string {
  const name = path.split(/[/\\]/).at(-1) ?? path;
  return name.replace(/(?<=.)\.[^.]*$/, '');
}

async function openTensorSource(
  source: StageArguments,
  pipeline: Pipeline,
  split: SplitPlan,
  batching: Batching,
  context: OpenContext,
): Promise<Dataset> {
  if (pipeline.tokenizer !== undefined) {
    failAt(pipeline.tokenizer.place, 'tensors are numbers already: they take no tokeniser');
  }
  if (batching.bucket !== undefined)
    failAt(batching.place, '`bucket` sorts texts; rows of a tensor are all of one length');
  if (batching.balance)
    failAt(
      batching.place,
      '`balance` is for texts with labels',
      'weigh the classes in the loss: `weight=[1, 5]`',
    );
  const open = async (path: string): Promise<BoundTensors> => {
    const { name, bytes } = await context.files.read(path);
    return bindTensors(readSafetensors(bytes, name).tensors, context, name);
  };
  const main = await open(source.string('path'));
  if (split.validationFile !== undefined || split.testFile !== undefined) {
    failAt(source.place, 'parts of `tensors{…}` are shares of its rows, not files');
  }
  return createTensorDataset(main, splitRows(main.rows, split), batching, context);
}
