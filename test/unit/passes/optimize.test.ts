/** Optimizers against torch.optim's formulas written out by hand, step after step; clipping against clip_grad_norm_. */
import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/ir/builder.ts';
import { constantDim } from '../../../src/ir/dim.ts';
import type { Graph, OptimizerSpec, Value } from '../../../src/ir/graph.ts';
import { hostNumbers } from '../../../src/ir/host-formula.ts';
import { evaluateGraph } from '../../../src/ops/evaluate.ts';
import { inferTypes } from '../../../src/ops/index.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { origin, tensorOf } from '../ops/support.ts';

/** loss = Σ ½ p² + p: the gradient is p + 1. */
function quadratic(optimizer: OptimizerSpec, clipNorm?: number, shape: readonly number[] = [3]): Graph {
  const builder = new GraphBuilder(inferTypes, origin);
  const p: Value = { type: { dtype: 'f32', shape: shape.map((size) => constantDim(size)) }, name: 'p' };
  const unused: Value = { type: { dtype: 'f32', shape: [] }, name: 'unused' };
  const half = builder.withNumber('mul', builder.emit('mul', [p, p], {}), 0.5);
  const loss = builder.sum(
    builder.emit('add', [half, p], {}),
    shape.map((_, axis) => axis),
  );
  const initializer = { kind: 'constant', value: 0 } as const;
  const training = { loss, optimizer, origin, ...(clipNorm === undefined ? {} : { clipNorm }) };
  return {
    name: 'quadratic',
    dims: [],
    inputs: [],
    states: [p, unused].map((value) => ({
      name: value.name ?? '',
      value,
      role: 'parameter',
      initializer,
      origin,
    })),
    nodes: builder.nodes,
    outputs: [{ name: 'loss', value: loss }],
    updates: [],
    training,
  };
}

const start = [0.5, -2, 3];
const lr = 0.1;

/** The parameter after each step, and the norms. */
function run(graph: Graph, steps: number) {
  const program = runPasses(graph);
  let states = new Map(
    program.states.map(({ name, value }) => [
      name,
      name === 'p'
        ? tensorOf(
            'f32',
            value.type.shape.map((_, axis) => (axis === 0 ? 3 : 1)),
            start,
          )
        : tensorOf(
            'f32',
            value.type.shape.map((_, axis) => (axis === 0 ? 3 : 1)),
            value.type.shape.length === 0 ? [0] : [0, 0, 0],
          ),
    ]),
  );
  const seen: number[][] = [];
  const norms: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const host = hostNumbers(program, { step, lr });
    const results = evaluateGraph(program, {
      sizes: new Map(),
      inputs: new Map(),
      states,
      host,
      seed: 1,
      step,
    });
    states = new Map([...states, ...results.updates]);
    seen.push([...(states.get('p')?.data ?? [])]);
    norms.push(results.outputs.get('grad_norm')?.data[0] ?? Number.NaN);
  }
  return { program, seen, norms, states };
}

/** The same by a rule on numbers: (p, g, step, memory) -> p. */
function byHand(
  rule: (p: number, g: number, step: number, memory: Record<string, number>) => number,
  steps: number,
) {
  const seen: number[][] = [];
  let parameters = start;
  const memories = start.map((): Record<string, number> => ({}));
  for (let step = 1; step <= steps; step++) {
    parameters = parameters.map((p, at) => rule(p, p + 1, step, memories[at] ?? {}));
    seen.push(parameters);
  }
  return seen;
}

function expectSame(actual: readonly number[][], expected: readonly number[][]): void {
  expected.forEach((values, step) =>
    values.forEach((value, at) =>
      expect(actual[step]?.[at], `step ${step + 1}, p[${at}]`).toBeCloseTo(value, 10),
    ),
  );
}

const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

