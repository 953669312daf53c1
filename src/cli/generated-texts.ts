/** What `lmc generate` was asked for, and how its texts are printed: as a stream, as lines, as events. */
import type { GenerationSettings } from '../../runtime/generate/settings.ts';
import type { GeneratedText } from '../../runtime/generate/text-assembler.ts';
import type { Io } from './io.ts';
import type { RunOptions } from './run-options.ts';

export interface GenerateOptions extends RunOptions, GenerationSettings {
  readonly params?: string;
  readonly run?: string;
  readonly prompt?: string;
  readonly input?: string;
  readonly output?: string;
  /** A tokenizer.json, in place of the parameters' own. */
  readonly tokenizer?: string;
  readonly seed?: number;
}

export interface GenerateTask {
  /** What was given, a text for each prompt. */
  readonly texts: readonly string[];
  /** Texts are numbers of tokens. */
  readonly isNumbers: boolean;
  readonly hasSource: boolean;
}

export class TextPrinter {
  readonly #io: Io;
  readonly #task: GenerateTask;
  readonly #options: GenerateOptions;
  /** One text alone is printed as it comes. */
  readonly #streams: boolean;
  #isBegun = false;
  #ended = 0;

  constructor(io: Io, task: GenerateTask, options: GenerateOptions) {
    this.#io = io;
    this.#task = task;
    this.#options = options;
    this.#streams =
      task.texts.length * options.samples === 1 && options.output === undefined && options.beams === 1;
    if (this.#streams && options.logFormat === 'text' && !task.hasSource) io.out(task.texts[0] ?? '');
  }

  piece(prompt: number, sample: number, text: string): void {
    if (!this.#streams) return;
    const { isNumbers, hasSource } = this.#task;
    const space = isNumbers && !this.#isBegun && !hasSource ? ' ' : '';
    this.#isBegun = true;
    if (this.#options.logFormat === 'json')
      this.#io.out(`${JSON.stringify({ event: 'piece', prompt, sample, text })}\n`);
    else this.#io.out(space + text);
  }

  end({ prompt, sample, text, tokens, finish, score }: GeneratedText): void {
    const { logFormat, output, input } = this.#options;
    if (logFormat === 'json') {
      const event = { event: 'generate', prompt, sample, text, tokens: tokens.length, finish };
      this.#io.out(`${JSON.stringify(score === undefined ? event : { ...event, score })}\n`);
    } else if (this.#streams) {
      this.#io.out('\n');
    } else if (output === undefined) {
      const begin = this.#task.hasSource ? '' : (this.#task.texts[0] ?? '');
      if (input === undefined) this.#io.out(`${this.#ended > 0 ? '---\n' : ''}${begin}${text}\n`);
      else this.#io.out(`${oneLine(text)}\n`);
    }
    this.#ended++;
    if (finish === 'context' && this.#streams) this.#io.err('the context of the model is full\n');
  }
}

/** A text as one line of a file. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}
