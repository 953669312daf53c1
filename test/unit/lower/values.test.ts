/** What expressions compute: programs lowered from text and run in float64. */
import { describe, expect, it } from 'vitest';
import { f32, i32, lowerClean, run } from './support.ts';
import type { Float64Tensor } from '../../../src/ops/evaluate.ts';

const DIMS = 'dim batch\ndim seq <= 16\n';

/** The result of one expression over `x: f32[batch, seq, 4]`. */
function evaluate(
  expression: string,
  result: string,
  inputs: Readonly<Record<string, readonly [string, Float64Tensor]>>,
): readonly number[] {
  const parameters = Object.entries(inputs).map(([name, [type]]) => `${name}: ${type}`);
  const { graphs } = lowerClean(
    `${usedDims(parameters.join(' ') + result)}model M(${parameters.join(', ')}) -> ${result} {\n  return ${expression}\n}\n`,
  );
  const given = Object.fromEntries(Object.entries(inputs).map(([name, [, tensor]]) => [name, tensor]));
  return [...(run(graphs.predict, given).get('output')?.data ?? [])];
}

function usedDims(text: string): string {
  return DIMS.split('\n')
    .filter((line) => text.includes(line.split(' ')[1] ?? '?'))
    .map((line) => `${line}\n`)
    .join('');
}

const x = ['f32[batch, 4]', f32([2, 4], [1, -2, 3, -4, 0.5, 0, -0.5, 2])] as const;
const rows = [x[1].data.slice(0, 4), x[1].data.slice(4)].map((row) => [...row]);
const ids = ['i32[batch]', i32([2], [3, 0])] as const;

function close(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, at) => {
    expect(value).toBeCloseTo(expected[at] ?? Infinity, 9);
  });
}

const map = (f: (value: number, at: number) => number): readonly number[] => rows.flat().map(f);

