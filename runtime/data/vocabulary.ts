/** Tokens of texts by number, counted in a training part. */

export const padding = 0;
export const unknown = 1;
export const specialTokens: readonly string[] = ['<pad>', '<unk>'];
/** Of texts that a model writes: where one begins and where it ends. */
export const markedTokens: readonly string[] = [...specialTokens, '<s>', '</s>'];

/** Of texts of which tokens are hidden. */
export const hidingTokens: readonly string[] = [...specialTokens, '<mask>'];

/** Tokens of texts by number: special ones, `<pad>` and `<unk>` first, then by falling count, ties by code point. */
export class Vocabulary {
  readonly tokens: readonly string[];
  /** How many of the first tokens are special. */
  readonly special: number;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(tokens: readonly string[], special = specialTokens.length) {
    this.tokens = tokens;
    this.special = special;
    this.#numbers = new Map(tokens.map((token, number) => [token, number]));
  }

  get size(): number {
    return this.tokens.length;
  }

  /** The special tokens are numbers only: a text that spells `<pad>` has no token 0. */
  number(token: string): number {
    const number = this.#numbers.get(token) ?? unknown;
    return number < this.special ? unknown : number;
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
  specials: readonly string[] = specialTokens,
): VocabularyCounts {
  const counts = new Map<string, number>();
  for (const tokens of texts) for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  const special = new Set(specials);
  const frequent = [...counts].filter(([token, count]) => count >= minCount && !special.has(token));
  frequent.sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
  const kept = frequent.slice(0, Math.max(0, size - specials.length));
  return {
    vocabulary: new Vocabulary([...specials, ...kept.map(([token]) => token)], specials.length),
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
