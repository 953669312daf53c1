/** Lowers a program from text, and runs its graphs in float64. */
import { expect } from 'vitest';
import { Reporter, type Diagnostic } from '../../../src/diagnostics/diagnostic.ts';
import { formatSpan } from '../../../src/diagnostics/span.ts';
import { createDiskHost } from '../../../src/cli/source-host.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import {
  lowerProgram,
  type LoweredModel,
  type LowerOptions,
  type SourceHost,
} from '../../../src/lower/index.ts';
import { evaluateGraph, type Float64Tensor } from '../../../src/ops/evaluate.ts';
import { inferTypes } from '../../../src/ops/index.ts';

export const noOptions: LowerOptions = { set: new Map(), task: new Map() };

/** Files in memory by path; the library from the disk. */
export function memoryHost(files: Readonly<Record<string, string>>): SourceHost {
  const disk = createDiskHost();
  return {
    readFile: (file) => files[file],
    readLibrary: disk.readLibrary,
    resolve: (from, target) => disk.resolve(from, target),
  };
}

export function lowerText(
  text: string,
  options: Partial<LowerOptions> = {},
  files: Readonly<Record<string, string>> = {},
): { readonly model: LoweredModel | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const reporter = new Reporter();
  const model = lowerProgram(
    'm.lm',
    memoryHost({ 'm.lm': text, ...files }),
    { ...noOptions, ...options },
    reporter,
  );
  for (const graph of Object.values(model?.graphs ?? {})) expect(verifyGraph(graph, inferTypes)).toEqual([]);
  return { model, diagnostics: reporter.diagnostics };
}

/** `LM0201 m.lm:3:7 there is no value …`, one for each diagnostic. */
export function printShort({ code, span, message }: Diagnostic): string {
  return `${code} ${formatSpan(span)} ${message}`;
}

/** That `cache` keeps nothing, and that what is generated is seen. */
const ofGeneration = new Set(['LM0443', 'LM0444', 'LM0446', 'LM0448']);

/** A program that must lower without a word, but for what is said of generation. */
export function lowerClean(text: string, options: Partial<LowerOptions> = {}): LoweredModel {
  const { model, diagnostics } = lowerText(text, options);
  expect(diagnostics.filter(({ code }) => !ofGeneration.has(code)).map(printShort)).toEqual([]);
  if (model === undefined) throw new Error('no model and no diagnostics');
  return model;
}

export function f32(shape: readonly number[], data: readonly number[]): Float64Tensor {
  return { dtype: 'f32', shape, data: Float64Array.from(data) };
}

export function i32(shape: readonly number[], data: readonly number[]): Float64Tensor {
  return { dtype: 'i32', shape, data: Float64Array.from(data) };
}

export function run(
  graph: Graph,
  inputs: Readonly<Record<string, Float64Tensor>>,
  states: ReadonlyMap<string, Float64Tensor> = new Map(),
  step = 1,
): ReadonlyMap<string, Float64Tensor> {
  const sizes = new Map<string, number>();
  for (const { name, value } of graph.inputs)
    value.type.shape.forEach(({ terms }, axis) => {
      const symbol = terms.length === 1 ? terms[0]?.symbols[0] : undefined;
      const size = inputs[name]?.shape[axis];
      if (symbol !== undefined && size !== undefined) sizes.set(symbol, size);
    });
  return evaluateGraph(graph, {
    sizes,
    inputs: new Map(Object.entries(inputs)),
    states,
    host: new Map(),
    seed: 1,
    step,
  }).outputs;
}
