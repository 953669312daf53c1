/** Sentences with a tag for every word: what the readers of CoNLL files give, and where each came from. */
import type { Place } from '../problem.ts';

export interface Sentence {
  readonly words: readonly string[];
  /** One for each word; undefined where the file has none. */
  readonly tags: readonly string[] | undefined;
  /** The position of the predicate whose roles the tags are. */
  readonly predicate: number | undefined;
  /** Of the first word. */
  readonly place: Place;
  /** The line of each word, from 1. */
  readonly lines: readonly number[];
  /** Equal for examples of one sentence, which is counted once. */
  readonly group: number;
}

/** What a source read, and what a person should know of it. */
export interface SourceSentences {
  readonly sentences: readonly Sentence[];
  readonly notes: readonly string[];
}

/** The tag of a word that is part of nothing. */
export const outside = 'O';
