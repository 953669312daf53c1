/** What the table of the stages is made of. */

/**
 * `path`, `text`: a string. `number`: a number from `minimum` to `maximum`. `column`: a string, or a column's number from 1. `share`: a
 * number in [0, 1), or a string that names a file. `flag`: true or false, or the bare name alone for true (`shuffle`). `choice`: one of the bare
 * names in `choices`. `dim`: the bare name of a runtime dimension.
 */
export type StageOptionType =
  'path' | 'text' | 'column' | 'integer' | 'number' | 'share' | 'flag' | 'choice' | 'dim';

export interface StageOption {
  readonly name: string;
  readonly type: StageOptionType;
  readonly choices?: readonly string[];
  /** Undefined: absent, which the documentation explains, unless `required`. */
  readonly default?: string | number | boolean;
  readonly required?: boolean;
  /** May be given without its name, in this order among the stage's positional options. */
  readonly positional?: boolean;
  /** The last positional option may be given several times. */
  readonly repeated?: boolean;
  /** Smallest number; without it, of numbers that are not whole, 0. */
  readonly minimum?: number;
  /** Largest number, of those that need not be whole. */
  readonly maximum?: number;
  readonly doc: string;
}

export type StageKind =
  'source' | 'split' | 'features' | 'augment' | 'tokenizer' | 'windows' | 'masking' | 'batches';

export interface Stage {
  readonly name: string;
  /** A pipeline has one source, then at most one of each other kind, in this order. */
  readonly kind: StageKind;
  readonly doc: string;
  readonly options: readonly StageOption[];
  /** What is wrong with options that are each right: the one to blame, and what it should be. */
  readonly check?: (
    numbers: ReadonlyMap<string, number>,
  ) => { readonly option: string; readonly expected: string } | undefined;
}

/** An option that is a whole number. */
export const wholeFrom = (minimum: number) => ({ type: 'integer', minimum }) as const;

/** An option that is one of some names, the first where nothing is said. */
export function choiceOf(name: string, choices: readonly [string, ...string[]], doc: string): StageOption {
  return { name, type: 'choice', choices, default: choices[0], doc };
}

/** `a number from 0 to 1` */
export function describeNumber({ minimum = 0, maximum }: StageOption): string {
  return `a number from ${minimum}${maximum === undefined ? '' : ` to ${maximum}`}`;
}
