/**
 * A context that is long and prime, on every adapter: the scores of decoding with caches are those of one run over the
 * whole text, at every position, behind a prompt of every length, and after rows moved; and none of these is compiled
 * anew.
 */
import path from 'node:path';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { openGpuSession } from '../../runtime/gpu-session.ts';
import { CachedDecoder } from '../../runtime/generate/cached-decoder.ts';
import { stackRows } from '../../runtime/generate/decoder.ts';
import { findGrowingInput } from '../../runtime/generate/growing-input.ts';
import { listDevices, openDevice } from '../../runtime/node/device.ts';
import type { TensorData } from '../../runtime/session.ts';
import { createDiskHost } from '../../src/cli/source-host.ts';
import { generateModel, lowerAndOptimize } from '../../src/compile.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';

const adapters = (await listDevices()).flatMap(({ name }) => (name === 'reference' ? [] : [name]));
const models = path.resolve(import.meta.dirname, '../../models');
const length = 131;
const vocabulary = 11;
const rows = 3;
/** Of the lengths of prompts, every twelfth where time is short: among them 1, 61 and 73, around a tile of 64. */
const stride = process.env['LMC_QUICK'] === '1' ? 12 : 1;

const gpt = { vocab_size: '11', block_size: '131', n_layer: '2', n_head: '2', n_embd: '16' };
const llama = {
  vocab_size: '11',
  block_size: '131',
  n_layer: '2',
  n_head: '4',
  n_kv_head: '2',
  hidden_size: '16',
  intermediate_size: '24',
};
const seq2seq = { src_vocab: '11', tgt_vocab: '11', d_model: '16', n_head: '2', d_ff: '16', n_layer: '2' };
const cases: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['learned positions', path.join(models, 'gpt.lm'), gpt],
  ['rotary positions, grouped queries', path.join(models, 'llama.lm'), llama],
  ['ALiBi', path.join(import.meta.dirname, 'alibi.lm'), {}],
  ['an encoder and a decoder', path.join(models, 'seq2seq.lm'), seq2seq],
];

async function open(device: string, file: string, set: Readonly<Record<string, string>>) {
  const opened = await openDevice({ name: device });
  const reporter = new Reporter();
  const options = { set: new Map(Object.entries(set)), task: new Map<string, string>(), batchSize: rows };
  const optimized = lowerAndOptimize(file, createDiskHost(), options, reporter);
  if (optimized === undefined) throw new Error(JSON.stringify(reporter.diagnostics));
  const { train: _train, eval: _eval, ...graphs } = optimized.graphs;
  const { plan, modules } = generateModel({ ...optimized, graphs }, opened.facts).generated;
  const session = await openGpuSession(opened.device, plan, modules, { seed: 3, description: device });
  for (const { name, role } of plan.states) {
    if (role !== 'parameter') continue;
    const tensor = await session.readState(name);
    // Larger than they start, so that scores differ; matrices of unit scale stay in the range of a softmax.
    const factor = Math.max(...tensor.data.map(Math.abs)) < 0.3 ? 10 : 1;
    session.writeState(name, { ...tensor, data: tensor.data.map((value) => value * factor) });
  }
  // One program for every length and number of rows.
  const refuse = (): never => {
    throw new Error('a size asks for another compilation');
  };
  Object.assign(opened.device, {
    createShaderModule: refuse,
    createComputePipeline: refuse,
    createComputePipelineAsync: refuse,
  });
  return { plan, session, close: () => (session.close(), opened.close()) };
}

/** Numbers without a pattern, never 0, which pads. */
function tokensOf(count: number, seed: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => 1 + ((at * at * 7 + at * 3 + seed * 5) % (vocabulary - 1)));
}

/** Scores of each row at one position of f32[rows, length, vocabulary]. */
function scoresAt(all: TensorData, position: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => {
    const from = (row * length + position) * vocabulary;
    return [...all.data.subarray(from, from + vocabulary)];
  }).flat();
}

const furthest = (actual: TensorData, expected: readonly number[]): number =>
  expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (actual.data[at] ?? NaN))), 0);

describe.each(adapters)('a context of 131 on %s', (device) => {
  it.each(cases)('%s', { timeout: 300_000 }, async (_, file, set) => {
    const { plan, session, close } = await open(device, file, set);
    const { name, dim, others, output } = findGrowingInput(plan);
    const texts = Array.from({ length: rows }, (_row, row) => tokensOf(length, row));
    const source = Array.from({ length: rows }, (_row, row) =>
      tokensOf(37, row + 5).map((token, at) => (at < 37 - 9 * row ? token : 0)),
    );
    const inputs = new Map(others.map((other) => [other.name, stackRows(source)]));
    /** One run over whole texts. */
    const forward = async (
      whole: readonly (readonly number[])[],
      given: typeof inputs,
    ): Promise<TensorData> => {
      const sizes = new Map<string, number>([
        ['batch', rows],
        [dim, length],
      ]);
      const solved = others.length > 0 ? new Map(sizes).set('source', 37) : sizes;
      const request = { sizes: solved, inputs: new Map(given).set(name, stackRows(whole)) };
      const run = session.submit('predict', { ...request, step: 1, seed: 0, lr: 0 });
      const scores = (await run.outputs()).get(output);
      if (scores === undefined) throw new Error('no scores');
      return scores;
    };
    const cached = new CachedDecoder(plan, session);
    const expected = await forward(texts, inputs);
    const largest = furthest(expected, [...expected.data].fill(0));
    expect(largest).toBeGreaterThan(0.5);
    const tolerance = 1e-4 * Math.max(1, largest);

    // A prompt of every length, and one token behind it.
    for (let prompt = 1; prompt < length; prompt += stride) {
      const begun = await cached.start(stackRows(texts.map((row) => row.slice(0, prompt))), inputs);
      expect(furthest(begun, scoresAt(expected, prompt - 1)), `prompt of ${prompt}`).toBeLessThan(tolerance);
      const next = await cached.step(Int32Array.from(texts, (row) => row[prompt] ?? 0));
      expect(furthest(next, scoresAt(expected, prompt)), `behind ${prompt}`).toBeLessThan(tolerance);
    }

    // Token by token; at 50 and at 100 rows go on from others.
    let moved = texts.map((row) => [...row]);
    const steps = [
      { at: 50, parents: [2, 0, 2] },
      { at: 100, parents: [1, 1, 0] },
    ];
    const seen: { readonly position: number; readonly scores: TensorData; readonly parents: number[] }[] = [];
    let scores = await cached.start(stackRows(texts.map((row) => row.slice(0, 7))), inputs);
    let origin = [0, 1, 2];
    for (let position = 7; position < length; position++) {
      const move = steps.find(({ at }) => at === position);
      if (move !== undefined) {
        await cached.reorder(move.parents);
        const before = moved;
        moved = move.parents.map((parent, row) => [
          ...(before[parent] ?? []).slice(0, position),
          ...(texts[(row + position) % rows] ?? []).slice(position),
        ]);
        origin = move.parents.map((parent) => origin[parent] ?? 0);
      }
      scores = await cached.step(Int32Array.from(moved, (row) => row[position] ?? 0));
      if (position >= 100) seen.push({ position, scores, parents: origin });
    }
    const given = new Map(
      others.map((other) => [other.name, stackRows(origin.map((from) => source[from] ?? []))]),
    );
    const again = await forward(moved, given);
    for (const { position, scores: actual } of seen)
      expect(furthest(actual, scoresAt(again, position)), `moved, at ${position}`).toBeLessThan(tolerance);
    close();
  });
});
