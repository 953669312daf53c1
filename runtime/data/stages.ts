/**
 * The stages of `data = a{…} | b{…}` and their options, as data: the compiler checks a program against this table, the
 * runtime reads its defaults from it, and docs/data.md prints it.
 */
import { soundStages } from './audio/stages.ts';
import { subwordStages } from './bpe/stages.ts';
import { maskingStage } from './masking/stages.ts';
import { parallelStage } from './parallel/stages.ts';
import type { Stage, StageKind, StageOption } from './stage.ts';

export { describeNumber } from './stage.ts';
export type { Stage, StageKind, StageOption } from './stage.ts';

/** The order in which kinds stand in a pipeline. */
export const stageOrder: readonly StageKind[] = [
  'source',
  'split',
  'features',
  'augment',
  'tokenizer',
  'windows',
  'masking',
  'batches',
];

const path: StageOption = {
  name: 'path',
  type: 'path',
  required: true,
  positional: true,
  doc: 'the file: relative to the working directory, then to the folder of the `.lm` file',
};

const encoding: StageOption = {
  name: 'encoding',
  type: 'text',
  default: 'utf-8',
  doc: 'how the file is encoded: `"utf-8"`, `"windows-1252"`, `"utf-16le"`, …',
};

const blank: StageOption = {
  name: 'blank',
  type: 'choice',
  choices: ['error', 'skip'],
  default: 'error',
  doc: 'what to do with a row whose text is blank; `skip` reports how many were left out',
};

function delimited(delimiter: string, quotes: boolean): readonly StageOption[] {
  return [
    path,
    {
      name: 'text',
      type: 'column',
      required: true,
      doc: 'the column with the text: its name, or its number from 1',
    },
    { name: 'label', type: 'column', doc: 'the column with the class, or with the number to predict' },
    { name: 'header', type: 'flag', default: true, doc: 'whether the first row names the columns' },
    { name: 'delimiter', type: 'text', default: delimiter, doc: 'what stands between two fields' },
    {
      name: 'quotes',
      type: 'flag',
      default: quotes,
      doc: 'whether `"` encloses fields; otherwise it is text',
    },
    blank,
    encoding,
  ];
}

const tokenizerOptions: readonly StageOption[] = [
  {
    name: 'vocab_size',
    type: 'integer',
    required: true,
    positional: true,
    minimum: 2,
    doc: 'most tokens that the vocabulary may have, `<pad>` (0) and `<unk>` (1) included; the rarest are cut',
  },
  {
    name: 'min_count',
    type: 'integer',
    default: 1,
    minimum: 1,
    doc: 'a token that the training part has less often becomes `<unk>`',
  },
  {
    name: 'max_length',
    type: 'integer',
    minimum: 1,
    doc: 'tokens of a text that are kept, from its start; by default the bound of the sequence dimension',
  },
  { name: 'lowercase', type: 'flag', default: true, doc: 'whether texts are put into lower case first' },
];

/** Letters together, every digit and every other symbol on its own; spaces separate. */
export const defaultPattern = '[\\p{L}\\p{M}]+|\\p{N}|[^\\s\\p{L}\\p{M}\\p{N}]';

