/**
 * Examples and the batches that they come in: what the training loop, evaluation and prediction know of data.
 */
import type { PlanDType, PlanDim } from '../plan.ts';
import type { TensorData } from '../session.ts';
import type { OpenTokenSink } from './token-store.ts';

export interface Batch {
  /** By the names of the model's inputs and the task's targets; the first axis is the example. */
  readonly tensors: ReadonlyMap<string, TensorData>;
  /** Runtime dimensions that this batch has: `batch`, `seq`. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Examples: `batch`, and less than the size of batches in the last one. */
  readonly rows: number;
  /** What the batch's mean loss counts for in the mean over a part of the data; absent: `rows`. */
  readonly weight?: number;
  /** Tokens without padding; for tensors without lengths, the elements of the first input's first two axes. */
  readonly tokens: number;
  /** Which rows of the split these are, from 0. */
  readonly indices: readonly number[];
}

export type Split = 'train' | 'validation' | 'test';

/** `shuffle: false` gives rows in their order, or in that of `bucket=…` where batches are made by length. */
export interface BatchOptions {
  readonly seed: number;
  /** 0 for the first. */
  readonly epoch: number;
  readonly shuffle: boolean;
}

export interface Dataset {
  readonly rows: Readonly<Record<Split, number>>;
  /** Deterministic in (seed, epoch). A generator: batches are made as they are used. */
  batches(split: Split, options: BatchOptions): Iterable<Batch>;
  batchesPerEpoch(split: Split, options: BatchOptions): number;
  /**
   * What must travel with the parameters so that raw text can be predicted: vocabulary, labels, tokeniser settings.
   * JSON text for `openEncoder`, or undefined where there is no text.
   */
  readonly encoder: string | undefined;
  /** Class names by number; empty where the targets are numbers already. */
  readonly labels: readonly string[];
  /** What a person should know: sizes of the parts, texts that were cut, rows that were left out. One line each. */
  readonly notes: readonly string[];
  /** The raw text of a row, where there is one: for samples of predictions. */
  readonly text?: (split: Split, row: number) => string;
  /** Of parallel text: a row's source and what it should become, as the files have them. */
  readonly pair?: (split: Split, row: number) => TextPair;
  /** The file's own tags of a row's words, where there are any: for scores that the host counts. */
  readonly tags?: (split: Split, row: number) => readonly string[];
  /** Of recordings: how an output by frames is read, and compared with `text`. */
  readonly transcripts?: Transcripts;
}

export interface TextPair {
  readonly source: string;
  readonly target: string;
}

export interface Transcripts {
  /** Frames of a row; what an output has behind them is padding. */
  readonly frames: (split: Split, row: number) => number;
  /** Numbers of the vocabulary to a text. */
  readonly decode: (ids: readonly number[]) => string;
  /** Size of the vocabulary. */
  readonly size: number;
  /** The training part's texts, by number: for a language model. */
  readonly trained: () => Iterable<readonly number[]>;
}

/** From a file's metadata alone: texts to batches, class numbers to names. */
export interface TextEncoder {
  /** In the order given. */
  encode(texts: readonly string[]): readonly Batch[];
  readonly labels: readonly string[];
}

/** An input of the model or a target of the task, as the plan has it. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: PlanDType;
  readonly shape: readonly PlanDim[];
  /** Of numbers of tokens or classes: inclusive low, exclusive high. */
  readonly range?: readonly [number, number];
  /** Of lengths: the dimension whose size none is above. */
  readonly along?: string;
}

/** What data is made for. */
export interface DataContext {
  /** The model's inputs, then the task's targets where batches need them. */
  readonly inputs: readonly TensorSpec[];
  /** The plan's runtime dimensions. */
  readonly dims: readonly { readonly name: string; readonly bound: number }[];
  /** Which of `inputs` are the task's targets. */
  readonly targets: readonly string[];
  /** Replaces the size in `batches{…}`. */
  readonly batchSize?: number;
  /** Rows in their order, whatever the pipeline and the caller say. */
  readonly noShuffle?: boolean;
  /** `Dataset.encoder` of a training run: its vocabulary and labels are used instead of new ones. */
  readonly encoder?: string;
  /**
   * The file that parameters start from, and its `Dataset.encoder`: its vocabulary is used, since rows of a table mean
   * what they meant there; the labels are new.
   */
  readonly pretrained?: { readonly name: string; readonly encoder: string };
  /** What `tokenizer{…}` names. */
  readonly tokenizerFile?: { readonly name: string; readonly text: string };
}

/** Files by the name that the program gives them. */
/** A file that is too large to be held. */
export interface LargeFile {
  /** For messages. */
  readonly name: string;
  /** Its bytes in order, from the start each time; a chunk is good until the next. */
  chunks(): Iterable<Uint8Array>;
}

export interface DataFiles {
  /**
   * `name` is for messages: the path where the file was found. Throws a RuntimeError with exit code 5 that says where
   * it looked.
   */
  read(path: string): Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
  /**
   * Files below a folder, with `/` between folders, in the order of their names. Undefined where the path is no folder;
   * absent where files cannot be listed, as in a browser.
   */
  list?(path: string): Promise<readonly string[] | undefined>;
  /** Undefined for a file that `read` reads, or says what is wrong with; absent where all are. */
  openLarge?(path: string): Promise<LargeFile | undefined>;
  /** Keeps tokens of a large file outside of memory. */
  readonly openTokenSink?: OpenTokenSink;
}
