/** One walk over the op table: every record's type rule, gradient, evaluation and documentation, on its samples. */
import { describe, expect, test } from 'vitest';
import { equalGraphs } from '../../../src/ir/equal.ts';
import { parseGraph } from '../../../src/ir/parse.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { verifyGraph } from '../../../src/ir/verify.ts';
import { equalTypes } from '../../../src/ir/types.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { Value } from '../../../src/ir/graph.ts';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import { inferNode, inferTypes, opFamilies, opTable, vjpOf } from '../../../src/ops/index.ts';
import type { OpRecord } from '../../../src/ops/op.ts';
import { buildSample, graphOf, randomTensor, run, sampleData } from './support.ts';

const EPSILON = 1e-6;
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-5;
/** Finite differences of larger operands check this many of their elements. */
const PROBES = 40;

// Each record is used with its own samples only, which the common type cannot say.
const records = Object.values(opTable) as unknown as readonly OpRecord[];

test('every family is in the table', () => {
  const names = Object.values(opFamilies).flatMap((family) => Object.keys(family));
  expect(names.toSorted()).toEqual(Object.keys(opTable).toSorted());
  expect(records.length).toBeGreaterThan(50);
});

describe.each(records.map((record) => [record.name, record] as const))('%s', (name, record) => {
  test('is documented, under its own name, with samples', () => {
    expect(record.name).toBe(name);
    expect(record.documentation).toMatch(/\S.*\.$/s);
    expect(record.samples.length).toBeGreaterThan(0);
    const titles = record.samples.map((sample) => sample.title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test.each(record.samples.map((sample) => [sample.title, sample] as const))('%s', (_, sample) => {
    const { node, operands, results, builder, sizes } = buildSample(name, sample);
    expect(inferNode(node).every((type, at) => equalTypes(type, results[at]?.type ?? type))).toBe(true);

    const forward = graphOf(builder, operands, results, sizes);
    expect(verifyGraph(forward, inferTypes)).toEqual([]);
    expect(equalGraphs(parseGraph(printGraph(forward)), forward)).toBe(true);

    const data = sampleData(name, sample, sizes);
    const outputs = run(forward, data, sizes);
    outputs.forEach((output, at) => {
      expect(output.dtype).toBe(results[at]?.type.dtype);
      expect(output.shape).toEqual(results[at]?.type.shape.map((dim) => evaluateDim(dim, sizes)));
      expect(output.data.length).toBe(output.shape.reduce((a, b) => a * b, 1));
    });

    if (record.vjp === undefined || results.some(({ type }) => type.dtype !== 'f32')) return;
    checkGradient(data, outputs);

    function checkGradient(inputs: readonly Float64Tensor[], values: readonly Float64Tensor[]): void {
      const cotangents = results.map((result): Value => ({ type: result.type }));
      const weights = cotangents.map(({ type }, at) => {
        const silent = record.silentResults?.includes(at) === true;
        return randomTensor(type, sizes, 100 + at, silent ? [0, 0] : undefined);
      });
      const gradients = vjpOf(node, builder, cotangents) ?? [];
      const asked = gradients.flatMap((gradient, at) => (gradient === undefined ? [] : [{ gradient, at }]));
      const backward = graphOf(
        builder,
        [...operands, ...cotangents],
        asked.map(({ gradient }) => gradient),
        sizes,
      );
      expect(verifyGraph(backward, inferTypes)).toEqual([]);
      const found = run(backward, [...inputs, ...weights], sizes);
      const differentiable = operands.filter(({ type }) => type.dtype === 'f32').length;
      expect(asked.length).toBe(differentiable);
      expect(values.length).toBe(weights.length);
      asked.forEach(({ gradient, at }, number) => {
        expect(equalTypes(gradient.type, operands[at]?.type ?? gradient.type)).toBe(true);
        const exact = found[number]?.data ?? new Float64Array();
        for (const element of probes(exact.length)) {
          const expected = difference(inputs, at, element, weights);
          const tolerance = ABSOLUTE + RELATIVE * Math.abs(expected);
          expect(
            Math.abs((exact[element] ?? Number.NaN) - expected),
            `operand ${at}, element ${element}`,
          ).toBeLessThan(tolerance);
        }
      });
    }

    /** d (weights · outputs) / d operand[element], centrally. */
    function difference(
      inputs: readonly Float64Tensor[],
      operand: number,
      element: number,
      weights: readonly Float64Tensor[],
    ): number {
      const objective = (change: number): number => {
        const moved = inputs.map((input, at) =>
          at === operand
            ? { ...input, data: input.data.map((x, i) => (i === element ? x + change : x)) }
            : input,
        );
        return run(forward, moved, sizes).reduce(
          (sum, output, at) =>
            sum + output.data.reduce((inner, y, i) => inner + y * (weights[at]?.data[i] ?? 0), 0),
          0,
        );
      };
      return (objective(EPSILON) - objective(-EPSILON)) / (2 * EPSILON);
    }
  });
});

/** All elements of small tensors, evenly spread ones of large. */
function probes(length: number): readonly number[] {
  const count = Math.min(length, PROBES);
  return Array.from({ length: count }, (_, at) => Math.floor((at * length) / count));
}
