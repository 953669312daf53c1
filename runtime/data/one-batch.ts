/** One batch as a whole data set: what a model must be able to learn by heart before anything else makes sense. */
import type { Batch, Dataset } from './dataset.ts';
import { RuntimeError } from '../session.ts';

/** The first batch of the training part. Throws a RuntimeError where there is none. */
export function firstBatch(dataset: Dataset, seed: number, shuffle: boolean): Batch {
  for (const batch of dataset.batches('train', { seed, epoch: 0, shuffle })) return batch;
  throw new RuntimeError(5, 'the training part of the data gives no batch');
}

/** `times`: how often the batch comes in an epoch. Nothing is held out. */
export function repeatBatch(dataset: Dataset, batch: Batch, times: number): Dataset {
  const { encoder, labels, text, pair, tags, transcripts } = dataset;
  return {
    rows: { train: batch.rows, validation: 0, test: 0 },
    *batches() {
      for (let count = 0; count < times; count++) yield batch;
    },
    batchesPerEpoch: () => times,
    encoder,
    labels,
    notes: [],
    ...(text === undefined ? {} : { text: text.bind(dataset) }),
    ...(pair === undefined ? {} : { pair: pair.bind(dataset) }),
    ...(tags === undefined ? {} : { tags: tags.bind(dataset) }),
    ...(transcripts === undefined ? {} : { transcripts }),
  };
}
