/** Transformers of prime sizes, one head, one token, one row and other layers against PyTorch, on the evaluator and every adapter. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listDevices } from '../../runtime/node/device.ts';
import { checkFormulaCase, findFormulaCases } from './formula-run.ts';
import { sampled } from './run-graph.ts';

const cases = findFormulaCases(path.join(import.meta.dirname, 'brothers', 'transformers'));
const adapters = (await listDevices()).map(({ name }) => name);

describe.each(['reference', ...adapters])('Transformers as PyTorch computes them, on %s', (device) => {
  it.each(device === 'reference' ? cases : sampled(cases))(
    '$name',
    async (each) => checkFormulaCase(each, device),
    300_000,
  );
});

it('there are cases and an adapter', () => {
  expect(cases.length).toBeGreaterThan(20);
  expect(adapters).not.toEqual([]);
});
