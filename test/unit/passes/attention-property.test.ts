/** Formulas of attention of any shape and spelling: one op, and the same losses, gradients and kernels as without the pass. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { compareFused } from '../fuse/compare.ts';
import { attentionFormula, buildFormula, type AttentionFormula } from './attention-formulas.ts';

/** `LMC_GRAPHS=5000` for a night. */
const count = Number(process.env['LMC_GRAPHS'] ?? (process.env['LMC_QUICK'] === '1' ? 40 : 200));

/** Products along an axis of size 1 are none. */
const isRecognised = ({ width, valueWidth }: AttentionFormula): boolean => width > 1 && valueWidth > 1;

test(
  'formulas compute the same with the pass and without it',
  () => {
    fc.assert(
      fc.property(attentionFormula, (formula) => {
        const { graph, sizes, inputs, states } = buildFormula(formula);
        const [fused, plain] = [runPasses(graph), runPasses(graph, { disable: new Set(['fuse-attention']) })];
        const ops = fused.nodes.flatMap(({ op }) => (op.startsWith('attention') ? [op] : []));
        if (isRecognised(formula))
          expect(ops.toSorted()).toEqual(['attention', 'attention-keys', 'attention-queries']);
        const bindings = { sizes, inputs, states, host: new Map([['lr', 1]]), seed: formula.seed, step: 2 };
        const [actual, expected] = [fused, plain].map((program) => evaluateGraph(program, bindings));
        for (const part of ['outputs', 'updates'] as const)
          for (const [name, { data }] of expected?.[part] ?? []) {
            const largest = Math.max(1, ...data.map(Math.abs));
            const found = actual?.[part].get(name)?.data;
            data.forEach((number, at) => {
              const error = Math.abs((found?.[at] ?? Number.NaN) - number);
              if (!(error <= 1e-9 * largest))
                throw new Error(`${name}[${at}]: ${found?.[at]}, not ${number}`);
            });
          }
        compareFused(fused, { sizes, seed: formula.seed });
      }),
      { numRuns: count, endOnFailure: process.env['LMC_SHRINK'] !== '1' },
    );
  },
  Math.max(600_000, count * 3000),
);
