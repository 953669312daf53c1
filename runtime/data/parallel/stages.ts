/** The source of a translation's pairs. */
import { choiceOf, type Stage } from '../stage.ts';

/** What stands in a path for the one language and for the other. */
export const languageMark = '<language>';

export const parallelStage: Stage = {
  name: 'parallel',
  kind: 'source',
  doc: 'pairs of a text and its translation: two files with as many lines, `parallel{"train.<language>.gz", source="en", target="de"}`, or two columns of a tab-separated file. `split{validation="val.<language>.gz"}` names files of their own in the same way',
  options: [
    {
      name: 'path',
      type: 'path',
      required: true,
      positional: true,
      doc: 'the file, or the two, where `<language>` stands for `source` and for `target`; plain or gzip: relative to the working directory, then to the folder of the `.lm` file',
    },
    {
      name: 'source',
      type: 'column',
      default: 1,
      doc: 'what stands for `<language>` in the file that is read; of one file, the column: its number from 1, or its name in the first line',
    },
    {
      name: 'target',
      type: 'column',
      default: 2,
      doc: 'the same of the file or the column that is written',
    },
    choiceOf(
      'vocabulary',
      ['joint', 'separate'],
      'whether both sides share one vocabulary, as one embedding needs, or each has its own',
    ),
    choiceOf(
      'blank',
      ['error', 'skip'],
      'what to do with a pair of which a side is blank; `skip` reports how many were left out',
    ),
    choiceOf(
      'long',
      ['error', 'skip'],
      'what to do with a pair longer than `max_length` or the model’s bounds; `skip` leaves it out of training, cuts it where it is held out, and reports how many there were',
    ),
    {
      name: 'encoding',
      type: 'text',
      default: 'utf-8',
      doc: 'how the files are encoded: `"utf-8"`, `"windows-1252"`, `"utf-16le"`, …',
    },
  ],
};
