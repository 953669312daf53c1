/** The tokeniser of a training part, by what its stage and the model's table say. */
import type { StageArguments } from './arguments.ts';
import { BpeTokenizer } from './bpe/tokenizer.ts';
import { leastBpeSize, trainBpe } from './bpe/train.ts';
import type { DataContext, TensorSpec } from './dataset.ts';
import { encodingOf, parseEncoder, type InputEncoding } from './encoder.ts';
import { failAt, plural } from './problem.ts';
import { openTokenizerJson } from './saved-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';
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
  /** Of `words` and `characters`: the first tokens of the vocabulary. */
  readonly special?: readonly string[];
  /** Of `tokenizer`: its file. */
  readonly file: DataContext['tokenizerFile'];
  /** The vocabulary that is there already. */
  readonly pretrained?: DataContext['pretrained'];
}

/** What was left out is said in `notes`. */
export function learnTokenizer(stage: StageArguments, learning: Learning, notes: string[]): InputEncoding {
  const maxLength = Math.min(stage.optionalInteger('max_length') ?? learning.most, learning.most, 0x7fffffff);
  const tokenizer = adopt(stage, learning, notes) ?? learn(stage, learning, maxLength, notes);
  return { tokenizer, maxLength };
}

/** The tokeniser that parameters were trained with, where they come from a file. Throws where the stage says another. */
function adopt(stage: StageArguments, learning: Learning, notes: string[]): Tokenizer | undefined {
  const { pretrained, input, file } = learning;
  if (pretrained === undefined) return undefined;
  const { tokenizer } = encodingOf(parseEncoder(pretrained.encoder), input.name);
  const saved = tokenizer.save();
  const refuse = (what: string, cure: string): never =>
    failAt(stage.place, `${pretrained.name} has a vocabulary of its own, ${what}`, cure);
  const isFile = saved.kind === 'bpe' || saved.kind === 'library';
  const fits = stage.stage.name === 'tokenizer' ? isFile : saved.kind === stage.stage.name;
  if (!fits) refuse(`of \`${saved.kind}\`, and this is \`${stage.stage.name}\``, `write \`${saved.kind === 'library' ? 'tokenizer' : saved.kind}{…}\`, with the options that it was trained with`); // prettier-ignore
  if (saved.kind === 'words' || saved.kind === 'characters')
    for (const option of ['lowercase', 'pattern'] as const) {
      const here = option === 'lowercase' ? stage.flag(option) : (stage.optionalString(option) ?? '');
      if (here !== saved[option]) refuse(`with ${option}=${JSON.stringify(saved[option])}, and here it is ${JSON.stringify(here)}`, 'write the options that it was trained with'); // prettier-ignore
    }
  if (file !== undefined) {
    const other = openTokenizerJson(file.text, file.name).save();
    if (JSON.stringify(other) !== JSON.stringify(saved)) refuse(`and ${file.name} has another`, 'name the file that it was trained with'); // prettier-ignore
  }
  checkRoom(stage, tokenizer.size, input.range?.[1] ?? Number.POSITIVE_INFINITY);
  notes.push(`vocabulary of ${tokenizer.size}, from ${pretrained.name}`);
  return tokenizer;
}

function learn(stage: StageArguments, learning: Learning, maxLength: number, notes: string[]): Tokenizer {
  switch (stage.stage.name) {
    case 'bpe':
      return learnBytePairs(stage, learning, notes);
    case 'tokenizer':
      return openFile(stage, learning, notes);
    case 'words':
    case 'characters':
      return learnWords(stage, learning, maxLength, notes);
    default:
      failAt(
        stage.place,
        `\`${stage.stage.name}\` does not divide texts`,
        'write `words{…}`, `characters{…}`, `bpe{…}` or `tokenizer{…}`',
      );
  }
}

function learnBytePairs(stage: StageArguments, { input, texts }: Learning, notes: string[]): BpeTokenizer {
  const room = input.range?.[1] ?? Number.POSITIVE_INFINITY;
  const merges = stage.optionalInteger('merges');
  const size = stage.optionalInteger('vocab_size');
  if (merges !== undefined && size !== undefined)
    failAt(stage.place, '`vocab_size` and `merges` say the same: give one of them');
  const wanted = merges === undefined ? (size ?? room) : merges + leastBpeSize;
  if (!Number.isFinite(wanted)) failAt(stage.place, '`bpe` needs `vocab_size` or `merges`');
  checkRoom(stage, wanted, room);
  const model = trainBpe(texts(), {
    vocabularySize: wanted,
    minCount: stage.integer('min_count'),
    lowercase: stage.flag('lowercase'),
    nfc: stage.flag('nfc'),
    prefixSpace: stage.flag('prefix_space'),
  });
  const found = model.tokens.length;
  const short = found < wanted ? `; no more pairs are there ${stage.integer('min_count')} times` : '';
  notes.push(
    `vocabulary of ${found}${Number.isFinite(room) ? ` (room for ${room})` : ''}: 256 bytes, ${model.added.length} special tokens, ${plural(model.merges.length, 'merge')}${short}`,
  );
  return new BpeTokenizer(model, stage.place);
}

function openFile(stage: StageArguments, { input, file }: Learning, notes: string[]): Tokenizer {
  if (file === undefined) failAt(stage.place, 'the file of the tokeniser was not read');
  const tokenizer = openTokenizerJson(file.text, file.name);
  const room = input.range?.[1];
  if (room !== undefined) checkRoom(stage, tokenizer.size, room);
  notes.push(
    `${file.name}: vocabulary of ${tokenizer.size}${room === undefined ? '' : ` (room for ${room})`}`,
  );
  return tokenizer;
}

function checkRoom({ place }: StageArguments, size: number, room: number): void {
  if (size > room)
    failAt(
      place,
      `a vocabulary of ${size}, and the model’s embedding has room for ${room}`,
      `give the embedding ${size} rows: \`--set vocab_size=${size}\` where the program has such a setting`,
    );
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
