/** Decoding with caches against `predict` on the whole prefix, on the float64 evaluator. */
import { describe, expect, it } from 'vitest';
import { CachedDecoder } from '../../../runtime/generate/cached-decoder.ts';
import { stackRows } from '../../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../../runtime/generate/prefix-decoder.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { openTiny, type TinyModel } from './tiny-model.ts';

const gpt = { vocab_size: '5', block_size: '8', n_layer: '2', n_head: '2', n_embd: '8' };
const llama = {
  vocab_size: '5',
  block_size: '8',
  n_layer: '2',
  n_head: '4',
  n_kv_head: '2',
  hidden_size: '16',
  intermediate_size: '12',
};

function openCached({ plan, session }: TinyModel): CachedDecoder {
  return new CachedDecoder(plan, session);
}

function expectClose(actual: TensorData, expected: TensorData): void {
  expect(actual.shape).toEqual(expected.shape);
  const difference = Math.max(
    ...actual.data.map((value, at) => Math.abs(value - (expected.data[at] ?? NaN))),
  );
  const largest = Math.max(...expected.data.map(Math.abs));
  // The caches are stored in f32.
  expect(difference).toBeLessThan(1e-5 * largest);
}

describe.each([
  ['gpt', gpt, 'GPT'],
  ['gpt2', { ...gpt, dropout: '0.1' }, 'GPT2'],
  ['llama', llama, 'Llama'],
  ['char_lstm', { vocab_size: '5', embedding_dim: '4', hidden_size: '4', num_layers: '2' }, 'CharLSTM'],
] as const)('%s', (name, sizes, model) => {
  const open = () => openTiny(name, sizes, { scale: 20, append: `generate sample for ${model} {\n}\n` });

  it('has the scores of predict at every position', async () => {
    const tiny = open();
    const [cached, prefix] = [openCached(tiny), new PrefixDecoder(tiny.plan, tiny.session)];
    const prompt = stackRows([
      [1, 2, 0],
      [3, 4, 4],
    ]);
    expectClose(await cached.start(prompt, new Map()), await prefix.start(prompt, new Map()));
    for (const tokens of [
      [0, 1],
      [4, 2],
      [3, 3],
      [1, 4],
      [2, 0],
    ].map((each) => Int32Array.from(each)))
      expectClose(await cached.step(tokens), await prefix.step(tokens));
  });

  it('moves rows, more and fewer, and starts anew', async () => {
    const tiny = open();
    const [cached, prefix] = [openCached(tiny), new PrefixDecoder(tiny.plan, tiny.session)];
    const prompt = stackRows([[1], [3]]);
    for (let round = 0; round < 2; round++) {
      expectClose(await cached.start(prompt, new Map()), await prefix.start(prompt, new Map()));
      for (const parents of [[1, 0, 1], [2], [0, 0]]) {
        await cached.reorder(parents);
        await prefix.reorder(parents);
        const tokens = Int32Array.from(parents, (_, row) => row + round);
        expectClose(await cached.step(tokens), await prefix.step(tokens));
      }
    }
  });
});

it('rows move on the device, and beams of one source share what was prepared', async () => {
  const sizes = { vocab_size: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
  const { plan, session } = openTiny('translate', sizes);
  const submitted: string[] = [];
  const refuse = (): never => {
    throw new Error('a state goes through the host');
  };
  const cached = new CachedDecoder(plan, {
    ...session,
    readState: refuse,
    writeState: refuse,
    submit: (program, request) => {
      submitted.push(program);
      return session.submit(program, request);
    },
  });
  const sources = new Map([['src', stackRows([[3, 4, 2]])]]);
  await cached.start(stackRows([[1]]), sources);
  expect(submitted.splice(0)).toEqual(['prepare', 'decode']);
  await cached.reorder([0, 0, 0]);
  expect(submitted.splice(0)).toEqual(['reorder']);
  await cached.step(Int32Array.of(3, 4, 5));
  await cached.reorder([1, 1, 0]);
  expect(submitted.splice(0)).toEqual(['decode', 'reorder']);
  await cached.reorder([0, 1]);
  expect(submitted).toEqual([]);
  await expect(cached.reorder([2])).rejects.toThrow('no row 2 among 2');
  await expect(cached.reorder(Array.from({ length: 9 }, () => 0))).rejects.toThrow('room for 8');
});

it('refuses more tokens than there is room for', async () => {
  const cached = openCached(openTiny('gpt', gpt, { append: 'generate sample for GPT {\n}\n' }));
  await cached.start(stackRows([[1, 2, 3, 4, 0, 1, 2]]), new Map());
  await cached.step(Int32Array.of(1));
  await expect(cached.step(Int32Array.of(1))).rejects.toThrow('room for 8');
});

it('keeps keys and values at the bounds: rows, heads, positions, width', () => {
  const { decode } = openTiny('gpt', gpt, { append: 'generate sample for GPT {\n}\n' });
  const carries = decode?.states.filter(({ name }) => name.includes('cache')) ?? [];
  expect(carries).toHaveLength(4);
  for (const { value } of carries)
    expect(value.type.shape.map(({ terms }) => terms[0]?.coefficient)).toEqual([8, 2, 8, 4]);
});

it.each([
  ['translate', { vocab_size: '7' }],
  ['seq2seq', { src_vocab: '7', tgt_vocab: '7', dropout: '0.1' }],
] as const)('%s: the source is given once, and moves with its rows', async (name, vocabulary) => {
  const sizes = { ...vocabulary, d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
  const tiny = openTiny(name, sizes);
  const [cached, prefix] = [openCached(tiny), new PrefixDecoder(tiny.plan, tiny.session)];
  const prompt = stackRows([[1], [1]]);
  const sources = new Map([
    [
      'src',
      stackRows([
        [3, 4, 2],
        [5, 2, 0],
      ]),
    ],
  ]);
  expectClose(await cached.start(prompt, sources), await prefix.start(prompt, sources));
  for (const parents of [
    [0, 1],
    [1, 0, 1],
    [2, 1],
  ]) {
    await cached.reorder(parents);
    await prefix.reorder(parents);
    const tokens = Int32Array.from(parents, (_, row) => row + 3);
    expectClose(await cached.step(tokens), await prefix.step(tokens));
  }
});
