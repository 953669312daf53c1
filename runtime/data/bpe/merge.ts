/** Applies learned merges to one piece of text. */
import { Heap } from './heap.ts';

export interface Merge {
  /** Lower ranks go first. */
  readonly rank: number;
  readonly result: number;
}

/** A pair of tokens as one number: exact below 2^53, so for vocabularies up to 2^26. */
export function pairKey(left: number, right: number): number {
  return left * 2 ** 26 + right;
}

interface Candidate {
  readonly rank: number;
  readonly at: number;
  readonly left: number;
  readonly right: number;
  readonly result: number;
}

/**
 * Merges the adjacent pair of lowest rank, of equal ones the leftmost, until no pair has a merge: O(n log n), so that a
 * long run without a space costs no more than a text.
 */
export function mergeTokens(symbols: Int32Array, merges: ReadonlyMap<number, Merge>): number[] {
  const count = symbols.length;
  const tokens = symbols.slice();
  // A list linked by places; a token that went into its left neighbour is -1.
  const next = Int32Array.from(tokens, (_, k) => k + 1);
  const previous = Int32Array.from(tokens, (_, k) => k - 1);
  const queue = new Heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at));
  const offer = (at: number, after: number): void => {
    const [left, right] = [tokens[at], tokens[after]];
    if (left === undefined || right === undefined) return;
    const merge = merges.get(pairKey(left, right));
    if (merge !== undefined) queue.push({ ...merge, at, left, right });
  };
  for (let k = 0; k + 1 < count; k++) offer(k, k + 1);
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    const after = next[best.at] ?? count;
    // What the candidate saw may have been merged since.
    if (tokens[best.at] !== best.left || tokens[after] !== best.right) continue;
    tokens[best.at] = best.result;
    tokens[after] = -1;
    const beyond = next[after] ?? count;
    next[best.at] = beyond;
    if (beyond < count) previous[beyond] = best.at;
    offer(previous[best.at] ?? -1, best.at);
    offer(best.at, beyond);
  }
  return Array.from(tokens.filter((token) => token >= 0));
}
