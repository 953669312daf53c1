/** `lmc tokenize train|encode|decode`: learns byte-level BPE, and uses any tokenizer.json or what a model was trained with. */
import type { Command } from 'commander';
import { printTokenizerJson } from '../../../runtime/data/bpe/tokenizer-json.ts';
import { BpeTokenizer } from '../../../runtime/data/bpe/tokenizer.ts';
import { trainBpe } from '../../../runtime/data/bpe/train.ts';
import { parseEncoder } from '../../../runtime/data/encoder.ts';
import { openTokenizerJson } from '../../../runtime/data/saved-tokenizer.ts';
import type { Tokenizer } from '../../../runtime/data/tokenizer.ts';
import { encoderOf } from '../../../runtime/node/parameters.ts';
import { SafetensorsFile } from '../../../runtime/node/safetensors-file.ts';
import type { CommandContext, RegisterCommand } from '../context.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { positiveInteger } from '../options.ts';
import { readTextFile, readTextLines } from '../read-text.ts';
import { replaceFile } from '../replace-file.ts';

export const tokenizeCommand: RegisterCommand = (program, context) => {
  const parent = program
    .command('tokenize')
    .description('learn byte-level BPE vocabularies, and use tokenisers of any kind');
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
  readonly tokenizer?: string;
  readonly params?: string;
  readonly of?: string;
  readonly input?: string;
  readonly special?: true;
}

function addEncode(parent: Command, { io, done }: CommandContext): void {
  parent
    .command('encode')
    .description("print a text's tokens as numbers")
    .argument('[text]', 'the text; without it, each line of --input or of standard input')
    .option('--tokenizer <file>', 'a tokenizer.json')
    .option('--params <file>', 'parameters, with the tokeniser that the model was trained with')
    .option('--of <input>', 'with --params: of this input of the model, where it has several')
    .option('--input <file>', 'a text file, UTF-8, perhaps gzip')
    .option('--special', 'take `<s>` and the like in a text for special tokens')
    .action(async (text: string | undefined, options: CodeOptions) => {
      const tokenizer = await openTokenizer(options);
      const lines = chooseLines(text, options.input);
      for (const line of lines) io.out(`${tokenizer.encode(line, options.special === true).join(' ')}\n`);
      done(exitCodes.done);
    });
}

function addDecode(parent: Command, { io, done }: CommandContext): void {
  parent
    .command('decode')
    .description('print the text of token numbers')
    .argument('[numbers...]', 'the numbers; without them, each line of --input or of standard input')
    .option('--tokenizer <file>', 'a tokenizer.json')
    .option('--params <file>', 'parameters, with the tokeniser that the model was trained with')
    .option('--of <input>', 'with --params: of this input of the model, where it has several')
    .option('--input <file>', 'a file with numbers, perhaps gzip')
    .option('--special', 'print special tokens, too')
    .action(async (numbers: readonly string[], options: CodeOptions) => {
      const tokenizer = await openTokenizer(options);
      const lines = chooseLines(numbers.length === 0 ? undefined : numbers.join(' '), options.input);
      for (const line of lines) io.out(`${tokenizer.decode(readNumbers(line), options.special === true)}\n`);
      done(exitCodes.done);
    });
}

/** `special`: tokens that a text spells, and that are printed. */
interface Coder {
  readonly encode: (text: string, special: boolean) => readonly number[];
  readonly decode: (numbers: readonly number[], special: boolean) => string;
}

async function openTokenizer({ tokenizer, params, of, special }: CodeOptions): Promise<Coder> {
  if ((tokenizer === undefined) === (params === undefined))
    throw new CommandError(exitCodes.usage, 'which tokeniser? --tokenizer FILE or --params FILE');
  const opened =
    tokenizer === undefined
      ? await tokenizerOfParameters(params ?? '', of)
      : openTokenizerJson(readTextFile(tokenizer), tokenizer);
  if (opened instanceof BpeTokenizer)
    return {
      encode: (text, matchAdded) => opened.encode(text, { matchAdded }),
      decode: (numbers, printSpecial) => opened.decode(numbers, { printSpecial }),
    };
  if (special === true)
    throw new CommandError(exitCodes.usage, '--special is for byte-level BPE, and this tokeniser is another');
  return {
    encode: (text) => opened.encode(text),
    decode: (numbers) => {
      const beyond = numbers.find((number) => number >= opened.size);
      if (beyond !== undefined)
        throw new CommandError(
          exitCodes.usage,
          `${beyond} is no token: they go from 0 to ${opened.size - 1}`,
        );
      return opened.decode(numbers);
    },
  };
}

async function tokenizerOfParameters(file: string, of: string | undefined): Promise<Tokenizer> {
  const opened = await SafetensorsFile.open(file);
  await opened.close();
  const own = encoderOf(opened.metadata);
  if (own === undefined) throw new CommandError(exitCodes.files, `${file} holds no tokeniser`);
  const { inputs } = parseEncoder(own);
  const names = [...inputs.keys()];
  const chosen =
    of === undefined
      ? [...new Set([...inputs.values()].map(({ tokenizer: each }) => each))]
      : [inputs.get(of)?.tokenizer];
  const [tokenizer, ...others] = chosen;
  if (tokenizer === undefined)
    throw new CommandError(exitCodes.usage, `--of: the inputs with a tokeniser are ${names.join(', ')}`);
  if (others.length > 0)
    throw new CommandError(exitCodes.usage, `whose tokeniser? --of ${names.join(' or --of ')}`);
  return tokenizer;
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
