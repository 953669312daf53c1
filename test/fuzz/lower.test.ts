/**
 * Whatever the program is: diagnostics or graphs that hold, never an exception, and never long. Programs that parse,
 * with tokens exchanged for others of the language, reach further than broken text. LMC_FUZZ=N runs N cases.
 */
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/diagnostics/catalogue/index.ts';
import { lowerText } from '../unit/lower/support.ts';

const numRuns = Number(process.env['LMC_FUZZ'] ?? 150);

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const classifier = read('models/text_classifier.lm')
  .replace('20000', '50')
  .replaceAll(/= (128|256)$/gm, '= 4');
const library = read('src/std/nn.lm');
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
const programs = [classifier, shapes, shapes, library];
const words = [
  ...new Set(programs.flatMap((text) => text.match(/[A-Za-z_]\w*|\d[\d.e-]*|"[^"\n]*"|[^\s\w]/g) ?? [])),
];
const pieces = [...words, '0', '-1', '1e9', '99999999999', '1.5', 'none', 'true', '...', '"a b -> b a"'];

/** A program whose words are exchanged at a few places: most of the results parse. */
const exchanged = fc
  .tuple(
    fc.constantFrom(...programs),
    fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.constantFrom(...pieces)), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([program, edits]) => {
    const tokens = program.match(/\s+|[A-Za-z_]\w*|\d[\d.e-]*|"[^"\n]*"|[^\s\w]/g) ?? [];
    const places = tokens.flatMap((token, at) => (/\S/.test(token) ? [at] : []));
    for (const [where, piece] of edits) {
      const at = places[Math.floor(where * places.length)];
      if (at !== undefined) tokens[at] = piece;
    }
    return tokens.join('');
  });

function expectDiagnosticsOnly(text: string): void {
  const before = performance.now();
  // Graphs that come out are verified in there.
  const { model, diagnostics } = lowerText(text);
  expect(performance.now() - before).toBeLessThan(5000);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (model === undefined && text.includes('model ')) expect(errors.length).toBeGreaterThan(0);
  for (const { code, message, notes } of diagnostics) {
    expect(catalogue.has(code)).toBe(true);
    for (const sentence of [message, ...notes.map((note) => note.message)])
      expect(sentence).not.toMatch(/undefined|\[object|NaN/);
  }
}

describe('lowering', () => {
  it('the programs of this test are good', () => {
    for (const text of [classifier, shapes]) expect(lowerText(text).diagnostics).toEqual([]);
  });
  it('takes programs with exchanged words', () => {
    fc.assert(fc.property(exchanged, expectDiagnosticsOnly), { numRuns });
  }, 600_000);
  it('ends for programs that grow without end', () => {
    for (const text of [
      'dim batch\nmodel M(x: f32[batch]) -> f32[batch] {\n  return repeat 4000 carry (y = x) { next (y = repeat 4000 carry (z = y) { next (z = z + 1) }) }\n}\n',
      'dim batch\nblock A{n}(x: f32[...]) -> f32[...] { return A{n}(A{n}(x)) }\nmodel M(x: f32[batch]) -> f32[batch] { return A{1}(x) }\n',
      `dim batch\nmodel M(x: f32[batch, 9]) -> f32[batch] {\n  return sum(${'['.repeat(300)}x${']'.repeat(300)})\n}\n`,
    ])
      expectDiagnosticsOnly(text);
  }, 60_000);
});
