/** `lmc tokenize train|encode|decode`: byte-level BPE vocabularies as tokenizer.json. */
import type { Command } from 'commander';
import { parseTokenizerJson, printTokenizerJson } from '../../../runtime/data/bpe/tokenizer-json.ts';
import { BpeTokenizer } from '../../../runtime/data/bpe/tokenizer.ts';
import { trainBpe } from '../../../runtime/data/bpe/train.ts';
import type { CommandContext, RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { positiveInteger } from '../options.ts';
import { readTextFile, readTextLines } from '../read-text.ts';
import { replaceFile } from '../replace-file.ts';

export const tokenizeCommand: RegisterCommand = (program, context) => {
  const parent = program.command('tokenize').description('learn and use byte-level BPE vocabularies');
  addTrain(parent, context);
  addEncode(parent, context);
  addDecode(parent, context);
};

interface TrainOptions {
  readonly vocabSize: number;
  readonly minCount: number;
  readonly lowercase?: true;
  readonly nfc?: true;
  readonly output: string;
}

function addTrain(parent: Command, { io, done }: CommandContext): void {
  parent
    .command('train')
    .description('learn a vocabulary from texts, one a line, and write tokenizer.json')
    .argument('<files...>', 'text files, UTF-8, perhaps gzip')
    .requiredOption(
      '--vocab-size <n>',
      'most tokens, the 5 special ones and 256 bytes included',
      positiveInteger,
    )
    .option('--min-count <n>', 'do not merge a pair that is there less often', positiveInteger, 2)
    .option('--lowercase', 'put texts into lower case')
    .option('--nfc', 'put texts into normal form C')
    .requiredOption('-o, --output <file>', 'the tokenizer.json to write')
    .action((files: readonly string[], options: TrainOptions) => {
      const start = performance.now();
      const texts = files.flatMap((file) => readTextLines(file));
      const model = trainBpe(texts, {
        vocabularySize: options.vocabSize,
        minCount: options.minCount,
        lowercase: options.lowercase === true,
        nfc: options.nfc === true,
      });
      replaceFile(options.output, printTokenizerJson(model));
      const seconds = ((performance.now() - start) / 1000).toFixed(2);
      io.err(
        `${options.output}: ${model.tokens.length} tokens, ${model.merges.length} merges, from ${texts.length} lines in ${seconds} s\n`,
      );
      if (model.tokens.length < options.vocabSize)
        io.err(`no more pairs are there ${options.minCount} times: fewer tokens than --vocab-size\n`);
      done(exitCodes.done);
    });
}

interface CodeOptions {
  readonly tokenizer: string;
  readonly input?: string;
  readonly special?: true;
}

function addEncode(parent: Command, { io, done }: CommandContext): void {
  parent
    .command('encode')
    .description("print a text's tokens as numbers")
    .argument('[text]', 'the text; without it, each line of --input or of standard input')
    .requiredOption('--tokenizer <file>', 'the tokenizer.json')
    .option('--input <file>', 'a text file, UTF-8, perhaps gzip')
    .option('--special', 'take `<s>` and the like in a text for special tokens')
    .action((text: string | undefined, options: CodeOptions) => {
      const tokenizer = openTokenizer(options.tokenizer);
      const lines = chooseLines(text, options.input);
      for (const line of lines)
        io.out(`${tokenizer.encode(line, { matchAdded: options.special === true }).join(' ')}\n`);
      done(exitCodes.done);
    });
}

function addDecode(parent: Command, { io, done }: CommandContext): void {
  parent
    .command('decode')
    .description('print the text of token numbers')
    .argument('[numbers...]', 'the numbers; without them, each line of --input or of standard input')
    .requiredOption('--tokenizer <file>', 'the tokenizer.json')
    .option('--input <file>', 'a file with numbers, perhaps gzip')
    .option('--special', 'print special tokens, too')
    .action((numbers: readonly string[], options: CodeOptions) => {
      const tokenizer = openTokenizer(options.tokenizer);
      const lines = chooseLines(numbers.length === 0 ? undefined : numbers.join(' '), options.input);
      for (const line of lines)
        io.out(`${tokenizer.decode(readNumbers(line), { printSpecial: options.special === true })}\n`);
      done(exitCodes.done);
    });
}

function openTokenizer(file: string): BpeTokenizer {
  return new BpeTokenizer(parseTokenizerJson(readTextFile(file), file), file);
}

function chooseLines(argument: string | undefined, input: string | undefined): readonly string[] {
  if (argument !== undefined && input !== undefined)
    throw new CommandError(exitCodes.usage, 'give a text or --input, not both');
  return argument === undefined ? readTextLines(input ?? 0) : [argument];
}

function readNumbers(line: string): readonly number[] {
  return line
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      if (!/^\d+$/.test(word)) throw new CommandError(exitCodes.usage, `"${word}" is no token number`);
      return Number(word);
    });
}
