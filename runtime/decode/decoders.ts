/**
 * How a task reads texts out of its model's output: `decode = ctc_beam{width=16}`. The compiler checks a program against
 * this table; `transcribe.ts` does it.
 */
import type { ScheduleOption } from '../schedule.ts';

export interface DecoderKind {
  readonly doc: string;
  readonly options: Readonly<Record<string, ScheduleOption>>;
}

const blank: ScheduleOption = {
  kind: 'integer',
  minimum: 0,
  default: 0,
  doc: 'the number of the blank',
};

export const decoders: Readonly<Record<string, DecoderKind>> = {
  ctc_greedy: {
    doc: 'the most likely alignment: the best symbol of every frame, runs of equal ones once, without blanks',
    options: { blank },
  },
  ctc_beam: {
    doc: 'prefix beam search (Graves 2008, Hannun et al. 2014): adds up the alignments that spell the same; with `order`, weighed by a language model of the training part’s characters',
    options: {
      width: { kind: 'integer', minimum: 1, default: 16, doc: 'texts that are kept after every frame' },
      order: {
        kind: 'integer',
        minimum: 0,
        default: 0,
        doc: 'characters that the language model counts together, 3 for two of history; 0 for no language model',
      },
      alpha: { kind: 'number', minimum: 0, default: 0.5, doc: 'weight of the language model' },
      beta: { kind: 'number', minimum: 0, default: 1, doc: 'what every character is worth beside it' },
      blank,
    },
  },
};
