/** Data sets from text that is written here. */
import type { DataContext, DataFiles, Dataset } from '../../../runtime/data/dataset.ts';
import { encodingOf, parseEncoder } from '../../../runtime/data/encoder.ts';
import { openDataset } from '../../../runtime/data/open-dataset.ts';
import type { PlanCall, PlanConstant, PlanDim, PlanTask } from '../../../runtime/plan.ts';
import type { Tokenizer } from '../../../runtime/data/tokenizer.ts';
import { RuntimeError } from '../../../runtime/session.ts';

export const symbol = (name: string): PlanDim => [{ coefficient: 1, symbols: [name] }];
export const constant = (value: number): PlanDim => [{ coefficient: value, symbols: [] }];

export function call(
  builder: string,
  positional: readonly PlanConstant[] = [],
  named: Readonly<Record<string, PlanConstant>> = {},
): PlanCall {
  return { builder, positional, named, place: `x.lm:7:${10 + builder.length}` };
}

/** The text classifier: tokens and lengths in, two classes out, at most 16 tokens. */
export const classifier: DataContext = {
  inputs: [
    { name: 'tokens', dtype: 'i32', shape: [symbol('batch'), symbol('seq')], range: [0, 1000] },
    { name: 'lengths', dtype: 'i32', shape: [symbol('batch')] },
    { name: 'labels', dtype: 'i32', shape: [symbol('batch')], range: [0, 2] },
  ],
  targets: ['labels'],
  dims: [
    { name: 'batch', bound: 64 },
    { name: 'seq', bound: 16 },
  ],
};

export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): DataFiles {
  return {
    read: (path) => {
      const content = files[path];
      if (content === undefined) return Promise.reject(new RuntimeError(5, `there is no file \`${path}\``));
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return Promise.resolve({ name: path, bytes });
    },
  };
}

export function taskOf(data: readonly PlanCall[], batchSize = 4): PlanTask {
  return {
    name: 'classify',
    targets: [],
    data,
    metrics: [],
    optimizer: call('adam'),
    epochs: 1,
    seed: 1,
    batchSize,
    fields: {},
  };
}

export function open(
  files: Readonly<Record<string, string | Uint8Array>>,
  data: readonly PlanCall[],
  context: Partial<DataContext> = {},
): Promise<Dataset> {
  return openDataset(taskOf(data), { ...classifier, ...context, files: memoryFiles(files) });
}

/** All of the file in its order, and everything to train on. */
export const wholeFile = call('split', [], { validation: 0, test: 0, order: 'file' });

/** The tokeniser that travels with the parameters. */
export function tokenizerOf(encoder = '', input?: string): Tokenizer {
  return encodingOf(parseEncoder(encoder), input).tokenizer;
}

export function vocabularyOf(tokenizer: Tokenizer): readonly (string | undefined)[] {
  return Array.from({ length: tokenizer.size }, (_, id) => tokenizer.token(id));
}
