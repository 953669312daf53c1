/** Tokens that come one by one, of several texts in turn, put together to texts that end before a stop string. */
import type { FinishReason, Generated } from './sequences.ts';
import { StopStrings } from './stop-strings.ts';
import type { TextCodec } from './text-codec.ts';
import type { TokenStream } from '../data/tokenizer.ts';

export interface GeneratedText {
  /** Which of the prompts, and which of its samples. */
  readonly prompt: number;
  readonly sample: number;
  /** Without the prompt. */
  readonly text: string;
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  /** Of beams: sum of log p / length^alpha. */
  readonly score?: number;
}

interface OpenText {
  readonly stream: TokenStream;
  readonly stops: StopStrings;
  text: string;
}

/** Called with what a text has become longer by; never with the empty text. */
export type OnPiece = (prompt: number, sample: number, piece: string) => void;

export class TextAssembler {
  readonly #codec: TextCodec;
  readonly #stop: readonly string[];
  readonly #continues: boolean;
  readonly #onPiece: OnPiece;
  readonly #texts = new Map<string, OpenText>();

  /** `continues`: texts go on from their prompts; otherwise they begin. */
  constructor(codec: TextCodec, stop: readonly string[], continues: boolean, onPiece: OnPiece = () => {}) {
    this.#codec = codec;
    this.#continues = continues;
    this.#stop = stop;
    this.#onPiece = onPiece;
  }

  /** True: a stop string came. */
  push(prompt: number, sample: number, token: number): boolean {
    const open = this.#open(prompt, sample);
    this.#add(open, open.stops.push(open.stream.push(token)), prompt, sample);
    return open.stops.stopped;
  }

  /** `isWhole`: none of its tokens was pushed, as beams hand on whole hypotheses. */
  end(generated: Generated, isWhole: boolean): GeneratedText {
    const { prompt, sample, tokens } = generated;
    const open = this.#open(prompt, sample);
    if (isWhole) for (const token of tokens) this.push(prompt, sample, token);
    const finish = isWhole && open.stops.stopped ? 'stop' : generated.finish;
    this.#add(open, open.stops.push(open.stream.end()) + open.stops.end(), prompt, sample);
    this.#texts.delete(keyOf(prompt, sample));
    return { ...generated, finish, text: open.text };
  }

  #add(open: OpenText, piece: string, prompt: number, sample: number): void {
    if (piece === '') return;
    open.text += piece;
    this.#onPiece(prompt, sample, piece);
  }

  #open(prompt: number, sample: number): OpenText {
    const found = this.#texts.get(keyOf(prompt, sample));
    if (found !== undefined) return found;
    const stream = this.#codec.openDecoder({ continues: this.#continues });
    const open = { stream, stops: new StopStrings(this.#stop), text: '' };
    this.#texts.set(keyOf(prompt, sample), open);
    return open;
  }
}

function keyOf(prompt: number, sample: number): string {
  return `${prompt} ${sample}`;
}
