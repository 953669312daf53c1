/** What the ways of generating have in common: a prompt, what limits it, what comes of it. */
import type { TensorData } from '../session.ts';

export interface Prompt {
  /** At least one token; for an encoder-decoder model, the one that begins a sentence. */
  readonly tokens: readonly number[];
  /** Tokens of the encoder's source. */
  readonly source?: readonly number[];
  /** Most tokens to generate, the end included. */
  readonly maxTokens: number;
}

/** `end`: the end token came. `stop`: the caller said so. `length`: `maxTokens`. `context`: no room for more. */
export type FinishReason = 'end' | 'stop' | 'length' | 'context';

export interface Generated {
  /** Which of the prompts. */
  readonly prompt: number;
  /** Which of the prompt's samples or hypotheses. */
  readonly sample: number;
  /** Without the prompt and without the end token. */
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  /** Of beams: sum of log p / length^alpha. */
  readonly score?: number;
}

/** The tokens with a meaning of their own. */
export interface SpecialTokens {
  /** Ends a row. */
  readonly end?: number;
  /** Never generated: padding, the begin of a sentence. */
  readonly banned: readonly number[];
}

/** The inputs of a model's encoder, from sources of unequal lengths: filled up with `pad`. */
export type BindSources = (sources: readonly (readonly number[])[]) => ReadonlyMap<string, TensorData>;

/** Scores of one row as float64. */
export function rowScores({ shape, data }: TensorData, row: number): Float64Array {
  const size = shape[1] ?? 0;
  return Float64Array.from(data.subarray(row * size, (row + 1) * size));
}
