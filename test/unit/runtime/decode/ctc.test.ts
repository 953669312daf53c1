/** Decoding against all alignments and all texts of small sizes; the language model against its own sum. */
import { describe, expect, it } from 'vitest';
import { CharacterModel } from '../../../../runtime/decode/character-model.ts';
import {
  decodeGreedily,
  searchBeams,
  type PrefixModel,
  type SymbolScores,
} from '../../../../runtime/decode/ctc.ts';
import { philoxUniform } from '../../../../runtime/philox.ts';

/** Log-probabilities that differ enough for no ties. */
function randomScores(seed: number, frames: number, symbols: number): SymbolScores {
  const data = Float64Array.from({ length: frames * symbols }, (_, k) => 4 * philoxUniform(seed, 1, k, 0));
  for (let frame = 0; frame < frames; frame++) {
    const row = data.subarray(frame * symbols, (frame + 1) * symbols);
    const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    row.forEach((value, symbol) => {
      row[symbol] = value - total;
    });
  }
  return { frames, symbols, data };
}

/** What every path spells, with the probability of all its paths, and the best single path. */
function enumerate({ frames, symbols, data }: SymbolScores, blank: number) {
  const texts = new Map<string, number>();
  let [bestPath, bestText] = [-Infinity, ''];
  for (let number = 0; number < symbols ** frames; number++) {
    const path = Array.from(
      { length: frames },
      (_, frame) => Math.floor(number / symbols ** frame) % symbols,
    );
    const score = path.reduce((sum, symbol, frame) => sum + (data[frame * symbols + symbol] ?? 0), 0);
    const text = path.filter((symbol, at) => symbol !== path[at - 1] && symbol !== blank).join();
    texts.set(text, (texts.get(text) ?? 0) + Math.exp(score));
    if (score > bestPath) [bestPath, bestText] = [score, text];
  }
  return { texts, bestText };
}

const everything = 1e6;
const cases = [0, 1, 2, 3, 4, 5].map((seed) => ({
  seed,
  frames: 3 + (seed % 3),
  blank: seed % 3 === 2 ? 2 : 0,
}));

describe('greedy decoding', () => {
  it.each(cases)('spells the best path: %o', ({ seed, frames, blank }) => {
    const scores = randomScores(seed, frames, 4);
    expect(decodeGreedily(scores, blank).join()).toBe(enumerate(scores, blank).bestText);
  });

  it('keeps a symbol that comes again after a blank', () => {
    const scores = (path: readonly number[]): SymbolScores => ({
      frames: path.length,
      symbols: 3,
      data: path.flatMap((best) => [0, 1, 2].map((symbol) => (symbol === best ? -0.1 : -3))),
    });
    expect(decodeGreedily(scores([1, 1, 0, 1, 2, 2, 0]), 0)).toEqual([1, 1, 2]);
    expect(decodeGreedily(scores([]), 0)).toEqual([]);
  });
});

