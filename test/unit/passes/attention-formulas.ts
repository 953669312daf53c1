/** Formulas of attention as people spell them, of any shape: programs, and data for them, from a few choices. */
import fc from 'fast-check';
import type { Float64Tensor } from '../../../src/ir/evaluate-scalar.ts';
import { evaluateDim } from '../../../src/ir/dim.ts';
import type { Graph } from '../../../src/ir/graph.ts';
import { lowerText } from '../lower/support.ts';
import { randomTensor } from '../ops/support.ts';

export interface AttentionFormula {
  readonly batch: number;
  readonly groups: number;
  /** Heads that share a group of keys. */
  readonly each: number;
  readonly targets: number;
  /** Undefined where queries and keys are of one sequence. */
  readonly sources: number | undefined;
  readonly width: number;
  readonly valueWidth: number;
  /** Keys up to the query's place and so many more. */
  readonly causal: number | undefined;
  readonly padding: boolean;
  /** How two masks become one. */
  readonly masks: 'padding first' | 'causal first' | 'and' | 'hidden' | 'added';
  readonly bias: 'none' | 'given' | 'distance';
  readonly dropout: boolean;
  readonly scale: 'none' | 'behind' | 'before';
  readonly spelling: 'einsum' | 'matmul' | 'keys first';
  readonly seed: number;
}

/** Mostly narrow heads: a wide one is the same walk with a longer vector. */
const widths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom(64, 65, 80, 96, 127, 128) },
);
const lengths = fc.integer({ min: 1, max: 11 });

export const attentionFormula: fc.Arbitrary<AttentionFormula> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  groups: fc.integer({ min: 1, max: 3 }),
  each: fc.integer({ min: 1, max: 3 }),
  targets: lengths,
  sources: fc.option(lengths, { nil: undefined }),
  width: widths,
  valueWidth: widths,
  causal: fc.option(fc.constantFrom(0, 0, 1, 3), { nil: undefined }),
  padding: fc.boolean(),
  masks: fc.constantFrom('padding first', 'causal first', 'and', 'hidden', 'added'),
  bias: fc.constantFrom('none', 'none', 'given', 'distance'),
  dropout: fc.boolean(),
  scale: fc.constantFrom('none', 'behind', 'before'),
  spelling: fc.constantFrom('einsum', 'matmul', 'keys first'),
  seed: fc.integer({ min: 1, max: 1 << 20 }),
});

/** A row of the tables for each query, key and value: the gradient of a row is that of its place. */
const ROWS = 320;

function textOf(formula: AttentionFormula): string {
  const { groups, each, width, valueWidth, scale, bias, dropout, spelling } = formula;
  const heads = groups * each;
  const source = formula.sources === undefined ? 'target' : 'source';
  const keysFirst = spelling === 'keys first';
  const product = {
    einsum: 'einsum("b (g e) t d, b g s d -> b (g e) t s", q, k)',
    matmul: 'q @ rearrange(k, "b g s d -> b g d s")',
    'keys first': 'einsum("b g s d, b (g e) t d -> b (g e) s t", k, q)',
  }[spelling === 'matmul' && each > 1 ? 'einsum' : spelling];
  const turned = (pair: string): string => (keysFirst ? `rearrange(${pair}, "... t s -> ... s t")` : pair);
  const axis = keysFirst ? -2 : -1;
  return `
dim batch
dim target <= 16
${formula.sources === undefined ? '' : 'dim source <= 16'}
model M(
  q_at: i32[batch, ${heads}, target],
  k_at: i32[batch, ${groups}, ${source}],
  lengths: i32[batch],
  far: f32[${heads}, target, ${source}],
) -> f32[batch, ${heads}, target, ${valueWidth}] {
  param w_q: f32[${ROWS}, ${width}] = normal{1}
  param w_k: f32[${ROWS}, ${width}] = normal{1}
  param w_v: f32[${ROWS}, ${valueWidth}] = normal{1}
  q = w_q[q_at]${scale === 'before' ? ' * 0.4' : ''}
  k = w_k[k_at]
  v = w_v[k_at]
  s = ${product}${scale === 'behind' ? ` / sqrt(${width})` : ''}
  ${bias === 'given' ? `s = s + ${turned('far')}` : ''}
  rows = rearrange(arange(target), "t -> t 1")
  ${bias === 'distance' ? `s = s - 0.3 * f32(${turned(`abs(rows - arange(${source}))`)})` : ''}
  ${masksOf(formula, source)
    .map((mask) => `s = ${mask(turned)}`)
    .join('\n  ')}
  p = softmax(s, axis=${axis})
  ${dropout ? 'p = dropout{0.3}(p)' : ''}
  return einsum("b (g e) ${keysFirst ? 's t' : 't s'}, b g s d -> b (g e) t d", p, v)
}
task t for M {
  target goal: f32[batch, ${heads}, target, ${valueWidth}]
  loss  = sum(output * goal)
  optim = sgd{lr=1}
}
`.replaceAll(/\n +\n/g, '\n');
}

