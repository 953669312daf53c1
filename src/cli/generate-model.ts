/** Texts from a model: one prompt as a stream, many prompts into a file, events for programs. */
import { readFile } from 'node:fs/promises';
import { TextWriter } from '../../runtime/generate/text-writer.ts';
import { explainSystemError } from '../../runtime/node/system-errors.ts';
import type { ParameterFile } from '../../runtime/node/parameters.ts';
import { CommandError, exitCodes } from './exit.ts';
import { oneLine, TextPrinter, type GenerateOptions } from './generated-texts.ts';
import type { Io } from './io.ts';
import type { OpenModel } from './open-model.ts';
import { chooseEncoder } from './parameters-encoder.ts';
import { replaceFile } from './replace-file.ts';
import { defined } from './settle-run.ts';

/** Throws a RuntimeError or a CommandError for what a person can mend. */
export async function generateTexts(
  io: Io,
  { plan, session }: OpenModel,
  params: string,
  { metadata }: ParameterFile,
  options: GenerateOptions,
): Promise<void> {
  const chosen = chooseEncoder(plan, {
    params,
    metadata,
    ...defined({ tokenizer: options.tokenizer }),
  });
  if (chosen.note !== undefined) io.err(`${chosen.note}\n`);
  const writer = new TextWriter(plan, session, chosen.encoder, options);
  const texts = await readTexts(options);
  const { prompts, notes } = writer.encode(texts);
  for (const note of notes) io.err(`${note}\n`);
  const { isNumbers, hasSource } = writer;
  const printer = new TextPrinter(io, { texts, isNumbers, hasSource }, options);
  const written = await writer.write(prompts, {
    onPiece: (prompt, sample, piece) => printer.piece(prompt, sample, piece),
    onText: (text) => printer.end(text),
  });
  if (options.output === undefined) return;
  // In the order of the prompts.
  replaceFile(options.output, written.map(({ text }) => `${oneLine(text)}\n`).join(''));
  io.err(`wrote ${options.output}: ${written.length} texts\n`);
}

async function readTexts({ prompt, input }: GenerateOptions): Promise<readonly string[]> {
  if (prompt !== undefined) return [prompt];
  if (input === undefined) return [];
  let text: string;
  try {
    text = await readFile(input, 'utf8');
  } catch (error) {
    throw explainSystemError(error, `cannot read ${input}`);
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new CommandError(exitCodes.files, `${input} is empty`);
  return lines;
}
