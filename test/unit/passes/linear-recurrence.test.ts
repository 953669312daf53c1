/** Cells drawn at random, of which the linear ones become recurrences that give what stepping gives, gradients included. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Graph } from '../../../src/ir/graph.ts';
import { printGraph } from '../../../src/ir/print.ts';
import { printType } from '../../../src/ir/types.ts';
import { fuseGraph } from '../../../src/passes/fuse/index.ts';
import { runPasses } from '../../../src/passes/driver.ts';
import { compareFused, generator } from '../fuse/compare.ts';
import { lowerClean } from '../lower/support.ts';
import { bindingsOf, difference, runGraph } from './run-graph.ts';

const stepping = { disable: new Set(['linear-recurrence']) };
const opsOf = (graph: Graph): readonly string[] => graph.nodes.map(({ op }) => op);
const sizes = new Map([
  ['batch', 2],
  ['seq', 5],
]);

function graphsOf(text: string): { readonly predict: Graph; readonly train: Graph } {
  const { predict, train } = lowerClean(text).graphs;
  if (train === undefined) throw new Error('no task');
  return { predict, train };
}

/** A model whose scan has this head and body, between parameters, and a task for its gradients. */
function program(head: string, body: string, results: string, output: string): string {
  return `dim batch
dim seq <= 8
model M(x: f32[batch, seq, 3], lengths: i32[batch]) -> f32[batch, seq, 3] {
  param w: f32[3, 3] = uniform{1}
  param v: f32[3]    = uniform{1}
  param u: f32[3]    = uniform{1}
  z = sigmoid(x @ w)
  ${results} = scan x_t, z_t over seq of x, z ${head} {
    k = 0.1 * x_t * z_t * u * v
    ${body.replace('emit ', 'emit k + ')}
  }
  return ${output} + f32(rearrange(lengths, "batch -> batch 1 1"))
}
task t for M {
  target goal: f32[batch, seq, 3]
  data  = tensors{"x.safetensors"} | batches{3}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`;
}

/** Expressions that depend on no carry. */
const KNOWN = ['x_t', 'z_t', 'v', 'tanh(x_t * u)', '0.5', '(w @ x_t)', '(1 - z_t)'];

/** An expression that is affine in `h`; the deeper, the more it is made of. */
function affine(pick: (count: number) => number, h: string, depth: number): string {
  const known = (): string => KNOWN[pick(KNOWN.length)] ?? 'x_t';
  const below = (): string => affine(pick, h, depth - 1);
  if (depth === 0) return pick(3) === 0 ? known() : h;
  switch (pick(8)) {
    case 0:
      return `(${below()} + ${below()})`;
    case 1:
      return `(${below()} - ${known()})`;
    case 2:
      return `(${known()} * ${below()})`;
    case 3:
      return `((1 - z_t) * ${below()} + z_t * ${below()})`;
    case 4:
      return `(${h} + z_t * (${known()} - ${h}))`;
    case 5:
      return `where(x_t > 0, ${below()}, ${below()})`;
    case 6:
      return `(-${below()} / (1 + z_t))`;
    default:
      return `(${below()} * ${known()})`;
  }
}

function drawCell(seed: number): string {
  const random = generator(seed);
  const pick = (count: number): number => Math.floor(((random() + 2) / 4) * count) % count;
  const head = `${pick(2) === 0 ? 'reversed ' : ''}${pick(2) === 0 ? 'masked lengths ' : ''}`;
  const start = ['0', 'v + zeros(batch, 3)', 'zeros(batch, 3)'][pick(3)] ?? '0';
  const carry = `carry (h: f32[batch, 3] = ${start}, g: f32[batch, 3] = 0)`;
  const next = affine(pick, 'h', 1 + pick(3));
  // The second carry: of its own, on top of the first, or what the first was before.
  const second = [
    affine(pick, 'g', 1 + pick(2)),
    `z_t * g + tanh(h) * u`,
    'h',
    `sigmoid(m) * g + m * v`,
    `(1 - sigmoid(h)) * g`,
  ][pick(5)];
  const body = `m = ${next}
    n = ${second ?? 'g'}
    next (h = m, g = n) emit m * u + n, tanh(h)`;
  return program(`${head}${carry}`, body, 'a, b, last, _', 'a + b * rearrange(last, "batch d -> batch 1 d")');
}

