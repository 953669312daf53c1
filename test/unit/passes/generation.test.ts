/** The programs of generation: what is computed once for each text, and what moves with its rows. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { lowerAndOptimize, type ByProgram } from '../../../src/compile.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { evaluateDim, printDim, productOfDims } from '../../../src/ir/dim.ts';
import type { Graph, OpName } from '../../../src/ir/graph.ts';
import { dimsOfNode } from '../../../src/ir/used-dims.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';

const models = path.resolve(import.meta.dirname, '../../../models');

function programsOf(name: string, set: Readonly<Record<string, string>>, batchSize = 4): ByProgram<Graph> {
  const model = lowerAndOptimize(
    path.join(models, `${name}.lm`),
    createDiskHost(),
    { set: new Map(Object.entries(set)), task: new Map(), batchSize },
    new Reporter(),
    { purpose: 'generation' },
  );
  return model?.graphs ?? {};
}

const count = (graph: Graph | undefined, op: OpName): number =>
  graph?.nodes.filter((node) => node.op === op).length ?? 0;

const carries = (graph: Graph | undefined): readonly string[] =>
  graph?.states.filter(({ role }) => role === 'carry').map(({ name }) => name) ?? [];

it('an encoder is run once, with the keys and values of its memory', () => {
  const sizes = { vocab_size: '7', d_model: '8', n_head: '2', d_ff: '8', n_layer: '1' };
  const { prepare, prefill, decode, reorder } = programsOf('translate', sizes);
  expect(prepare?.inputs.map(({ name }) => name)).toEqual(['src']);
  expect(prepare?.outputs).toEqual([]);
  for (const program of [prefill, decode]) expect(program?.inputs.map(({ name }) => name)).toEqual(['tgt']);
  // Encoder: projection, scores, values, output, two linear layers; memory: keys and values.
  expect(count(prepare, 'dot')).toBe(8);
  // Decoder: the same six, of the attention to the memory all but keys and values, and the scores of the vocabulary.
  for (const program of [prefill, decode]) expect(count(program, 'dot')).toBe(6 + 4 + 1);
  // All that is left of the source is what reads the states.
  const reading = decode?.nodes.filter((node) => dimsOfNode(node).includes('source')) ?? [];
  expect(reading.some(({ op }) => op === 'gather')).toBe(false);
  // Keys, values, and which of them are there, for the source; keys and values of the target.
  expect(carries(prepare)).toHaveLength(3);
  // No key and no value moves: rows find them by their tables.
  expect(carries(reorder)).toEqual(['decode/rows.starts', 'decode/rows.positions']);
  expect(carries(decode)).toEqual(expect.arrayContaining([...carries(prepare), ...carries(reorder)]));
});

it.each([
  ['gpt', { n_embd: '32', n_head: '4', n_layer: '2' }, []],
  ['gpt2', { vocab_size: '50', block_size: '64', n_embd: '32', n_head: '4', n_layer: '2' }, []],
  ['llama', { vocab_size: '50', n_layer: '2', block_size: '64' }, []],
  ['translate', {}, []],
  ['seq2seq', {}, []],
  ['seq2seq_lstm', {}, ['decode/decoder.rnn.h.0.0', 'decode/decoder.rnn.c.0.0']],
] as const)('%s: no key, no value and nothing of a source is copied for a token', (name, sizes, moved) => {
  const { decode, reorder } = programsOf(name, sizes);
  const tables = carries(reorder).filter((state) => state.startsWith('decode/rows.'));
  expect(carries(reorder)).toEqual([...moved, ...tables]);
  if (decode === undefined) throw new Error(`${name} does not decode`);
  const bounds = new Map(decode.dims.map((dim) => [dim.name, dim.bound]));
  const largest = (role: string): number =>
    fuseGraph(decode, { storageBuffers: 8 })
      .slots.filter((slot) => slot.role === role)
      .reduce((most, slot) => Math.max(most, evaluateDim(productOfDims(slot.type.shape), bounds)), 0);
  // The largest of them has a score for each head and position, or the scores of the vocabulary.
  const kept = decode.states
    .filter(({ role }) => role === 'carry')
    .map(({ value }) => evaluateDim(productOfDims(value.type.shape), bounds));
  expect(largest('temporary')).toBeLessThan(Math.max(...kept));
});

it('one row alone has no table, and nothing moves', () => {
  const { decode, reorder } = programsOf('gpt', {}, 1);
  expect(reorder).toBeUndefined();
  expect(carries(decode).every((name) => name.includes('cache'))).toBe(true);
  expect(count(decode, 'take-along')).toBe(0);
});

it('a language model has nothing to prepare', () => {
  const programs = programsOf('gpt', { vocab_size: '5', n_layer: '1', n_head: '2', n_embd: '8' });
  expect(Object.keys(programs).toSorted()).toEqual(['decode', 'prefill', 'reorder']);
  // The cache is read up to the length, and only the new rows are put into it.
  const parts = (graph: Graph | undefined) =>
    graph?.nodes
      .filter(({ op }) => op === 'update-slice')
      .map(({ operands }) => operands[1]?.type.shape.map(printDim).join(' '));
  expect(parts(programs.prefill)).toEqual(['batch 2 seq 4', 'batch 2 seq 4']);
  expect(parts(programs.decode)).toEqual(['batch 2 1 4', 'batch 2 1 4']);
  expect(programs.decode?.dims.map(({ name }) => name)).toEqual(['batch', 'seq_total']);
  expect(carries(programs.reorder)).toEqual(['decode/rows.positions']);
  const read = programs.reorder?.nodes.find(({ op }) => op === 'gather')?.results[0]?.type.shape;
  expect(read?.map(printDim)).toEqual(['batch', 'seq_total']);
});