describe('prefix beam search', () => {
  it.each(cases)('has the probability of every text, with beams for all: %o', ({ seed, frames, blank }) => {
    const scores = randomScores(seed, frames, 3);
    const { texts } = enumerate(scores, blank);
    const found = searchBeams(scores, { width: everything, blank });
    expect(found.length).toBe(texts.size);
    for (const { symbols, score } of found)
      expect(Math.exp(score)).toBeCloseTo(texts.get(symbols.join()) ?? 0, 12);
    const sorted = found.map(({ score }) => score);
    expect(sorted).toEqual(sorted.toSorted((a, b) => b - a));
  });

  it.each(cases)('finds the most likely text with few beams: %o', ({ seed, frames, blank }) => {
    const scores = randomScores(seed + 20, frames, 3);
    const best = [...enumerate(scores, blank).texts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
    expect(searchBeams(scores, { width: 8, blank })[0]?.symbols.join()).toBe(best);
    expect(searchBeams(scores, { width: 8, blank }).length).toBeLessThanOrEqual(8);
  });

  it('differs from the best path where many paths spell the same', () => {
    // Blank, blank is the best path of two frames; the three paths that spell 1 are together more likely.
    const data = [0.4, 0.35, 0.25, 0.4, 0.35, 0.25].map(Math.log);
    const scores = { frames: 2, symbols: 3, data };
    expect(decodeGreedily(scores, 0)).toEqual([]);
    expect(searchBeams(scores, { width: 4, blank: 0 })[0]?.symbols).toEqual([1]);
  });

  it.each(cases)('adds the language model to every text, its end too: %o', ({ seed, frames, blank }) => {
    const scores = randomScores(seed + 40, frames, 3);
    const model: PrefixModel = {
      score: (before, symbol) =>
        Math.sin(3 * before.reduce((sum, each) => 2 * sum + each + 1, 0) + (symbol ?? 9)) - 1,
    };
    const [alpha, beta] = [0.7, 0.4];
    const wanted = [...enumerate(scores, blank).texts].map(([text, probability]) => {
      const symbols = text === '' ? [] : text.split(',').map(Number);
      const prior = [...symbols, undefined].reduce(
        (sum: number, symbol, at) => sum + model.score(symbols.slice(0, at), symbol),
        0,
      );
      return { text, score: Math.log(probability) + alpha * prior + beta * symbols.length };
    });
    const found = searchBeams(scores, { width: everything, blank, language: { model, alpha, beta } });
    expect(found.length).toBe(wanted.length);
    for (const { text, score } of wanted) {
      const hypothesis = found.find(({ symbols }) => symbols.join() === text);
      expect(hypothesis?.score).toBeCloseTo(score, 10);
    }
  });

  it('bears probabilities of 0', () => {
    const data = [0, 1, 0, 0.5, 0, 0.5].map(Math.log);
    expect(
      searchBeams({ frames: 2, symbols: 3, data }, { width: 4, blank: 0 }).map(({ symbols }) => symbols),
    ).toEqual([[1], [1, 2]]);
  });
});

describe('the character model', () => {
  const texts = [[1, 2, 1], [1, 2], [2], [1, 2, 1, 2]];
  it.each([1, 2, 3, 5])('of order %i adds up to 1 after every history', (order) => {
    const model = new CharacterModel(texts, order, 4);
    for (const before of [[], [1], [1, 2], [3, 3, 3], [2, 1, 2, 1]]) {
      const sum = [0, 1, 2, 3, undefined].reduce(
        (total: number, symbol) => total + Math.exp(model.score(before, symbol)),
        0,
      );
      expect(sum).toBeCloseTo(1, 12);
    }
  });

  it('has the probabilities of its definition', () => {
    const model = new CharacterModel(texts, 2, 4);
    // Of 14 characters, ends included, 5 are a 1; three kinds occur: (5 + 3 · 1/5) / (14 + 3).
    const unigram = (5 + 3 / 5) / 17;
    // After a 2: twice a 1, three ends.
    expect(Math.exp(model.score([1, 2], 1))).toBeCloseTo((2 + 2 * unigram) / (5 + 2), 12);
    // Never seen after anything.
    expect(Math.exp(model.score([2], 3))).toBeCloseTo((0 + 2 * ((0 + 3 / 5) / 17)) / (5 + 2), 12);
    // A history that never occurred falls back to the shorter one.
    expect(model.score([3], 1)).toBeCloseTo(Math.log(unigram), 12);
  });

  it('learns which text is likelier', () => {
    const model = new CharacterModel(texts, 3, 4);
    const score = (text: readonly number[]): number =>
      [...text, undefined].reduce(
        (sum: number, symbol, at) => sum + model.score(text.slice(0, at), symbol),
        0,
      );
    expect(score([1, 2])).toBeGreaterThan(score([2, 1]));
    expect(score([1, 2])).toBeGreaterThan(score([0, 3]));
  });
});