export const stages: readonly Stage[] = [
  {
    name: 'csv',
    kind: 'source',
    doc: 'rows of a comma-separated file (RFC 4180)',
    options: delimited(',', true),
  },
  {
    name: 'tsv',
    kind: 'source',
    doc: 'rows of a tab-separated file; quotes are text',
    options: delimited('\t', false),
  },
  {
    name: 'jsonl',
    kind: 'source',
    doc: 'one JSON object a line',
    options: [
      path,
      { name: 'text', type: 'text', default: 'text', doc: 'the key of the text' },
      { name: 'label', type: 'text', doc: 'the key of the class, or of the number to predict' },
      blank,
      encoding,
    ],
  },
  {
    name: 'parquet',
    kind: 'source',
    doc: 'rows of a Parquet file, uncompressed or compressed with Snappy',
    options: [
      path,
      { name: 'text', type: 'text', default: 'text', doc: 'the column of the text' },
      { name: 'label', type: 'text', doc: 'the column of the class, or of the number to predict' },
      blank,
    ],
  },
  {
    name: 'lines',
    kind: 'source',
    doc: 'one text a line; with several files, the class is the name of the file: `lines{"spam.txt", "ham.txt"}`',
    options: [{ ...path, repeated: true }, blank, encoding],
  },
  {
    name: 'text',
    kind: 'source',
    doc: 'one long text, for a language model; several files are read one after the other. A split takes it in its order',
    options: [{ ...path, repeated: true }, encoding],
  },
  parallelStage,
  {
    name: 'conll',
    kind: 'source',
    doc: 'sentences with a tag for every word: one word a line with its columns, divided by tabs or by white space; a blank line, or one of white space alone, ends a sentence; lines that start with `-DOCSTART-` are left out',
    options: [
      path,
      { name: 'word', type: 'integer', default: 1, minimum: 1, doc: 'the column of the word, from 1' },
      { name: 'tag', type: 'integer', minimum: 1, doc: 'the column of the tag; by default the last' },
      {
        name: 'comments',
        type: 'flag',
        default: false,
        doc: 'whether lines that start with `#` are comments; otherwise they are words',
      },
      encoding,
    ],
  },
  {
    name: 'conllu',
    kind: 'source',
    doc: 'sentences of a CoNLL-U file with a tag for every word, or with `predicates` one example for each predicate, whose tags are the roles of the words. Comments, ranges (`3-4`) and empty nodes (`10.1`) are left out',
    options: [
      path,
      {
        name: 'tag',
        type: 'text',
        default: 'upos',
        doc: 'the column that is predicted: `"upos"`, `"xpos"`, `"deprel"`, …, or `"misc.NER"` for the value of a key in the last column',
      },
      {
        name: 'predicates',
        type: 'integer',
        minimum: 1,
        doc: 'the column that names the sense of a predicate, from 1; the roles of the k-th predicate are in the k-th column behind it, `V` is the predicate itself. Instead of `tag`',
      },
      encoding,
    ],
  },
  {
    name: 'recordings',
    kind: 'source',
    doc: 'WAVE files with what is said in them: a manifest (`.csv`, `.tsv` or `.jsonl`) that names a file and a text in every row, or a folder whose file names tell the text',
    options: [
      {
        ...path,
        doc: 'the manifest or the folder: relative to the working directory, then to the folder of the `.lm` file',
      },
      {
        name: 'audio',
        type: 'text',
        default: 'path',
        doc: 'the column of the manifest with the file, relative to the manifest',
      },
      {
        name: 'text',
        type: 'text',
        default: 'text',
        doc: 'the column, or the part of the name, with the text',
      },
      {
        name: 'pattern',
        type: 'text',
        doc: 'of a folder: how its files are called, `"<text>_<speaker>_<index>.wav"`; each name between `<` and `>` becomes a column',
      },
      {
        name: 'spell',
        type: 'text',
        doc: 'words, divided by spaces, where the text is a number: `"zero one two"` makes `one` of `1`',
      },
      {
        name: 'long',
        type: 'choice',
        choices: ['error', 'skip'],
        default: 'error',
        doc: 'what to do with recordings or texts that are longer than the model’s bounds; `skip` reports how many were left out',
      },
    ],
  },
  {
    name: 'tensors',
    kind: 'source',
    doc: 'a safetensors file: one tensor for each input and target, by name; the first axis is the example',
    options: [path],
  },
  {
    name: 'split',
    kind: 'split',
    doc: 'what is held out; without this stage, `split{}`',
    options: [
      {
        name: 'validation',
        type: 'share',
        default: 0.1,
        doc: 'the share of rows that choose the best checkpoint, or a file of its own like the source',
      },
      {
        name: 'test',
        type: 'share',
        default: 0.1,
        doc: 'the share of rows that are not looked at until `lmc eval`, or a file of its own like the source',
      },
      {
        name: 'order',
        type: 'choice',
        choices: ['shuffle', 'file'],
        default: 'shuffle',
        doc: '`file`: training rows first, then validation, test last, as in the file; `shuffle`: the same after a shuffle that depends on `seed` alone',
      },
      {
        name: 'seed',
        type: 'integer',
        default: 0,
        minimum: 0,
        doc: 'which shuffle; not the seed of the training',
      },
      {
        name: 'train',
        type: 'integer',
        minimum: 1,
        doc: 'how many of the rows to train on are used, drawn by `seed`; by default all of them',
      },
      {
        name: 'column',
        type: 'text',
        doc: 'of `recordings`, `csv`, `tsv`, `jsonl` and `parquet`: a column that tells the parts apart. `validation` and `test` in quotes are then its values, divided by spaces: `split{column="index", validation=0, test="0 1 2 3 4"}`',
      },
    ],
  },
  ...soundStages,
  {
    name: 'words',
    kind: 'tokenizer',
    doc: 'words and symbols, numbered by frequency in the training part',
    options: [
      ...tokenizerOptions,
      {
        name: 'pattern',
        type: 'text',
        default: defaultPattern,
        doc: 'a regular expression (JavaScript, with the `u` flag) that matches one token',
      },
    ],
  },
  {
    name: 'characters',
    kind: 'tokenizer',
    doc: 'every character is a token, spaces too',
    options: tokenizerOptions.map((option) =>
      option.name === 'lowercase' ? { ...option, default: false } : option,
    ),
  },
  ...subwordStages,
  {
    name: 'tokens',
    kind: 'tokenizer',
    doc: 'the words of `conll` and `conllu` as they are, numbered by frequency in the training part',
    options: [
      ...tokenizerOptions,
      {
        name: 'zero_digits',
        type: 'flag',
        default: false,
        doc: 'whether every digit becomes a 0, so that all years are one word',
      },
      {
        name: 'links',
        type: 'flag',
        default: false,
        doc: 'whether words that start with `http` become `<url>`, and those that start with `@` `<user>`',
      },
      {
        name: 'affix',
        type: 'integer',
        default: 3,
        minimum: 1,
        doc: 'letters of a `prefix` and of a `suffix`, where the model takes them',
      },
      {
        name: 'word_dropout',
        type: 'number',
        default: 0,
        doc: 'a: in training, a word that occurs n times becomes `<unk>` with the chance a / (a + n), so that rare words teach what an unknown one means',
      },
      {
        name: 'bio',
        type: 'choice',
        choices: ['repair', 'error'],
        default: 'repair',
        doc: 'what to do with an I that continues nothing: `repair` reads it as a B, as conlleval does, and reports how many there were',
      },
      {
        name: 'unseen',
        type: 'choice',
        choices: ['error', 'miss'],
        default: 'error',
        doc: 'what to do with a tag that is held out and in no training sentence: `miss` counts it as missed in the scores and as `O` in the loss',
      },
    ],
  },
  {
    name: 'windows',
    kind: 'windows',
    doc: 'pieces of a long text, and the same one token further on as the target; without this stage, `windows{}`. With `batches{…, shuffle}`, training draws them anywhere in the text, as many an epoch as it has side by side; otherwise, and in evaluation, they follow each other, so that every token but the first is predicted once',
    options: [
      {
        name: 'length',
        type: 'integer',
        positional: true,
        minimum: 1,
        doc: 'tokens in a window; by default the bound of the sequence dimension',
      },
      {
        name: 'contiguous',
        type: 'flag',
        default: false,
        doc: 'the text is read as many streams, one for each row of a batch: every row goes on where it ended in the batch before, for tasks with `stateful`',
      },
    ],
  },
  maskingStage,
  {
    name: 'batches',
    kind: 'batches',
    doc: 'how rows are put together; the last batch of an epoch may be smaller',
    options: [
      {
        name: 'size',
        type: 'integer',
        required: true,
        positional: true,
        minimum: 1,
        doc: 'rows in a batch, and the bound of the batch dimension',
      },
      { name: 'shuffle', type: 'flag', default: false, doc: 'another order every epoch' },
      {
        name: 'balance',
        type: 'flag',
        default: false,
        doc: 'in training, as many rows of each class: of a rare one the same rows several times, of a frequent one others in every epoch. Needs `shuffle`',
      },
      {
        name: 'bucket',
        type: 'dim',
        doc: 'puts rows of like length together, so that little is padded: `bucket=seq`. Pairs of `parallel` go by the length of both sides together, whichever side is named',
      },
      {
        name: 'pool',
        type: 'integer',
        default: 20,
        minimum: 1,
        doc: 'batches within which rows are sorted by length; larger pads less and mixes less',
      },
    ],
  },
];

export function findStage(name: string): Stage | undefined {
  return stages.find((stage) => stage.name === name);
}
