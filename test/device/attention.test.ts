/** Formulas of attention of any shape and spelling as kernels of the device: also rows that see no key. */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { Target } from '../../src/codegen/index.ts';
import { runPasses } from '../../src/passes/driver.ts';
import { attentionFormula, buildFormula, type AttentionFormula } from '../unit/passes/attention-formulas.ts';
import { compareOnDevice, gpuTarget, targets } from './run-graph.ts';

/** `LMC_GRAPHS=500` for a night. */
const count = Number(process.env['LMC_GRAPHS'] ?? (process.env['LMC_QUICK'] === '1' ? 3 : 8));

/** Several tiles of queries; keys that two masks hide; heads of the largest width. */
const mixed: AttentionFormula = {
  batch: 3,
  groups: 2,
  each: 2,
  targets: 16,
  sources: undefined,
  width: 5,
  valueWidth: 6,
  causal: 0,
  padding: true,
  masks: 'and',
  bias: 'none',
  dropout: true,
  scale: 'behind',
  spelling: 'einsum',
  seed: 3,
};

const chosen: readonly AttentionFormula[] = [
  mixed,
  // Keys behind what the last query sees, and rows that see none.
  { ...mixed, targets: 3, sources: 10, width: 9, masks: 'padding first', seed: 799490 },
  {
    batch: 2,
    groups: 1,
    each: 2,
    targets: 7,
    sources: 9,
    width: 128,
    valueWidth: 128,
    causal: undefined,
    padding: true,
    masks: 'and',
    bias: 'given',
    dropout: false,
    scale: 'behind',
    spelling: 'keys first',
    seed: 4,
  },
];

async function check(formula: AttentionFormula, target: Target): Promise<void> {
  const { graph, sizes, inputs, states } = buildFormula(formula);
  const tolerance = { terms: 256, absolute: 1e-4 };
  await compareOnDevice(runPasses(graph), { sizes, inputs, states }, target, tolerance);
}

describe.each(targets)('%s', (_, findTarget) => {
  test.each(chosen.map((formula) => [formula.width, formula] as const))(
    'compute what the formula of heads of %i does',
    async (_width, formula) => check(formula, await findTarget()),
    300_000,
  );

  test(
    'compute what any formula does',
    async () => {
      const target = await findTarget();
      await fc.assert(
        fc.asyncProperty(attentionFormula, (formula) => check(formula, target)),
        { numRuns: count, endOnFailure: process.env['LMC_SHRINK'] !== '1' },
      );
    },
    Math.max(300_000, count * 10_000),
  );
});

const [, findGpu] = gpuTarget;

test("a GPU's kernels compute what a formula with two masks does", async () => {
  await check({ ...mixed, width: 3, valueWidth: 2 }, await findGpu());
}, 300_000);