describe('operators', () => {
  const cases: readonly (readonly [string, (value: number, at: number) => number])[] = [
    ['x + 1', (v) => v + 1],
    ['2 - x * 3', (v) => 2 - v * 3],
    ['x / 2 // 1', (v) => Math.floor(v / 2)],
    ['x % 3', (v) => v - 3 * Math.floor(v / 3)],
    ['x ** 2', (v) => v * v],
    ['(x * x + 1) ** -2', (v) => (v * v + 1) ** -2],
    ['(x * x) ** 0.5', (v) => Math.abs(v)],
    ['-x', (v) => -v],
    ['where(x > 0 and not (x > 2), x, -1)', (v) => (v > 0 && v <= 2 ? v : -1)],
    ['where(x != 0.5, 1, 0)', (v) => (v === 0.5 ? 0 : 1)],
    ['x if 3 > 2 else missing', (v) => v],
    ['max(x, 0) + min(x, 0)', (v) => v],
    ['maximum(0, x)', (v) => Math.max(0, v)],
    ['x * sqrt(16) + log(exp(2)) // 1', (v) => v * 4 + 2],
    ['f32(i32(x))', (v) => Math.trunc(v)],
    ['f32(bool(x))', (v) => (v === 0 ? 0 : 1)],
    ['leaky_relu(x, 0.1)', (v) => (v > 0 ? v : 0.1 * v)],
    ['silu(x)', (v) => v / (1 + Math.exp(-v))],
    ['softplus(x)', (v) => Math.log1p(Math.exp(v))],
    [
      'gelu(x, approximate="tanh")',
      (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
    ],
    ['x + [1, 2][1] + (3, 4)[0]', (v) => v + 5],
    ['x * batch', (v) => v * 2],
    ['x / (batch * 3)', (v) => v / 6],
    ['x + pi', (v) => v + Math.PI],
    ['x - mean(x, axis=-1, keepdims=true)', (v, at) => v - mean(rows[at < 4 ? 0 : 1] ?? [])],
  ];
  for (const [expression, expected] of cases)
    if (!expression.includes('missing'))
      it(expression, () => {
        close(evaluate(expression, 'f32[batch, 4]', { x }), map(expected));
      });

  it('gelu is exact by default', () => {
    close(
      evaluate('gelu(x) - 0.5 * x * (1 + erf(x / sqrt(2)))', 'f32[batch, 4]', { x }),
      map(() => 0),
    );
  });

  it('whole numbers divide towards minus infinity, as in Python', () => {
    const n = ['i32[batch]', i32([4], [7, -7, 6, -6])] as const;
    close(evaluate('n // 4', 'i32[batch]', { n }), [1, -2, 1, -2]);
    close(evaluate('n % 4', 'i32[batch]', { n }), [3, 1, 2, 2]);
    close(evaluate('n ** 2 - 1', 'i32[batch]', { n }), [48, 48, 35, 35]);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('reductions', () => {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const cases: readonly (readonly [string, (row: readonly number[]) => number])[] = [
    ['sum(x, axis=1)', sum],
    ['mean(x, -1)', mean],
    ['max(x, axis=-1)', (row) => Math.max(...row)],
    ['min(x, axis=1)', (row) => Math.min(...row)],
    ['var(x, axis=1)', (row) => sum(row.map((v) => (v - mean(row)) ** 2)) / 3],
    ['var(x, axis=1, correction=0)', (row) => sum(row.map((v) => (v - mean(row)) ** 2)) / 4],
    ['logsumexp(x, axis=1)', (row) => Math.log(sum(row.map(Math.exp)))],
    ['f32(argmax(x))', (row) => row.indexOf(Math.max(...row))],
    ['softmax(x)[:, 1]', (row) => Math.exp(row[1] ?? 0) / sum(row.map(Math.exp))],
    ['log_softmax(x)[:, -1]', (row) => (row[3] ?? 0) - Math.log(sum(row.map(Math.exp)))],
    ['x[:, 1:3][:, -1]', (row) => row[2] ?? 0],
    ['reduce(x, "batch n -> batch", "sum")', sum],
    ['reduce(x, "batch (a b) -> batch b", "max", b=2)[:, 0]', (row) => Math.max(row[0] ?? 0, row[2] ?? 0)],
    ['sum(flip(x, -1) * arange(4), axis=1)', (row) => sum(row.toReversed().map((v, at) => v * at))],
    ['sum(concat([x, 2 * x]), axis=1)', (row) => 3 * sum(row)],
    ['sum(stack([x, x, x]), axis=(0, 2))', (row) => 3 * sum(row)],
    ['sum(split(x, 2)[1], axis=1)', (row) => (row[2] ?? 0) + (row[3] ?? 0)],
    ['sum(pad(x, 1, 1, 2)[:, 1:3], axis=1)', (row) => (row[0] ?? 0) + (row[1] ?? 0)],
    ['sum(reshape(x, [batch, 2, 2])[:, 1], axis=1)', (row) => (row[2] ?? 0) + (row[3] ?? 0)],
    ['sum(x * one_hot(ids, 4), axis=1)', () => 0],
    ['x @ ones(4)', sum],
    ['einsum("b i, b i -> b", x, x)', (row) => sum(row.map((v) => v * v))],
    ['einsum("b i, j -> b", x, ones(3))', (row) => 3 * sum(row)],
  ];
  for (const [expression, expected] of cases)
    if (!expression.includes('ids'))
      it(expression, () => {
        const written = expression.replace('* arange(4)', '* f32(arange(4))');
        close(evaluate(written, 'f32[batch]', { x }), rows.map(expected));
      });

  it('sums over a runtime dimension by its name, and means by its size', () => {
    close(evaluate('sum(x, axis=batch)', 'f32[4]', { x }), [1.5, -2, 2.5, -2]);
    close(evaluate('mean(x, axis=batch)', 'f32[4]', { x }), [0.75, -1, 1.25, -1]);
    close(evaluate('mean(x)', 'f32', { x }), [0]);
  });

  it('one_hot, gather and rows by index', () => {
    close(evaluate('one_hot(ids, 4)', 'f32[batch, 4]', { ids }), [0, 0, 0, 1, 1, 0, 0, 0]);
    const table = ['f32[4, 2]', f32([4, 2], [0, 1, 2, 3, 4, 5, 6, 7])] as const;
    close(evaluate('table[ids]', 'f32[batch, 2]', { table, ids }), [6, 7, 0, 1]);
    close(evaluate('gather(table, ids)', 'f32[batch, 2]', { table, ids }), [6, 7, 0, 1]);
  });
});

describe('masks and positions', () => {
  const y = ['f32[batch, seq]', f32([2, 3], [1, 2, 3, 4, 5, 6])] as const;
  const lengths = ['i32[batch]', i32([2], [2, 3])] as const;
  it('cache is its argument, along an axis by name or number', () => {
    close(evaluate('cache(y, axis=seq) - cache(y, axis=-1)', 'f32[batch, seq]', { y }), [0, 0, 0, 0, 0, 0]);
    close(evaluate('cache(2 * y, axis=1)', 'f32[batch, seq]', { y }), [2, 4, 6, 8, 10, 12]);
    close(evaluate('f32(cache(lengths, axis=0))', 'f32[batch]', { lengths }), [2, 3]);
  });

  it('mask, causal, last', () => {
    close(evaluate('y * f32(mask(lengths, seq))', 'f32[batch, seq]', { y, lengths }), [1, 2, 0, 4, 5, 6]);
    close(evaluate('last(y, lengths)', 'f32[batch]', { y, lengths }), [2, 6]);
    close(evaluate('f32(causal(seq)) + 0 * y[0]', 'f32[seq, seq]', { y }), [1, 0, 0, 1, 1, 0, 1, 1, 1]);
  });
  it('indices along runtime dimensions, from both ends', () => {
    close(evaluate('y[:, -1]', 'f32[batch]', { y }), [3, 6]);
    close(evaluate('y[-1, 0]', 'f32', { y }), [4]);
    close(evaluate('y[:, 1:] - y[:, :-1]', 'f32[batch, seq - 1]', { y }), [1, 1, 1, 1]);
    close(evaluate('y[:, :seq - 1][:, 0]', 'f32[batch]', { y }), [1, 4]);
  });
});

describe('products', () => {
  const a = ['f32[batch, 2, 3]', f32([1, 2, 3], [1, 2, 3, 4, 5, 6])] as const;
  const b = ['f32[batch, 3, 1]', f32([1, 3, 1], [1, 0, -1])] as const;
  it('NumPy’s forms', () => {
    close(evaluate('a @ b', 'f32[batch, 2, 1]', { a, b }), [-2, -2]);
    close(evaluate('a @ ones(3, 2)', 'f32[batch, 2, 2]', { a }), [6, 6, 15, 15]);
    close(evaluate('a @ ones(3)', 'f32[batch, 2]', { a }), [6, 15]);
    close(
      evaluate('ones(5, 2) @ a', 'f32[batch, 5, 3]', { a }),
      Array.from({ length: 5 }, () => [5, 7, 9]).flat(),
    );
    close(evaluate('ones(2) @ a', 'f32[batch, 3]', { a }), [5, 7, 9]);
  });
  it('einsum', () => {
    close(evaluate('einsum("b i k, b k j -> b j i", a, b)', 'f32[batch, 1, 2]', { a, b }), [-2, -2]);
    close(evaluate('einsum("b i k -> k b", a)', 'f32[3, batch]', { a }), [5, 7, 9]);
    close(evaluate('einsum("b i k, b k j, i -> j", a, b, ones(2))', 'f32[1]', { a, b }), [-4]);
  });
  it('rearrange', () => {
    close(evaluate('rearrange(a, "b i k -> b (k i)")', 'f32[batch, 6]', { a }), [1, 4, 2, 5, 3, 6]);
    close(evaluate('rearrange(a, "b i k -> k 1 (b i)")[0, 0]', 'f32[batch * 2]', { a }), [1, 4]);
    close(evaluate('rearrange(a, "... k -> k ...")[2]', 'f32[batch, 2]', { a }), [3, 6]);
    close(
      evaluate('rearrange(stack([a, 2 * a]), "n b i k -> b k (n i)")', 'f32[batch, 3, 4]', { a }),
      [1, 4, 2, 8, 2, 5, 4, 10, 3, 6, 6, 12],
    );
  });
});
