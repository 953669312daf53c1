/**
 * Whatever a program says: diagnostics or graphs, never an exception. Mutations exchange whole words for other words of
 * the program, so that most of them parse and reach the checks of names and shapes. LMC_FUZZ=N runs N cases instead of 150.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/diagnostics/catalogue/index.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../src/diagnostics/render.ts';
import { verifyGraph } from '../../src/ir/verify.ts';
import { inferTypes } from '../../src/ops/index.ts';
import { lowerProgram, type SourceHost } from '../../src/lower/index.ts';
import { classifier } from '../unit/parser/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const library = readFileSync(path.join(root, 'src/std/nn.lm'), 'utf8');
const numRuns = Number(process.env['LMC_FUZZ'] ?? 150);

const small = `import nn

config {
  n = 4
  flag = true
}

dim batch
dim seq <= 16

block Cell{size, bias = true}(x: f32[batch, seq, size], lengths: i32[batch] = none) -> (f32[batch, seq, size], f32[batch, size]) {
  param w as "w_{size}": f32[size, size] = uniform{1 / sqrt(size)}
  y, h = scan x_t over seq of x masked lengths carry (h = 0) {
    h = tanh(w @ h + x_t) if bias else sigmoid(h * x_t)
    next (h = h) emit h
  }
  return y, h
}

model M(x: f32[batch, seq, 4], ids: i32[batch, seq], lengths: i32[batch]) -> (f32[batch, 4], f32[batch, 2]) {
  table  = Embedding{10, n}
  cell   = Cell{n}
  layers = repeat 2 as i { Linear{n, n, flag} }
  norm   = LayerNorm{n}
  y, h   = cell(x + table(ids), lengths)
  z, t   = repeat 2 as i carry (t = h) {
    u = layers[i](t)
    next (t = norm(u) + t) emit u ** 2
  }
  pooled = reduce(y, "batch seq d -> batch d", "mean")
  flat   = rearrange(y, "batch seq (heads d) -> batch heads seq d", heads=2)
  scores = einsum("batch heads seq d, batch heads seq d -> batch heads", flat, flat)
  a, b, _ = split(concat([pooled, t, z[0]], axis=-1), 3)
  masked = where(mask(lengths, seq), x[:, :, 0], 0)
  return a + b * dropout{0.1}(pooled) + last(y, lengths), scores + sum(masked, axis=1, keepdims=true)
}

task t for M {
  target labels: i32[batch]
  loss = cross_entropy(output[1], labels) + mean(output[0]) * 0.1
  metric acc = accuracy(output[1], labels)
  optim = adamw{lr=1e-3, betas=(0.9, 0.99)}
  clip_norm = 1.0
  epochs = 2
}
`;

const shapes = `dim batch
dim seq <= 8
block Inner{n, flag = true}(x: f32[..., n], m: f32[...] = none) -> f32[..., n] {
  param w as "w_{n}": f32[n, n] = uniform{0.1}
  return x @ w + (0 if m == none else m) if flag else einsum("i j, k j -> i k", w, w) * 2
}
model M(x: f32[batch, seq, 4], ids: i32[batch, seq], lengths: i32[batch]) -> (f32[batch, 6], f32[batch, seq]) {
  inner = repeat 2 { Inner{4} }
  y = where(mask(lengths, seq), sum(inner(x), axis=-1), 0)
  a, b = split(x, 2)
  z = rearrange(concat([a, b]), "batch seq (p d) -> batch seq d p", p=2)
  outs, h = scan z_t, y_t over seq of z, z[:, :, :, 1] reversed masked lengths carry (h = 0) {
    next (h = tanh(h + z_t[:, 0] * 2 + y_t)) emit mean(h, axis=1)
  }
  k = repeat 3 as i carry (k = h) { next (k = k + i / 3) }
  return concat([stack([h, k], 1)[:, 0], reduce(z, "b s d p -> b (p d)", "max")[:, :4]]), outs * f32(ids) + y
}
task t for M {
  target labels: i32[batch]
  loss   = cross_entropy(output[0], labels, label_smoothing=0.1) + mean(output[1])
  metric f = f1(output[0], labels, class=1)
  optim  = adam{lr=1e-3, betas=(0.9, 0.99)}
}
`;

function host(text: string): SourceHost {
  return {
    readFile: (file) => (file === 'x.lm' ? text : undefined),
    readLibrary: (name) => (name === 'nn' ? library : undefined),
    resolve: (from, target) => path.posix.join(path.posix.dirname(from), target),
  };
}

function check(text: string): Reporter {
  const reporter = new Reporter();
  const options = { set: new Map<string, string>(), task: new Map<string, string>(), batchSize: 4 };
  const lowered = lowerProgram('x.lm', host(text), options, reporter);
  expect(lowered === undefined).toBe(reporter.hasErrors);
  for (const graph of Object.values(lowered?.graphs ?? {}))
    expect(verifyGraph(graph, inferTypes)).toEqual([]);
  for (const { code, message } of reporter.diagnostics) {
    expect(catalogue.has(code)).toBe(true);
    expect(message).not.toMatch(/undefined|NaN|\[object/);
  }
  renderDiagnostics(reporter.diagnostics, { readFile: () => text, color: false, columns: 100 });
  return reporter;
}

const programs = [classifier, small, shapes];
const words = /[A-Za-z_]\w*|\d+(?:\.\d+)?(?:e-?\d+)?|"[^"\n]*"|->|\*\*|\/\/|[^\s\w]/g;

const mutated = fc
  .tuple(
    fc.constantFrom(...programs),
    fc.array(
      fc.record({
        at: fc.nat(),
        from: fc.nat(),
        action: fc.constantFrom('exchange', 'exchange', 'exchange', 'remove', 'line', 'number'),
        number: fc.constantFrom(
          '0',
          '-1',
          '1',
          '2',
          '3',
          '0.5',
          '1e30',
          '4097',
          '9007199254740991',
          'none',
          'true',
          '"x"',
          '(1, 2)',
          'seq',
          'batch',
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([program, edits]) =>
    edits.reduce((text, { at, from, action, number }) => {
      const found = [...text.matchAll(words)];
      const target = found[at % found.length];
      const source = found[from % found.length];
      if (target === undefined || source === undefined) return text;
      const put = (by: string): string =>
        text.slice(0, target.index) + by + text.slice(target.index + target[0].length);
      if (action === 'remove') return put('');
      if (action === 'number') return put(number);
      if (action === 'exchange') return put(source[0]);
      const lines = text.split('\n');
      const [a, b] = [at % lines.length, from % lines.length];
      return lines.map((line, index) => (index === a ? (lines[b] ?? line) : line)).join('\n');
    }, program),
  );

describe('checking', () => {
  it('takes the programs themselves', () => {
    for (const program of programs)
      expect(check(program).diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it(
    'takes mutated programs',
    () => {
      fc.assert(
        fc.property(mutated, (text) => void check(text)),
        { numRuns },
      );
    },
    Math.max(600_000, numRuns * 400),
  );

  it('ends for programs that grow without end', () => {
    for (const text of [
      'dim batch\nmodel M(x: f32[batch]) -> f32[batch] {\n  return repeat 4000 carry (y = x) { next (y = repeat 4000 carry (z = y) { next (z = z + 1) }) }\n}\n',
      'dim batch\nblock A{n}(x: f32[...]) -> f32[...] { return A{n}(A{n}(x)) }\nmodel M(x: f32[batch]) -> f32[batch] { return A{1}(x) }\n',
      `dim batch\nmodel M(x: f32[batch, 9]) -> f32[batch] {\n  return sum(${'['.repeat(300)}x${']'.repeat(300)})\n}\n`,
    ])
      check(text);
  }, 60_000);
});