describe('optimizers', () => {
  test.each([
    { momentum: 0, weightDecay: 0, dampening: 0, nesterov: false },
    { momentum: 0, weightDecay: 0.1, dampening: 0, nesterov: false },
    { momentum: 0.9, weightDecay: 0.01, dampening: 0, nesterov: false },
    { momentum: 0.9, weightDecay: 0, dampening: 0.3, nesterov: false },
    { momentum: 0.9, weightDecay: 0.1, dampening: 0, nesterov: true },
  ])('sgd %o', (spec) => {
    const { seen } = run(quadratic({ name: 'sgd', ...spec }), 4);
    const rule = (p: number, gradient: number, step: number, memory: Record<string, number>): number => {
      let g = gradient + spec.weightDecay * p;
      if (spec.momentum !== 0) {
        memory['buf'] = step === 1 ? g : spec.momentum * (memory['buf'] ?? 0) + (1 - spec.dampening) * g;
        g = spec.nesterov ? g + spec.momentum * memory['buf'] : memory['buf'];
      }
      return p - lr * g;
    };
    expectSame(seen, byHand(rule, 4));
  });

  test.each([
    { name: 'adam', given: 0, decayVectors: true, shape: [3] },
    { name: 'adam', given: 0.1, decayVectors: true, shape: [3] },
    { name: 'adamw', given: 0.1, decayVectors: true, shape: [3] },
    { name: 'adam', given: 0.1, decayVectors: false, shape: [3] },
    { name: 'adamw', given: 0.1, decayVectors: false, shape: [3] },
    { name: 'adamw', given: 0.1, decayVectors: false, shape: [3, 1] },
  ] as const)('%o', ({ name, given: written, decayVectors, shape }) => {
    const graph = quadratic({ name, weightDecay: written, decayVectors, ...adam }, undefined, shape);
    const { seen, program } = run(graph, 5);
    const weightDecay = decayVectors || shape.length > 1 ? written : 0;
    const rule = (given: number, gradient: number, step: number, memory: Record<string, number>): number => {
      const p = name === 'adamw' ? given * (1 - lr * weightDecay) : given;
      const g = name === 'adam' ? gradient + weightDecay * p : gradient;
      memory['m'] = adam.beta1 * (memory['m'] ?? 0) + (1 - adam.beta1) * g;
      memory['v'] = adam.beta2 * (memory['v'] ?? 0) + (1 - adam.beta2) * g * g;
      const denominator = Math.sqrt(memory['v']) / Math.sqrt(1 - adam.beta2 ** step) + adam.epsilon;
      return p - ((lr / (1 - adam.beta1 ** step)) * memory['m']) / denominator;
    };
    expectSame(seen, byHand(rule, 5));
    expect(program.states.map((state) => state.name)).toEqual([
      'p',
      'unused',
      `${name}.exp_avg/p`,
      `${name}.exp_avg_sq/p`,
    ]);
    expect(program.training).toBeUndefined();
    expect(program.gradients).toBeUndefined();
  });

  test('moments that would be denormal are zero', () => {
    const program = runPasses(quadratic({ name: 'adam', weightDecay: 0, decayVectors: true, ...adam }));
    const small = tensorOf('f32', [3], [1e-33, -1e-33, 2]);
    const results = evaluateGraph(program, {
      sizes: new Map(),
      inputs: new Map(),
      // The gradient is p + 1 = 0.
      states: new Map([
        ['p', tensorOf('f32', [3], [-1, -1, -1])],
        ['unused', tensorOf('f32', [], [0])],
        ['adam.exp_avg/p', small],
        ['adam.exp_avg_sq/p', small],
      ]),
      host: hostNumbers(program, { step: 900, lr }),
      seed: 1,
      step: 900,
    });
    expect([...(results.updates.get('adam.exp_avg/p')?.data ?? [])]).toEqual([0, 0, 1.8]);
    expect([...(results.updates.get('adam.exp_avg_sq/p')?.data ?? [])]).toEqual([0, 0, 1.998]);
  });
});

describe('clipping', () => {
  const spec = { name: 'sgd', momentum: 0, weightDecay: 0, dampening: 0, nesterov: false } as const;
  const gradient = start.map((p) => p + 1);
  const norm = Math.hypot(...gradient);

  test.each([0.5, 100, undefined])('to %s', (limit) => {
    const { seen, norms } = run(quadratic(spec, limit), 1);
    const factor = limit === undefined ? 1 : Math.min(1, limit / (norm + 1e-6));
    expectSame(seen, [start.map((p, at) => p - lr * factor * (gradient[at] ?? 0))]);
    expect(norms[0]).toBeCloseTo(norm, 10);
  });
});
