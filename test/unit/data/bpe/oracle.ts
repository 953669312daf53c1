/** Byte-level BPE as it is defined: everything is counted again for every merge. Slow, and shares no code with it. */

export type Pair = readonly [left: string, right: string];

const pattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Pieces as lists of bytes, each written as two hexadecimal digits. */
export function splitBytes(text: string): string[][] {
  return [...text.matchAll(pattern)].map(([piece]) =>
    [...Buffer.from(piece, 'utf8')].map((byte) => byte.toString(16).padStart(2, '0')),
  );
}

/** Ties go to the pair that `order` puts first. */
export function learnMerges(
  texts: readonly string[],
  count: number,
  minCount: number,
  byteNumber: (byte: string) => number,
): Pair[] {
  let words = texts.flatMap(splitBytes);
  const merges: Pair[] = [];
  const known = new Set<string>();
  const order: string[] = [];
  const number = (token: string): number =>
    token.length === 2 ? byteNumber(token) : 1e6 + order.indexOf(token);
  while (known.size < count) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (let k = 0; k + 1 < word.length; k++) {
        const key = `${word[k] ?? ''} ${word[k + 1] ?? ''}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    const [best] = [...counts]
      .map(([key, times]) => ({ pair: key.split(' '), times }))
      .toSorted(
        (a, b) =>
          b.times - a.times ||
          number(a.pair[0] ?? '') - number(b.pair[0] ?? '') ||
          number(a.pair[1] ?? '') - number(b.pair[1] ?? ''),
      );
    if (best === undefined || best.times < minCount) break;
    const [left = '', right = ''] = best.pair;
    merges.push([left, right]);
    if (!known.has(left + right)) order.push(left + right);
    known.add(left + right);
    words = words.map((word) => mergeAll(word, left, right));
  }
  return merges;
}

function mergeAll(word: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let k = 0; k < word.length; k++) {
    const token = word[k] ?? '';
    if (token === left && word[k + 1] === right) merged.push(left + word[++k]);
    else merged.push(token);
  }
  return merged;
}

/** One merge at a time: the earliest learned one, at its leftmost place. */
export function applyMerges(word: readonly string[], merges: readonly Pair[]): string[] {
  let tokens = [...word];
  for (;;) {
    const at = merges
      .map(([left, right]) => tokens.findIndex((token, k) => token === left && tokens[k + 1] === right))
      .find((place) => place >= 0);
    if (at === undefined) return tokens;
    tokens = [...tokens.slice(0, at), `${tokens[at] ?? ''}${tokens[at + 1] ?? ''}`, ...tokens.slice(at + 2)];
  }
}
