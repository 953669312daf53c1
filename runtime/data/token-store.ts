/** The tokens of a text, in memory or where a host keeps what is larger. */

/** As much of an Int32Array as windows need. */
export interface Tokens {
  readonly length: number;
  /** A view or a copy. */
  subarray(start: number, end: number): Int32Array;
}

export interface TokenSink {
  add(ids: readonly number[]): void;
  /** Called once, after the last. */
  done(): Tokens;
}

/** `size`: tokens go from 0 to this, exclusive. */
export type OpenTokenSink = (size: number) => TokenSink;

export function createMemorySink(): TokenSink {
  const pieces: Int32Array[] = [];
  let total = 0;
  return {
    add: (ids) => {
      pieces.push(Int32Array.from(ids));
      total += ids.length;
    },
    done: () => {
      const all = new Int32Array(total);
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.length;
      }
      return all;
    },
  };
}
