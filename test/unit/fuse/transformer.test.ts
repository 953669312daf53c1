/** Training steps of Transformers as kernels: what is one launch, what it loads and stores, and the same numbers. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { printDim } from '../../../src/ir/dim.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import type { KernelProgram } from '../../../src/ir/kernel.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { compareFused } from './compare.ts';

const models = path.resolve(import.meta.dirname, '../../../models');
const small = { vocab_size: 7, n_layer: 1, n_head: 2, n_embd: 6, block_size: 5 };

function trainingStep(
  model: string,
  settings: Readonly<Record<string, number>>,
  disable: readonly string[] = [],
): Graph {
  const set = new Map(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  const reporter = new Reporter();
  const options = { set, task: new Map(), batchSize: 3 };
  const lowered = lowerProgram(path.join(models, `${model}.lm`), createDiskHost(), options, reporter);
  expect(reporter.diagnostics).toEqual([]);
  if (lowered?.graphs.train === undefined) throw new Error('no training step');
  return runPasses(lowered.graphs.train, { disable: new Set(disable) });
}

/** For each launch that comes from a line of the library: how many large buffers it loads and stores. */
function launchesFrom(program: KernelProgram, text: RegExp): readonly (readonly [number, number])[] {
  return program.steps.flatMap((step) => {
    if (step.kind !== 'launch' || !text.test(step.kernel.name)) return [];
    const count = (access: 'read' | 'write'): number =>
      step.kernel.operands.filter((operand) => operand.access === access && operand.type.shape.length === 4)
        .length;
    return [[count('read'), count('write')] as const];
  });
}

describe('a step of GPT', () => {
  const sizes = new Map([
    ['batch', 2],
    ['seq', 4],
  ]);
  const program = compareFused(trainingStep('gpt', small), { sizes });

  test('has few launches', () => {
    expect(program.steps.length).toBeLessThanOrEqual(60);
  });

  test('has three launches for attention, and no tensor of its scores', () => {
    const parts = program.steps.flatMap((step) =>
      step.kind === 'launch' && step.kernel.kind === 'attention' ? [step.kernel.part] : [],
    );
    expect(parts.toSorted()).toEqual(['forward', 'keys', 'queries']);
    const pairs = program.slots.filter(({ type }) => type.shape.map(printDim).join().includes('seq,seq'));
    expect(pairs).toEqual([]);
  });
});

describe('a step of GPT with the formula of attention as it is written', () => {
  const program = compareFused(trainingStep('gpt', small, ['fuse-attention']), {
    sizes: new Map([
      ['batch', 2],
      ['seq', 4],
    ]),
  });

  test('makes the weights of attention out of its scores in one launch', () => {
    expect(launchesFrom(program, /^reduce_weights$/)).toEqual([[1, 1]]);
  });

  test('goes back through softmax in one launch, from the weights and their gradient alone', () => {
    expect(launchesFrom(program, /^reduce_div_gradient$/)).toEqual([[2, 1]]);
  });
});

test.each([
  ['gpt2', { ...small, dropout: 0.2 }, { seq: 5 }],
  ['translate', { vocab_size: 7, d_model: 6, n_head: 3, d_ff: 5, n_layer: 1 }, { source: 3, target: 4 }],
  [
    'seq2seq',
    { src_vocab: 7, tgt_vocab: 5, d_model: 4, n_head: 1, d_ff: 3, n_layer: 1 },
    { source: 1, target: 2 },
  ],
  [
    'llama',
    {
      vocab_size: 7,
      hidden_size: 8,
      intermediate_size: 5,
      n_layer: 1,
      n_head: 4,
      n_kv_head: 2,
      block_size: 6,
    },
    { seq: 3 },
  ],
] as const)('%s computes the same', (model, settings, dims) => {
  compareFused(trainingStep(model, settings), { sizes: new Map([['batch', 2], ...Object.entries(dims)]) });
});
