import { describe, expect, it } from 'vitest';
import type { Decoder } from '../../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../../runtime/generate/prefix-decoder.ts';
import { sampleRows, type SampleRequest } from '../../../runtime/generate/sample.ts';
import { plainSampling } from '../../../runtime/generate/sampler.ts';
import { fakeDecoder, hashedScores } from './fake-decoder.ts';
import { openTiny } from './tiny-model.ts';

const generate = (
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  more: Partial<SampleRequest> = {},
) =>
  sampleRows({
    decoder,
    prompts: prompts.map((tokens) => ({ tokens, maxTokens: 12 })),
    samples: 1,
    settings: plainSampling,
    special: { banned: [] },
    bindSources: () => new Map(),
    whenFull: 'slide',
    ...more,
  });
const tokensOf = async (...args: Parameters<typeof generate>) =>
  (await generate(...args)).map(({ tokens }) => tokens);

describe('sampleRows', () => {
  it('gives a row the same text alone, in a batch, and in a batch with longer and shorter prompts', async () => {
    const prompts = [[1, 2, 3], [4], [0, 0, 1, 2, 3, 4], [2]];
    for (const capacity of [100, 7]) {
      const open = (maxRows: number) => fakeDecoder(5, hashedScores(5, 1), { capacity, maxRows });
      const request = { special: { banned: [], end: 4 }, samples: 2 };
      const together = await generate(open(100), prompts, request);
      expect(await generate(open(3), prompts, request)).toEqual(together);
      expect(await generate(open(1), prompts, request)).toEqual(together);
      expect(new Set(together.map(({ tokens }) => tokens.join(' '))).size).toBeGreaterThan(5);
      expect(together.some(({ finish }) => finish === 'end')).toBe(true);
    }
  });

  it('takes the best token at temperature 0, and ends where the model does', async () => {
    // After a token t comes t + 1.
    const next = (tokens: readonly number[]) =>
      Array.from({ length: 6 }, (_, token) => (token === (tokens.at(-1) ?? 0) + 1 ? 1 : 0));
    const settings = { ...plainSampling, temperature: 0 };
    const [row] = await generate(fakeDecoder(6, next), [[1]], { settings, special: { banned: [], end: 5 } });
    expect(row).toEqual({ prompt: 0, sample: 0, tokens: [2, 3, 4], finish: 'end' });
    const later = { settings: { ...settings, minTokens: 4 }, special: { banned: [], end: 5 } };
    expect((await generate(fakeDecoder(6, next), [[1]], later))[0]?.tokens.length).toBeGreaterThanOrEqual(4);
    const banned = await tokensOf(fakeDecoder(6, next), [[1]], { settings, special: { banned: [2] } });
    expect(banned[0]?.includes(2)).toBe(false);
  });

  it('slides the window over the last half, or says that the context is full', async () => {
    const seen: number[] = [];
    const count = (tokens: readonly number[]) => {
      seen.push(tokens.length);
      return Array.from({ length: 10 }, (_, token) => (token === ((tokens.at(-1) ?? 0) + 1) % 10 ? 9 : 0));
    };
    const settings = { ...plainSampling, temperature: 0 };
    const open = () => fakeDecoder(10, count, { capacity: 6 });
    expect(await tokensOf(open(), [[1, 2]], { settings })).toEqual([[3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4]]);
    expect(seen).toEqual([2, 3, 4, 5, 6, 3, 4, 5, 6, 3, 4, 5]);
    const [full] = await generate(open(), [[1, 2]], { settings, whenFull: 'end' });
    expect(full).toEqual({ prompt: 0, sample: 0, tokens: [3, 4, 5, 6, 7], finish: 'context' });
    // Of a prompt that is too long, the last part.
    expect(await tokensOf(open(), [[9, 9, 9, 1, 2, 3, 4, 5]], { settings })).toEqual([
      [6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7],
    ]);
  });

  it('ends a row where the caller says so, and no other', async () => {
    const ended = await generate(fakeDecoder(5, hashedScores(5, 1)), [[1], [2]], {
      onToken: (prompt) => prompt === 1,
    });
    expect(ended.map(({ tokens, finish }) => [tokens.length, finish])).toEqual([
      [12, 'length'],
      [1, 'stop'],
    ]);
  });

  it('runs a real model, in a batch as alone', async () => {
    const sizes = { vocab_size: '5', block_size: '6', n_layer: '1', n_head: '2', n_embd: '8' };
    const { plan, session } = openTiny('gpt', sizes, { scale: 20 });
    const prompts = [[1, 2, 3], [4], [0, 0, 1, 2, 3, 4]];
    const together = await tokensOf(new PrefixDecoder(plan, session), prompts);
    // The number of the prompt keys its draws.
    expect((await tokensOf(new PrefixDecoder(plan, session), prompts.slice(0, 1)))[0]).toEqual(together[0]);
    expect(together.map(({ length }) => length)).toEqual([12, 12, 12]);
  });
});
