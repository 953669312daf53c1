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
    { name: 'adam', weightDecay: 0, amsgrad: false },
    { name: 'adam', weightDecay: 0.1, amsgrad: false },
    { name: 'adamw', weightDecay: 0.1, amsgrad: false },
    { name: 'adam', weightDecay: 0, amsgrad: true },
  ] as const)('%o', ({ name, weightDecay, amsgrad }) => {
    const { seen, program } = run(quadratic({ name, weightDecay, amsgrad, ...adam }), 5);
    const rule = (given: number, gradient: number, step: number, memory: Record<string, number>): number => {
      const p = name === 'adamw' ? given * (1 - lr * weightDecay) : given;
      const g = name === 'adam' ? gradient + weightDecay * p : gradient;
      memory['m'] = adam.beta1 * (memory['m'] ?? 0) + (1 - adam.beta1) * g;
      memory['v'] = adam.beta2 * (memory['v'] ?? 0) + (1 - adam.beta2) * g * g;
      memory['max'] = Math.max(memory['max'] ?? 0, memory['v']);
      const v = amsgrad ? memory['max'] : memory['v'];
      const denominator = Math.sqrt(v) / Math.sqrt(1 - adam.beta2 ** step) + adam.epsilon;
      return p - ((lr / (1 - adam.beta1 ** step)) * memory['m']) / denominator;
    };
    expectSame(seen, byHand(rule, 5));
    expect(program.states.map((state) => state.name)).toEqual([
      'p',
      'unused',
      `${name}.exp_avg/p`,
      `${name}.exp_avg_sq/p`,
      ...(amsgrad ? [`${name}.max_exp_avg_sq/p`] : []),
    ]);
    expect(program.training).toBeUndefined();
    expect(program.gradients).toBeUndefined();
  });

  test('lion', () => {
    const [beta1, beta2, weightDecay] = [0.9, 0.99, 0.1];
    const { seen } = run(quadratic({ name: 'lion', beta1, beta2, weightDecay }), 5);
    const rule = (p: number, g: number, _: number, memory: Record<string, number>): number => {
      const average = memory['m'] ?? 0;
      memory['m'] = beta2 * average + (1 - beta2) * g;
      return p * (1 - lr * weightDecay) - lr * Math.sign(beta1 * average + (1 - beta1) * g);
    };
    expectSame(seen, byHand(rule, 5));
  });

  test('a group has its own learning rate and weight decay', () => {
    const graph = quadratic({ name: 'adamw', weightDecay: 0.1, amsgrad: false, ...adam });
    if (graph.training === undefined) throw new Error('the graph is not to be trained');
    const group = { parameters: ['p'], rateScale: 0.5, weightDecay: 0.3, isFrozen: false };
    const { seen } = run({ ...graph, training: { ...graph.training, groups: [group] } }, 3);
    const rule = (given: number, g: number, step: number, memory: Record<string, number>): number => {
      memory['m'] = adam.beta1 * (memory['m'] ?? 0) + (1 - adam.beta1) * g;
      memory['v'] = adam.beta2 * (memory['v'] ?? 0) + (1 - adam.beta2) * g * g;
      const denominator = Math.sqrt(memory['v']) / Math.sqrt(1 - adam.beta2 ** step) + adam.epsilon;
      const rate = lr * 0.5;
      return given * (1 - rate * 0.3) - ((rate / (1 - adam.beta1 ** step)) * memory['m']) / denominator;
    };
    expectSame(seen, byHand(rule, 3));
  });

  test('what is frozen has no gradient and no state', () => {
    const graph = quadratic({ name: 'adam', weightDecay: 0, amsgrad: false, ...adam });
    if (graph.training === undefined) throw new Error('the graph is not to be trained');
    const group = { parameters: ['p'], rateScale: 1, weightDecay: 0, isFrozen: true };
    const { seen, program, norms } = run({ ...graph, training: { ...graph.training, groups: [group] } }, 2);
    expect(seen).toEqual([start, start]);
    expect(norms).toEqual([0, 0]);
    expect(program.states.map(({ name }) => name)).toEqual(['p', 'unused']);
  });

  test('moments that would be denormal are zero', () => {
    const program = runPasses(quadratic({ name: 'adam', weightDecay: 0, amsgrad: false, ...adam }));
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

  test.each([undefined, 0.5])('by value, then by the norm %s of what is left', (limit) => {
    const graph = quadratic(spec, limit);
    if (graph.training === undefined) throw new Error('the graph is not to be trained');
    const { seen, norms } = run({ ...graph, training: { ...graph.training, clipValue: 1.2 } }, 1);
    const clamped = gradient.map((value) => Math.max(-1.2, Math.min(1.2, value)));
    const factor = limit === undefined ? 1 : Math.min(1, limit / (Math.hypot(...clamped) + 1e-6));
    expectSame(seen, [start.map((p, at) => p - lr * factor * (clamped[at] ?? 0))]);
    // The norm that is reported is that of the gradients as they came.
    expect(norms[0]).toBeCloseTo(norm, 10);
  });
});
