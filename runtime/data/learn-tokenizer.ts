/** The tokeniser of a training part, by what its stage and the model's table say. */
import type { StageArguments } from './arguments.ts';
import type { TensorSpec } from './dataset.ts';
import type { InputEncoding } from './encoder.ts';
import { plural } from './problem.ts';
import { buildVocabulary, specialTokens } from './vocabulary.ts';
import { createDivide, WordTokenizer, type WordSettings } from './word-tokenizer.ts';

export interface Learning {
  /** Most tokens of a text that the model takes. */
  readonly most: number;
  /** What takes the tokens; its range is the table's. */
  readonly input: TensorSpec;
  /** The texts of the training part. */
  readonly texts: () => Iterable<string>;
  /** Whether what is cut from a text is not learnt from. */
  readonly cutsTexts: boolean;
  readonly special?: readonly string[];
}

/** What was left out is said in `notes`. */
export function learnTokenizer(stage: StageArguments, learning: Learning, notes: string[]): InputEncoding {
  const maxLength = Math.min(stage.optionalInteger('max_length') ?? learning.most, learning.most, 0x7fffffff);
  return { tokenizer: learnWords(stage, learning, maxLength, notes), maxLength };
}

function learnWords(
  stage: StageArguments,
  { input, texts, cutsTexts, special = specialTokens }: Learning,
  maxLength: number,
  notes: string[],
): WordTokenizer {
  const settings: WordSettings = {
    kind: stage.stage.name === 'characters' ? 'characters' : 'words',
    lowercase: stage.flag('lowercase'),
    pattern: stage.optionalString('pattern') ?? '',
  };
  const divide = createDivide(settings, stage.place);
  const room = Math.min(stage.integer('vocab_size'), input.range?.[1] ?? Number.POSITIVE_INFINITY);
  const minCount = stage.integer('min_count');
  function* divided(): Iterable<readonly string[]> {
    for (const text of texts()) yield cutsTexts ? divide(text).slice(0, maxLength) : divide(text);
  }
  const { vocabulary, distinct, rare, cut } = buildVocabulary(divided(), room, minCount, special);
  const left = [
    ...(rare > 0 ? [`${rare} seen less than ${minCount} times`] : []),
    ...(cut > 0 ? [`${cut} for want of room`] : []),
  ];
  notes.push(
    `vocabulary of ${vocabulary.size} (room for ${room}) from ${plural(distinct, 'different token')}` +
      (left.length === 0 ? '' : `; left out: ${left.join(', ')}`),
  );
  return new WordTokenizer(settings, vocabulary, stage.place);
}