const seeds = Array.from({ length: Number(process.env['LMC_GRAPHS'] ?? 24) }, (_, at) => at + 1);

describe('cells drawn at random', () => {
  test.each(seeds)('cell %i', (seed) => {
    const text = drawCell(seed);
    const { predict, train } = graphsOf(text);
    for (const graph of [predict, train]) {
      const [linear, stepped] = [runPasses(graph), runPasses(graph, stepping)];
      expect(opsOf(linear), text).not.toContain('scan');
      const bindings = bindingsOf(linear, sizes);
      expect(difference(runGraph(linear, bindings), runGraph(stepped, bindings)), text).toBeUndefined();
      compareFused(linear, { sizes, seed });
    }
  });
});

/** A selective state space, whose factors and terms are larger than all that they are made of. */
function stateSpace({ head, factor, term, emitted, bound = 8 }: StateSpace): string {
  const locals = [
    '    wide = rearrange(dt_t, "batch width -> batch width 1")',
    '    input = rearrange(b_t, "batch state -> batch 1 state")',
    '    other = rearrange(x_t, "batch width -> batch width 1")',
  ];
  return `dim batch
dim seq <= ${bound}
model M(x: f32[batch, seq, 3], lengths: i32[batch]) -> f32[batch, seq, 3] {
  param rate: f32[3, 8]    = uniform{1}
  param narrow: f32[3, 8] = uniform{1}
  param step: f32[3]       = uniform{1}
  A  = -exp(rate)
  b  = x @ narrow
  dt = softplus(x * step)
  y, _ = scan x_t, dt_t, b_t over seq of x, dt, b ${head} carry (h: f32[batch, 3, 8] = 0) {
${locals.filter((line) => `${factor} ${term}`.includes(line.trim().split(' ', 1)[0] ?? line)).join('\n')}
    h     = ${factor} * h + ${term}
    next (h = h) emit ${emitted}
  }
  return y + f32(rearrange(lengths, "batch -> batch 1 1"))
}
task t for M {
  target goal: f32[batch, seq, 3]
  data  = tensors{"x.safetensors"} | batches{3}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`;
}

interface StateSpace {
  readonly head: string;
  readonly factor: string;
  readonly term: string;
  readonly emitted: string;
  readonly bound?: number;
}

const MAMBA: StateSpace = {
  head: '',
  factor: 'exp(wide * A)',
  term: 'wide * other * input',
  emitted: 'einsum("batch width state, batch state -> batch width", h, b_t)',
};

describe('state spaces drawn at random', () => {
  it('give what stepping gives, gradients included', () => {
    const drawn = fc.record({
      head: fc.constantFrom('', 'reversed', 'masked lengths', 'reversed masked lengths'),
      factor: fc.constantFrom(
        'exp(wide * A)',
        'sigmoid(wide - A)',
        '(1 - sigmoid(wide * A))',
        'exp(A) * sigmoid(other - wide)',
      ),
      term: fc.constantFrom(
        'wide * other * input',
        'wide * input * (A + other)',
        'tanh(other * A) * input',
        '(sigmoid(wide * A) * other + input)',
      ),
      emitted: fc.constantFrom(
        MAMBA.emitted,
        'reduce(tanh(h), "batch width state -> batch width", "sum")',
        'h[:, :, 0] * x_t',
      ),
    });
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 6 }), (each, seq) => {
        const { predict, train } = graphsOf(stateSpace({ ...each, emitted: `${each.emitted} + x_t` }));
        const here = new Map([...sizes, ['seq', seq]]);
        for (const graph of [predict, train]) {
          const [linear, stepped] = [runPasses(graph), runPasses(graph, stepping)];
          expect(opsOf(linear)).not.toContain('scan');
          const bindings = bindingsOf(linear, here);
          expect(difference(runGraph(linear, bindings), runGraph(stepped, bindings))).toBeUndefined();
          compareFused(linear, { sizes: here, seed: seq });
        }
      }),
      { numRuns: Number(process.env['LMC_GRAPHS'] ?? 12) },
    );
  });

  it('keep their states for the gradient alone, and neither factors nor terms', () => {
    const { predict, train } = graphsOf(stateSpace({ ...MAMBA, bound: 64 }));
    const large = (graph: Graph): readonly string[] =>
      fuseGraph(runPasses(graph), { storageBuffers: 8 })
        .slots.map(({ type }) => printType(type))
        .filter((type) => type.includes('batch, 3, 8]'));
    expect(large(predict)).toEqual([]);
    expect(large(train)).toEqual(['f32[seq+1, batch, 3, 8]', 'f32[seq+1, batch, 3, 8]']);
  });
});

