/** Tokenisers of pieces of words. */
import { wholeFrom, type Stage, type StageOption } from '../stage.ts';

const maxLength: StageOption = {
  name: 'max_length',
  ...wholeFrom(1),
  doc: 'tokens of a text that are kept, from its start; by default the bound of the sequence dimension',
};

export const subwordStages: readonly Stage[] = [
  {
    name: 'bpe',
    kind: 'tokenizer',
    doc: 'byte-level byte pairs, learned from the training part: no text has an unknown token',
    options: [
      {
        name: 'vocab_size',
        ...wholeFrom(261),
        positional: true,
        doc: 'most tokens: 5 special ones (`<pad>` 0, `<unk>`, `<s>`, `</s>`, `<mask>`), 256 bytes, the merges; by default as many as the model’s embedding has',
      },
      { name: 'merges', ...wholeFrom(0), doc: 'in place of `vocab_size`: tokens beside those 261' },
      {
        name: 'min_count',
        ...wholeFrom(1),
        default: 2,
        doc: 'a pair that the training part has less often is not merged',
      },
      maxLength,
      {
        name: 'lowercase',
        type: 'flag',
        default: false,
        doc: 'whether texts are put into lower case first',
      },
      {
        name: 'nfc',
        type: 'flag',
        default: false,
        doc: 'whether texts are put into normal form C first, so that a letter with an accent is written one way',
      },
      {
        name: 'prefix_space',
        type: 'flag',
        default: false,
        doc: 'whether a text begins with a space, so that its first word is the same token as elsewhere',
      },
    ],
  },
  {
    name: 'tokenizer',
    kind: 'tokenizer',
    doc: 'a `tokenizer.json` of `lmc tokenize train` or of Hugging Face, of any kind: a vocabulary that is there already',
    options: [
      {
        name: 'path',
        type: 'path',
        required: true,
        positional: true,
        doc: 'the file: relative to the working directory, then to the folder of the `.lm` file',
      },
      maxLength,
    ],
  },
];
