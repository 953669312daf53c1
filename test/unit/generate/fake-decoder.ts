/** A decoder whose scores are any function of the row's tokens and source, and that checks how it is used. */
import type { Decoder } from '../../../runtime/generate/decoder.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { philoxUniform } from '../../../runtime/philox.ts';

export function fakeDecoder(
  vocabularySize: number,
  score: (tokens: readonly number[]) => readonly number[],
  { capacity = 100, maxRows = 100 } = {},
): Decoder {
  let rows: number[][] = [];
  const run = async (): Promise<TensorData> => {
    if (rows.length > maxRows || rows.length === 0) throw new Error(`${rows.length} rows`);
    if ((rows[0]?.length ?? 0) > capacity) throw new Error('over the capacity');
    return {
      dtype: 'f32',
      shape: [rows.length, vocabularySize],
      data: Float32Array.from(rows.flatMap((row) => score(row))),
    };
  };
  return {
    room: { capacity, maxRows },
    start: ({ shape: [count = 0, length = 0], data }) => {
      rows = Array.from({ length: count }, (_, row) => [...data.subarray(row * length, (row + 1) * length)]);
      return run();
    },
    step: (tokens) => {
      if (tokens.length !== rows.length) throw new Error('one token a row');
      for (const [row, each] of rows.entries()) each.push(tokens[row] ?? -1);
      return run();
    },
    reorder: async (parents) => {
      rows = parents.map((parent) => [...(rows[parent] ?? [])]);
    },
  };
}

/** Scores in [-range, range) that depend on all tokens so far. */
export function hashedScores(size: number, seed: number, range = 2) {
  return (tokens: readonly number[]): readonly number[] => {
    const key = tokens.reduce((hash, token) => (Math.imul(hash, 31) + token + 1) >>> 0, 7);
    return Array.from({ length: size }, (_, token) => (philoxUniform(seed, key, token, 0) * 2 - 1) * range);
  };
}