describe('what a recurrence is made of', () => {
  it('a masked minGRU runs as one recurrence, and its gradient as one more', () => {
    const { predict, train } = graphsOf(
      program(
        'masked lengths carry (h: f32[batch, 3] = 0)',
        'h = (1 - z_t) * h + z_t * (w @ x_t)\n    next (h = h) emit h',
        'y, _',
        'y',
      ),
    );
    const count = (graph: Graph): number =>
      opsOf(runPasses(graph)).filter((op) => op === 'linear-recurrence').length;
    expect([count(predict), count(train)]).toEqual([1, 2]);
  });

  it('what is handed on is no recurrence, but a view of where it comes from', () => {
    const { predict } = graphsOf(
      program(
        'carry (h: f32[batch, 3] = 0, g: f32[batch, 3] = 0)',
        'next (h = x_t, g = h) emit x_t * v + h * u + g',
        'y, _, _',
        'y',
      ),
    );
    const ops = opsOf(runPasses(predict));
    expect(ops.filter((op) => op === 'scan' || op === 'linear-recurrence' || op === 'concat')).toEqual([]);
  });
});

describe('what has to be stepped through', () => {
  const bodies: Readonly<Record<string, string>> = {
    'a function of the carry': 'next (h = tanh(h) + x_t, g = z_t * g) emit h',
    'a product of carries': 'next (h = h * g, g = h + z_t) emit h',
    'the square of a carry': 'next (h = h * h, g = g) emit h',
    'a matrix of the carry': 'next (h = w @ h + x_t, g = z_t * g) emit h',
    'carries that are in each other': 'next (h = z_t * g, g = z_t * h + x_t) emit h',
    'a condition on the carry': 'next (h = where(h > 0, h, x_t), g = z_t * g) emit h',
    'a carry whose gradient stops': 'next (h = z_t * stop_gradient(h) + x_t, g = z_t * g) emit h',
  };
  test.each(Object.entries(bodies))('%s', (_, body) => {
    const head = 'carry (h: f32[batch, 3] = 1, g: f32[batch, 3] = 1)';
    const { train } = graphsOf(program(head, body, 'y, _, _', 'y'));
    expect(printGraph(runPasses(train))).toBe(printGraph(runPasses(train, stepping)));
    expect(opsOf(runPasses(train))).toContain('scan');
  });

  test.each(['LSTM', 'GRU', 'RNN'])('the layer %s of the library', (layer) => {
    const { predict, train } = graphsOf(`import nn
dim batch
dim seq <= 8
model M(x: f32[batch, seq, 3], lengths: i32[batch]) -> f32[batch, seq, 8] {
  rnn = ${layer}{3, 4, bidirectional=true}
  return rnn(x, lengths)[0]
}
task t for M {
  target goal: f32[batch, seq, 8]
  data  = tensors{"x.safetensors"} | batches{3}
  loss  = mse(output, goal)
  optim = sgd{lr=0.1}
}
`);
    for (const graph of [predict, train])
      expect(printGraph(runPasses(graph))).toBe(printGraph(runPasses(graph, stepping)));
  });
});
