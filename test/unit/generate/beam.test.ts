import { describe, expect, it } from 'vitest';
import { searchBeams, type BeamRequest } from '../../../runtime/generate/beam.ts';
import type { Decoder } from '../../../runtime/generate/decoder.ts';
import { stackRows } from '../../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../../runtime/generate/prefix-decoder.ts';
import { sampleRows } from '../../../runtime/generate/sample.ts';
import { plainSampling } from '../../../runtime/generate/sampler.ts';
import { fakeDecoder, hashedScores } from './fake-decoder.ts';
import { openTiny } from './tiny-model.ts';

const end = 2;
const search = (decoder: Decoder, prompts: readonly (readonly number[])[], more: Partial<BeamRequest> = {}) =>
  searchBeams({
    decoder,
    prompts: prompts.map((tokens) => ({ tokens, maxTokens: 4 })),
    beams: 4,
    lengthPenalty: 1,
    samples: 1,
    minTokens: 0,
    repetitionPenalty: 1,
    special: { banned: [0, 1], end },
    bindSources: () => new Map(),
    ...more,
  });

/** Every sequence with an end within `limit` tokens, by falling score; written apart from the search. */
function enumerate(
  score: (tokens: readonly number[]) => readonly number[],
  size: number,
  limit: number,
  alpha: number,
): { tokens: readonly number[]; score: number }[] {
  const found: { tokens: readonly number[]; score: number }[] = [];
  const visit = (tokens: readonly number[], logp: number): void => {
    if (tokens.length === limit) return;
    const scores = score([1, ...tokens]).map(Math.fround);
    const all = Math.log(scores.reduce((sum, each) => sum + Math.exp(each), 0));
    const ended = logp + (scores[end] ?? 0) - all;
    found.push({ tokens, score: ended / (tokens.length + 1) ** alpha });
    for (let token = 3; token < size; token++) visit([...tokens, token], logp + (scores[token] ?? 0) - all);
  };
  visit([], 0);
  return found.toSorted((a, b) => b.score - a.score);
}

describe('searchBeams', () => {
  it('finds what an exhaustive search finds where the beams hold everything', async () => {
    for (let seed = 0; seed < 12; seed++)
      for (const alpha of [0, 0.6, 1, 2]) {
        const score = hashedScores(6, seed, 3);
        const expected = enumerate(score, 6, 4, alpha).slice(0, 3);
        const decoder = fakeDecoder(6, score);
        const found = await search(decoder, [[1]], { beams: 81, samples: 3, lengthPenalty: alpha });
        expect(found.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
        for (const [at, each] of found.entries()) expect(each.score).toBeCloseTo(expected[at]?.score ?? 0, 9);
      }
  });

  it('finds the same in a batch as alone, with prompts of unequal lengths', async () => {
    const prompts = [[1], [1, 3, 3], [1], [1, 4, 5], [1, 5]];
    const open = () => fakeDecoder(6, hashedScores(6, 3), { maxRows: 8 });
    const together = await search(open(), prompts);
    for (const [number, prompt] of prompts.entries()) {
      const [alone] = await search(open(), [prompt]);
      expect(together[number]).toEqual({ ...alone, prompt: number });
    }
  });

  it('returns the best that has not ended where none does within the limit or the context', async () => {
    const never = (tokens: readonly number[]) =>
      hashedScores(6, 1)(tokens).map((score, token) => (token === end ? -1e9 : score));
    const [long] = await search(fakeDecoder(6, never), [[1]], { special: { banned: [0, 1] } });
    expect(long?.finish).toBe('length');
    expect(long?.tokens.length).toBe(4);
    const [full] = await search(fakeDecoder(6, never, { capacity: 3 }), [[1, 3]], {
      special: { banned: [0, 1] },
    });
    expect([full?.finish, full?.tokens.length]).toEqual(['context', 2]);
  });

  it('is greedy with one beam where nothing but the end leaves it', async () => {
    const { plan, session } = openTiny('translate', {
      vocab_size: '7',
      d_model: '8',
      n_head: '2',
      d_ff: '8',
      n_layer: '1',
    });
    const bindSources = (sources: readonly (readonly number[])[]) => new Map([['src', stackRows(sources)]]);
    const prompts = [
      [3, 4, 2],
      [5, 6, 2],
    ].map((source) => ({ tokens: [1], source, maxTokens: 5 }));
    const special = { banned: [0, 1] };
    const greedy = await sampleRows({
      decoder: new PrefixDecoder(plan, session),
      prompts,
      samples: 1,
      settings: { ...plainSampling, temperature: 0 },
      special,
      bindSources,
      whenFull: 'end',
    });
    const one = await search(new PrefixDecoder(plan, session), [], {
      prompts,
      beams: 1,
      special,
      bindSources,
    });
    expect(one.map(({ tokens }) => tokens)).toEqual(greedy.map(({ tokens }) => tokens));
  });
});
