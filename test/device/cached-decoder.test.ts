/** The program `decode` on every adapter: the scores of `predict` on the same adapter. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { CachedDecoder } from '../../runtime/generate/cached-decoder.ts';
import { stackRows } from '../../runtime/generate/decoder.ts';
import { PrefixDecoder } from '../../runtime/generate/prefix-decoder.ts';
import { listDevices, openDevice } from '../../runtime/node/device.ts';
import type { TensorData } from '../../runtime/session.ts';
import { createDiskHost } from '../../src/cli/source-host.ts';
import { generateModel, lowerAndOptimize } from '../../src/compile.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';

const adapters = (await listDevices()).map(({ name }) => name);
const models = path.resolve(import.meta.dirname, '../../models');
const sizes = {
  gpt: { vocab_size: '5', block_size: '8', n_layer: '2', n_head: '2', n_embd: '8' },
  llama: { vocab_size: '5', block_size: '8', n_layer: '1', n_head: '4', n_kv_head: '2', hidden_size: '16' },
  gpt2: { vocab_size: '5', block_size: '8', n_layer: '1', n_head: '2', n_embd: '8' },
  char_lstm: { vocab_size: '5', embedding_dim: '4', hidden_size: '4' },
  state_space: { vocab_size: '5', d_model: '6', n_layer: '2', state_size: '3', dt_rank: '2' },
  seq2seq_lstm: { vocab_size: '5', embed_dim: '4', hidden_dim: '6' },
  translate: { vocab_size: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' },
  seq2seq: { src_vocab: '7', tgt_vocab: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' },
};

async function openScaled(
  device: string,
  name: keyof typeof sizes,
  model: string,
  settings: Readonly<Record<string, string>> = {},
) {
  const opened = await openDevice({ name: device });
  const disk = createDiskHost();
  const file = path.join(models, `${name}.lm`);
  const readFile = (at: string): string | undefined => {
    const text = disk.readFile(at);
    const isWithout = text !== undefined && at === file && !/^generate /m.test(text);
    return isWithout ? `${text}generate sample for ${model} {\n}\n` : text;
  };
  const optimized = lowerAndOptimize(
    file,
    { ...disk, readFile },
    { set: new Map(Object.entries({ ...sizes[name], ...settings })), task: new Map(), batchSize: 4 },
    new Reporter(),
  );
  if (optimized === undefined) throw new Error(`${name} does not compile`);
  // Kernels of training take long to compile.
  const graphs = Object.fromEntries(
    Object.entries(optimized.graphs).filter(([program]) => program !== 'train' && program !== 'eval'),
  );
  const { plan, modules } = generateModel({ ...optimized, graphs }, opened.facts).generated;
  const session = await openGpuSession(opened.device, plan, modules, { seed: 3, description: device });
  // Larger than they start, so that scores differ.
  for (const { name: state, role } of plan.states) {
    if (role !== 'parameter') continue;
    const tensor = await session.readState(state);
    // Steps of a state space as large as its inputs can tell apart.
    const factor = state.endsWith('dt_proj.bias') ? 0.1 : 10;
    session.writeState(state, { ...tensor, data: tensor.data.map((value) => value * factor) });
  }
  const close = (): void => {
    session.close();
    opened.close();
  };
  return { plan, session, close };
}

function expectClose(actual: TensorData, expected: TensorData): void {
  expect(actual.shape).toEqual(expected.shape);
  const difference = Math.max(
    ...actual.data.map((value, at) => Math.abs(value - (expected.data[at] ?? NaN))),
  );
  expect(difference).toBeLessThan(1e-4 * Math.max(...expected.data.map(Math.abs)));
}

describe.each(adapters)('decoding on %s', (device) => {
  it.each([
    ['gpt', 'GPT'],
    ['gpt2', 'GPT2'],
    ['llama', 'Llama'],
    ['char_lstm', 'CharLSTM'],
    ['state_space', 'StateSpace'],
    ['translate', 'Translate'],
    ['seq2seq', 'Seq2Seq'],
  ] as const)('%s: the scores of predict, also after rows moved', async (name, model) => {
    const { plan, session, close } = await openScaled(device, name, model);
    const [cached, prefix] = [new CachedDecoder(plan, session), new PrefixDecoder(plan, session)];
    const prompt = stackRows([
      [1, 2, 0],
      [3, 4, 4],
    ]);
    const sources = plan.signature.inputs.some(({ name: input }) => input === 'src')
      ? [
          [3, 4, 2],
          [5, 2, 0],
        ]
      : undefined;
    const inputs = new Map(sources === undefined ? [] : [['src', stackRows(sources)]]);
    for (let round = 0; round < 2; round++) {
      expectClose(await cached.start(prompt, inputs), await prefix.start(prompt, inputs));
      for (const parents of [[0, 1], [1, 0, 1], [2], [0, 0]]) {
        await cached.reorder(parents);
        await prefix.reorder(parents);
        const tokens = Int32Array.from(parents, (_, row) => row + round);
        expectClose(await cached.step(tokens), await prefix.step(tokens));
      }
    }
    close();
  });

  it.each([
    ['attention after the LSTM', { attention: '"general"' }],
    ['input feeding', { attention: '"additive"', input_feeding: 'true' }],
  ])('seq2seq_lstm with %s: the scores of predict, also after rows moved', async (_, settings) => {
    const { plan, session, close } = await openScaled(device, 'seq2seq_lstm', 'Seq2SeqLstm', settings);
    const [cached, prefix] = [new CachedDecoder(plan, session), new PrefixDecoder(plan, session)];
    const begin = stackRows([[1], [1]]);
    // Sources of unequal lengths; another pair in the second round, so that nothing of the first may be left.
    for (const sources of [
      [
        [2, 3, 4, 2],
        [4, 1, 0, 0],
      ],
      [
        [3, 0],
        [1, 4],
      ],
    ]) {
      const inputs = new Map([['src', stackRows(sources)]]);
      expectClose(await cached.start(begin, inputs), await prefix.start(begin, inputs));
      for (const parents of [
        [0, 1],
        [1, 0, 1],
        [2, 0],
      ]) {
        await cached.reorder(parents);
        await prefix.reorder(parents);
        const tokens = Int32Array.from(parents, (_parent, row) => row + 2);
        expectClose(await cached.step(tokens), await prefix.step(tokens));
      }
    }
    close();
  });
});