/** What becomes of the scores `s`; \`turned\`: a pair of places in the order of their axes. */
function masksOf(
  { causal, padding, masks }: AttentionFormula,
  source: string,
): readonly ((turned: (pair: string) => string) => string)[] {
  const order =
    causal === undefined ? undefined : `arange(${source}) <= rows${causal === 0 ? '' : ` + ${causal}`}`;
  const valid = padding ? `rearrange(mask(lengths, ${source}), "b s -> b 1 1 s")` : undefined;
  const given = [order, valid].filter((each) => each !== undefined);
  const choose = (mask: string) => (turned: (pair: string) => string) => `where(${turned(mask)}, s, -1e30)`;
  switch (masks) {
    case 'causal first':
      return given.map(choose);
    case 'padding first':
      return given.toReversed().map(choose);
    case 'and':
      return given.length === 0 ? [] : [choose(given.map((each) => `(${each})`).join(' and '))];
    case 'hidden':
      return given.length === 0
        ? []
        : [(turned) => `where(${turned(given.map((each) => `not (${each})`).join(' or '))}, -1e30, s)`];
    case 'added':
      // A row whose keys are all hidden keeps its scores here: what is added is the same for all of them.
      return order === undefined ? [] : [(turned) => `s + ${turned(`where(${order}, 0.0, -1e9)`)}`];
  }
}

export interface AttentionCase {
  readonly graph: Graph;
  readonly sizes: ReadonlyMap<string, number>;
  readonly inputs: ReadonlyMap<string, Float64Tensor>;
  readonly states: ReadonlyMap<string, Float64Tensor>;
}

/** The training step as it was lowered, and what it is run with. */
export function buildFormula(formula: AttentionFormula): AttentionCase {
  const { model, diagnostics } = lowerText(textOf(formula), { batchSize: 4 });
  const graph = model?.graphs.train;
  if (graph === undefined)
    throw new Error(`no training step: ${JSON.stringify(diagnostics)}\n${textOf(formula)}`);
  const { batch, targets, sources = targets, seed } = formula;
  const sizes = new Map([
    ['batch', batch],
    ['target', targets],
    ...(formula.sources === undefined ? [] : [['source', sources] as const]),
  ]);
  const inputs = graph.inputs.map(({ name, value: { type } }, at): [string, Float64Tensor] => {
    if (name === 'lengths') {
      const tensor = randomTensor(type, sizes, seed + at, [0, sources]);
      // Of several rows one has no key that is there.
      return [
        name,
        batch === 1
          ? tensor
          : { ...tensor, data: tensor.data.map((length, row) => (row === 1 ? 0 : length)) },
      ];
    }
    if (type.dtype === 'f32') return [name, randomTensor(type, sizes, seed + at)];
    const shape = type.shape.map((dim) => evaluateDim(dim, sizes));
    const count = shape.reduce((product, size) => product * size, 1);
    // Each place has a row of its own.
    return [
      name,
      { dtype: 'i32', shape, data: Float64Array.from({ length: count }, (_, each) => (each * 7) % ROWS) },
    ];
  });
  const states = graph.states.map(({ name, value }, at): [string, Float64Tensor] => [
    name,
    randomTensor(value.type, sizes, seed + 20 + at),
  ]);
  return { graph, sizes, inputs: new Map(inputs), states: new Map(states) };
}
