/** What `lmc generate` was asked for, and how its texts are printed: as a stream, as lines, as events. */
import type { Decoder } from '../../runtime/generate/decoder.ts';
import type { BindSources, Generated, Prompt } from '../../runtime/generate/sequences.ts';
import { StopStrings } from '../../runtime/generate/stop-strings.ts';
import type { TextCodec } from '../../runtime/generate/text-codec.ts';
import type { Io } from './io.ts';
import type { RunOptions } from './run-options.ts';

export interface GenerateOptions extends RunOptions {
  readonly params?: string;
  readonly run?: string;
  readonly prompt?: string;
  readonly input?: string;
  readonly output?: string;
  /** Numbers of tokens, in place of the tokeniser's. */
  readonly begin?: number;
  /** Or its text. */
  readonly end?: number | string;
  readonly maxTokens?: number;
  readonly minTokens: number;
  readonly temperature?: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly stop: readonly string[];
  readonly samples: number;
}

export interface GenerateTask {
  readonly codec: TextCodec;
  /** Texts are numbers of tokens. */
  readonly isNumbers: boolean;
  readonly decoder: Decoder;
  readonly texts: readonly string[];
  readonly prompts: readonly Prompt[];
  readonly bindSources: BindSources;
  /** What a person should know, a line each. */
  readonly notes: readonly string[];
  /** Whether the model reads a source beside what it writes. */
  readonly hasSource: boolean;
}

interface OpenText {
  readonly stream: ReturnType<TextCodec['openDecoder']>;
  readonly stops: StopStrings;
  text: string;
}

/** Texts as they come about, and what is printed of them. */
export class TextResults {
  readonly #io: Io;
  readonly #task: GenerateTask;
  readonly #options: GenerateOptions;
  readonly #texts = new Map<string, OpenText>();
  /** One text alone is printed as it comes. */
  readonly #streams: boolean;
  #ended = 0;

  constructor(io: Io, task: GenerateTask, options: GenerateOptions) {
    this.#io = io;
    this.#task = task;
    this.#options = options;
    this.#streams =
      task.prompts.length * options.samples === 1 && options.output === undefined && options.beams === 1;
    if (this.#streams && options.logFormat === 'text' && !task.hasSource) io.out(task.texts[0] ?? '');
  }

  /** True: a stop string came. */
  push(prompt: number, sample: number, token: number): boolean {
    const open = this.#open(prompt, sample);
    this.#show(open, open.stops.push(open.stream.push(token)), prompt, sample);
    return open.stops.stopped;
  }

  end(generated: Generated): void {
    const { prompt, sample, tokens, score } = generated;
    const open = this.#open(prompt, sample);
    let { finish } = generated;
    // Beams hand on whole hypotheses.
    if (this.#options.beams > 1) {
      for (const token of tokens) this.push(prompt, sample, token);
      if (open.stops.stopped) finish = 'stop';
    }
    this.#show(open, open.stops.push(open.stream.end()) + open.stops.end(), prompt, sample);
    const { io, options } = { io: this.#io, options: this.#options };
    const { text } = open;
    if (options.logFormat === 'json') {
      const event = { event: 'generate', prompt, sample, text, tokens: tokens.length, finish };
      io.out(`${JSON.stringify(score === undefined ? event : { ...event, score })}\n`);
    } else if (this.#streams) {
      io.out('\n');
    } else if (options.output === undefined) {
      if (options.input === undefined) io.out(`${this.#ended > 0 ? '---\n' : ''}${this.#begin()}${text}\n`);
      else io.out(`${oneLine(text)}\n`);
    }
    this.#ended++;
    if (finish === 'context' && this.#streams) io.err('the context of the model is full\n');
  }

  /** A line a text, in the order of the prompts. */
  lines(): string {
    const { prompts } = this.#task;
    return prompts
      .flatMap((_, prompt) =>
        Array.from(
          { length: this.#options.samples },
          (_each, sample) => `${oneLine(this.#open(prompt, sample).text)}\n`,
        ),
      )
      .join('');
  }

  #begin(): string {
    return this.#task.hasSource ? '' : (this.#task.texts[0] ?? '');
  }

  #show(open: OpenText, piece: string, prompt: number, sample: number): void {
    if (piece === '') return;
    const space = this.#task.isNumbers && open.text === '' && !this.#task.hasSource ? ' ' : '';
    open.text += piece;
    if (!this.#streams) return;
    if (this.#options.logFormat === 'json')
      this.#io.out(`${JSON.stringify({ event: 'piece', prompt, sample, text: piece })}\n`);
    else this.#io.out(space + piece);
  }

  #open(prompt: number, sample: number): OpenText {
    const key = `${prompt} ${sample}`;
    const found = this.#texts.get(key);
    if (found !== undefined) return found;
    const stream = this.#task.codec.openDecoder();
    const open = { stream, stops: new StopStrings(this.#options.stop), text: '' };
    this.#texts.set(key, open);
    return open;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}
