/** The classifiers of `models/` against PyTorch's outputs, by the float64 evaluator. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../runtime/safetensors.ts';
import type { TensorData } from '../../../runtime/session.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import { lowerProgram } from '../../../src/lower/index.ts';
import type { Float64Tensor } from '../../../src/ops/evaluate.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { printShort, run } from './support.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const golden = path.join(root, '..', 'shared', 'golden');

function lowerModel(file: string, set: Readonly<Record<string, unknown>> = {}) {
  const reporter = new Reporter();
  const lowered = lowerProgram(
    path.join(root, 'models', file),
    createDiskHost(),
    { set: new Map(Object.entries(set).map(([name, value]) => [name, String(value)])), task: new Map() },
    reporter,
  );
  expect(reporter.diagnostics.map(printShort)).toEqual([]);
  if (lowered === undefined) throw new Error('nothing was lowered');
  return lowered;
}

function read(file: string): ReadonlyMap<string, Float64Tensor> {
  const tensors = readSafetensors(readFileSync(file)).tensors;
  return new Map([...tensors].map(([name, tensor]) => [name, widen(tensor)]));
}

function widen({ dtype, shape, data }: TensorData): Float64Tensor {
  return { dtype, shape, data: Float64Array.from(data) };
}

/** The first rows of a tensor. */
function head({ dtype, shape, data }: Float64Tensor, rows: number): Float64Tensor {
  const [all = 1, ...rest] = shape;
  return { dtype, shape: [rows, ...rest], data: data.slice(0, (data.length / all) * rows) };
}

describe('classifiers', () => {
  for (const file of ['text_classifier.lm', 'text_classifier_gru.lm', 'text_classifier_rnn.lm'])
    it(`${file} lowers to graphs that hold`, () => {
      const { graphs } = lowerModel(file);
      for (const graph of Object.values(graphs)) expect(verifyGraph(graph, inferTypes)).toEqual([]);
      const names = graphs.predict.states.map((state) => state.name);
      expect(graphs.eval?.states.map((state) => state.name)).toEqual(names);
      expect(graphs.train?.states.map((state) => state.name)).toEqual(names);
    });

  for (const cell of ['lstm', 'gru', 'rnn']) {
    const folder = path.join(golden, `classifier_${cell}`);
    it.skipIf(!existsSync(folder))(
      `${cell}: PyTorch's output and first loss (shared/golden must be there)`,
      () => {
        const expected = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8')) as {
          config: Record<string, unknown>;
          batch: number;
          losses: number[];
        };
        const { cell: _, ...config } = expected.config;
        const file = cell === 'lstm' ? 'text_classifier.lm' : `text_classifier_${cell}.lm`;
        const { graphs } = lowerModel(file, { ...config, dropout: 0 });
        const states = read(path.join(folder, 'init.safetensors'));
        expect(graphs.predict.states.map((state) => state.name).toSorted()).toEqual(
          [...states.keys()].toSorted(),
        );
        const data = read(path.join(folder, 'data.safetensors'));
        const inputs = Object.fromEntries(
          [...data].map(([name, tensor]) => [name, head(tensor, expected.batch)]),
        );
        const { tokens, lengths } = inputs;
        if (tokens === undefined || lengths === undefined) throw new Error('the golden run lacks inputs');
        const { output } = Object.fromEntries(run(graphs.predict, { tokens, lengths }, states));
        const [wanted] = read(path.join(folder, 'outputs.safetensors')).values();
        expect(output?.shape).toEqual(wanted?.shape);
        const largest = Math.max(...(wanted?.data ?? []).map(Math.abs));
        output?.data.forEach((value, at) => {
          expect(Math.abs(value - (wanted?.data[at] ?? Infinity)) / largest).toBeLessThan(1e-5);
        });
        if (graphs.eval === undefined) throw new Error('no eval graph');
        const loss = run(graphs.eval, inputs, states).get('loss')?.data[0];
        expect(loss).toBeCloseTo(expected.losses[0] ?? Infinity, 5);
      },
    );
  }
});
