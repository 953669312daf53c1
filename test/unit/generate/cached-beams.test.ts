/** Beam search and sampling by the cached decoder find what they find by running the whole text again. */
import { expect, it } from 'vitest';
import { searchBeams } from '../../../runtime/generate/beam.ts';
import { CachedDecoder } from '../../../runtime/generate/cached-decoder.ts';
import { stackRows, type Decoder } from '../../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../../runtime/generate/prefix-decoder.ts';
import { sampleRows } from '../../../runtime/generate/sample.ts';
import type { Generated } from '../../../runtime/generate/sequences.ts';
import { openTiny, type TinyModel } from './tiny-model.ts';

async function compare(
  { plan, session }: TinyModel,
  generate: (decoder: Decoder) => Promise<readonly Generated[]>,
): Promise<readonly Generated[]> {
  const cached = await generate(new CachedDecoder(plan, session));
  const whole = await generate(new PrefixDecoder(plan, session));
  const rounded = (found: readonly Generated[]) =>
    found.map((each) => ({ ...each, score: each.score?.toFixed(3) }));
  expect(rounded(cached)).toEqual(rounded(whole));
  return cached;
}

it('beams of several sources, some of which end before others', async () => {
  const sizes = { vocab_size: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
  const tiny = openTiny('translate', sizes, { batchSize: 9, scale: 4 });
  const sources = [
    [3, 4, 2],
    [5, 2],
    [6, 6, 3, 2],
    [4, 2],
  ];
  const found = await compare(tiny, (decoder) =>
    searchBeams({
      decoder,
      prompts: sources.map((source, at) => ({ tokens: [1], source, maxTokens: 3 + at })),
      beams: 3,
      samples: 2,
      lengthPenalty: 0.6,
      minTokens: 0,
      repetitionPenalty: 1,
      special: { banned: [0, 1], end: 2 },
      bindSources: (given) => {
        const longest = Math.max(...given.map(({ length }) => length));
        const rows = given.map((each) => [
          ...each,
          ...Array.from({ length: longest - each.length }, () => 0),
        ]);
        return new Map([['src', stackRows(rows)]]);
      },
    }),
  );
  expect(found).toHaveLength(8);
});

const decoderOnly = { samples: 3, bindSources: () => new Map<string, never>() };

it.each([
  ['gpt', { vocab_size: '5', block_size: '24', n_layer: '2', n_head: '2', n_embd: '8' }],
  ['char_lstm', { vocab_size: '5', embedding_dim: '4', hidden_size: '4' }],
] as const)(
  'beams of %s: prompts of unequal lengths, penalties of the length, ends on the way',
  async (name, sizes) => {
    const tiny = openTiny(name, sizes, { batchSize: 8, scale: 12 });
    const prompts = [[1], [2, 3], [4], [3, 1]].map((tokens) => ({ tokens, maxTokens: 20 }));
    const lengths = new Set<number>();
    for (const lengthPenalty of [0, 1, 2]) {
      const found = await compare(tiny, (decoder) =>
        searchBeams({
          ...decoderOnly,
          decoder,
          prompts,
          beams: 4,
          lengthPenalty,
          minTokens: lengthPenalty,
          repetitionPenalty: 1.3,
          special: { banned: [0], end: 2 },
        }),
      );
      expect(found).toHaveLength(12);
      for (const { tokens } of found) lengths.add(tokens.length);
    }
    // Some end at once, others go on.
    expect(lengths.size).toBeGreaterThan(2);
  },
);

it('samples of prompts of unequal lengths, past the end of the context', async () => {
  const gpt = { vocab_size: '5', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8' };
  const tiny = openTiny('gpt', gpt, { scale: 10 });
  const settings = {
    temperature: 1,
    topK: 0,
    topP: 1,
    repetitionPenalty: 1,
    minTokens: 0,
    seed: 5,
  };
  const found = await compare(tiny, (decoder) =>
    sampleRows({
      decoder,
      prompts: [
        { tokens: [1], maxTokens: 6 },
        { tokens: [2, 3, 0], maxTokens: 12 },
      ],
      samples: 2,
      settings,
      special: { banned: [] },
      bindSources: () => new Map(),
      whenFull: 'slide',
    }),
  );
  expect(found.map(({ tokens }) => tokens.length)).toEqual([6, 6, 12, 12]);
});
