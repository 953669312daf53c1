/** Texts to tokens, and tokens to the numbers of a vocabulary. */
import { failAt } from './problem.ts';

/** As it travels with the parameters. */
export interface TokenizerSettings {
  readonly kind: 'words' | 'characters';
  readonly lowercase: boolean;
  /** Of `words`: a regular expression for one token. */
  readonly pattern: string;
  readonly maxLength: number;
}

export const padding = 0;
export const unknown = 1;
export const specialTokens = ['<pad>', '<unk>'] as const;

export type Tokenize = (text: string) => readonly string[];

/** `place` is where the pattern was written. Throws a RuntimeError for a pattern that is none. */
export function createTokenizer(settings: TokenizerSettings, place: string): Tokenize {
  const fold = settings.lowercase ? (text: string) => text.toLowerCase() : (text: string) => text;
  if (settings.kind === 'characters') return (text) => [...fold(text)];
  const pattern = compilePattern(settings.pattern, place);
  return (text) => fold(text).match(pattern) ?? [];
}

function compilePattern(source: string, place: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, 'gu');
  } catch (error) {
    failAt(
      place,
      error instanceof Error ? error.message : String(error),
      'the pattern is a regular expression of JavaScript',
    );
  }
  if (''.match(pattern) !== null)
    failAt(place, `the pattern \`${source}\` matches the empty text`, 'use `+` for `*`');
  return pattern;
}

/** Tokens of texts by number: `<pad>`, `<unk>`, then by falling count, ties by code point. */
export class Vocabulary {
  readonly tokens: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(tokens: readonly string[]) {
    this.tokens = tokens;
    this.#numbers = new Map(tokens.map((token, number) => [token, number]));
  }

  get size(): number {
    return this.tokens.length;
  }

  /** The special tokens are numbers only: a text that spells `<pad>` has no token 0. */
  number(token: string): number {
    const number = this.#numbers.get(token) ?? unknown;
    return number < specialTokens.length ? unknown : number;
  }
}

export interface VocabularyCounts {
  readonly vocabulary: Vocabulary;
  /** Different tokens in the texts. */
  readonly distinct: number;
  /** Of those, left out as too rare, and cut to the size. */
  readonly rare: number;
  readonly cut: number;
}

/** `size` counts the special tokens. */
export function buildVocabulary(
  texts: Iterable<readonly string[]>,
  size: number,
  minCount: number,
): VocabularyCounts {
  const counts = new Map<string, number>();
  for (const tokens of texts) for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  const special = new Set<string>(specialTokens);
  const frequent = [...counts].filter(([token, count]) => count >= minCount && !special.has(token));
  frequent.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
  const kept = frequent.slice(0, Math.max(0, size - specialTokens.length));
  return {
    vocabulary: new Vocabulary([...specialTokens, ...kept.map(([token]) => token)]),
    distinct: counts.size,
    rare: counts.size - frequent.length,
    cut: frequent.length - kept.length,
  };
}

/** As Python orders strings; `<` compares UTF-16, where what is beyond 0xFFFF sorts before 0xE000. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let k = 0; k < length; k++) {
    const [x, y] = [a.charCodeAt(k), b.charCodeAt(k)];
    if (x !== y) {
      const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xe000;
      return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
    }
  }
  return a.length - b.length;
}
