/** The vocabulary of a training part, by what the tokeniser's stage and the model's table say. */
import type { StageArguments } from './arguments.ts';
import type { TensorSpec } from './dataset.ts';
import type { EncoderData } from './encoder.ts';
import { plural } from './problem.ts';
import { buildVocabulary, createTokenizer, type Tokenize, type TokenizerSettings } from './tokenizer.ts';

/**
 * `most`: the tokens of a text that are kept. `input`: what takes the tokens; its range is the table's. `texts`: the
 * tokens of the training part. What was left out is said in `notes`.
 */
export function learnVocabulary(
  tokenizer: StageArguments,
  most: number,
  input: TensorSpec,
  texts: (tokenize: Tokenize, settings: TokenizerSettings) => Iterable<readonly string[]>,
  notes: string[],
): Pick<EncoderData, 'tokenizer' | 'vocabulary'> {
  const settings: TokenizerSettings = {
    kind: tokenizer.stage.name === 'characters' ? 'characters' : 'words',
    lowercase: tokenizer.flag('lowercase'),
    pattern: tokenizer.optionalString('pattern') ?? '',
    maxLength: Math.min(tokenizer.optionalInteger('max_length') ?? most, most, 0x7fffffff),
  };
  const tokenize = createTokenizer(settings, tokenizer.place);
  const room = Math.min(tokenizer.integer('vocab_size'), input.range?.[1] ?? Number.POSITIVE_INFINITY);
  const minCount = tokenizer.integer('min_count');
  const { vocabulary, distinct, rare, cut } = buildVocabulary(texts(tokenize, settings), room, minCount);
  const left = [
    ...(rare > 0 ? [`${rare} seen less than ${minCount} times`] : []),
    ...(cut > 0 ? [`${cut} for want of room`] : []),
  ];
  notes.push(
    `vocabulary of ${vocabulary.size} (room for ${room}) from ${plural(distinct, 'different token')}` +
      (left.length === 0 ? '' : `; left out: ${left.join(', ')}`),
  );
  return { tokenizer: settings, vocabulary };
}
