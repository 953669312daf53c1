/** Whatever the text is: diagnostics, never an exception, and never long. LMC_FUZZ=N runs N cases instead of 300. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/diagnostics/catalogue/index.ts';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../../src/diagnostics/render.ts';
import { parseExpression, parseSource, printAst } from '../../src/parser/index.ts';
import { classifier, everything, lstmCell } from '../unit/parser/programs.ts';

const numRuns = Number(process.env['LMC_FUZZ'] ?? 300);

function parse(text: string) {
  const reporter = new Reporter();
  const file = parseSource(text, 'x.lm', reporter);
  for (const { code, span, message } of reporter.diagnostics) {
    expect(catalogue.has(code)).toBe(true);
    expect(span.start.offset).toBeGreaterThanOrEqual(0);
    expect(span.end.offset).toBeLessThanOrEqual(text.length);
    expect(span.start.offset).toBeLessThanOrEqual(span.end.offset);
    expect(message).not.toMatch(/undefined|NaN|Token|something else|expected ,/);
  }
  return { file, diagnostics: reporter.diagnostics };
}

function expectDiagnosticsOnly(text: string): void {
  const { file, diagnostics } = parse(text);
  printAst(file);
  renderDiagnostics(diagnostics, { readFile: () => text, color: true, columns: 80 });
  parseExpression(text, 'x.lm', new Reporter());
}

const programs = [classifier, lstmCell, everything];
const pieces = [
  ...new Set(programs.flatMap((text) => text.match(/\w+|\s+|[^\w\s]/g) ?? [])),
  '\0',
  '"',
  '{{',
  '\\',
  '\r',
];

/** A program with a few places cut out, doubled, exchanged or written over. */
const mutated = fc
  .tuple(
    fc.constantFrom(...programs),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat({ max: 30 }),
        insert: fc.oneof(
          fc.constant(''),
          fc.constantFrom(...pieces),
          fc.string({ unit: 'binary', maxLength: 5 }),
        ),
        double: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([program, edits]) =>
    edits.reduce((text, { at, length, insert, double }) => {
      const start = Math.floor(at * text.length);
      const cut = text.slice(start, start + length);
      return text.slice(0, start) + insert + (double ? cut + cut : '') + text.slice(start + length);
    }, program),
  );

describe('the parser', () => {
  it('takes mutated programs', () => {
    fc.assert(fc.property(mutated, expectDiagnosticsOnly), { numRuns });
  });

  it('takes any sequence of the language’s pieces', () => {
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 80 }).map((list) => list.join(''));
    fc.assert(fc.property(text, expectDiagnosticsOnly), { numRuns });
  });

  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectDiagnosticsOnly), { numRuns });
  });

  it('says something of a program from which one bracket is taken', () => {
    for (const program of programs) {
      for (const { index, 0: bracket } of program.matchAll(/[()[\]{}]/g)) {
        const before = program.slice(0, index).split('\n').at(-1) ?? '';
        if (before.includes('#') || before.split('"').length % 2 === 0) continue;
        const { diagnostics } = parse(program.slice(0, index) + program.slice(index + 1));
        expect(diagnostics.length, `${bracket} at ${index}`).toBeGreaterThan(0);
        expect(diagnostics.length, `${bracket} at ${index}`).toBeLessThan(4);
      }
    }
  });
});

describe('hostile text', () => {
  const many = 10_000;
  const body = (expression: string): string => `block B(x: f32[n]) {\n  y = ${expression}\n  return y\n}\n`;
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['parentheses', body('('.repeat(many) + 'x' + ')'.repeat(many)), 'LM0111'],
    ['parentheses left open', body('('.repeat(many)), 'LM0111'],
    ['brackets', body('['.repeat(many) + ']'.repeat(many)), 'LM0111'],
    ['builders', body('A{'.repeat(many) + '}'.repeat(many)), 'LM0111'],
    ['calls', body('f(' .repeat(many) + ')'.repeat(many)), 'LM0111'],
    ['scans', body('scan x over n of x carry (h = 0) { y = '.repeat(many)), 'LM0111'],
    ['closing brackets', body(')'.repeat(many)), 'LM0103'],
    ['braces', '{'.repeat(many), 'LM0111'],
    ['signs', body('-'.repeat(many) + 'x'), 'LM0111'],
    ['nots', body('not '.repeat(many) + 'x'), 'LM0111'],
    ['powers', body('x' + ' ** x'.repeat(many)), 'LM0111'],
    ['sums', body('x' + ' + x'.repeat(many)), 'LM0111'],
    ['choices', body('x' + ' if x else x'.repeat(many)), 'LM0111'],
    ['calls of calls', body('x' + '(x)'.repeat(many)), 'LM0111'],
    ['attributes', body('x' + '.x'.repeat(many)), 'LM0111'],
    ['interpolations', body('"{' .repeat(many) + '}"'.repeat(many)), undefined],
    ['quotes', body('"'.repeat(many)), undefined],
    ['a huge integer', `config {\n  n = ${'9'.repeat(100_000)}\n}\n`, 'LM0110'],
    ['a huge exponent', 'config {\n  n = 1e99999999\n}\n', 'LM0110'],
    ['NUL bytes', '\0'.repeat(many), 'LM0105'],
    ['lone surrogates', '\uD800'.repeat(many), 'LM0105'],
    ['line ends', '\r\n\r\n\n\r'.repeat(many), undefined],
    ['garbage of half a megabyte', 'x = ) } ] 3x “'.repeat(35_000), 'LM0113'],
    ['ten megabytes', 'a'.repeat(10_000_000), 'LM0112'],
    ['a long line', body(`f(${'x, '.repeat(100_000)}x)`), undefined],
    ['a long interpolation', body(`"{f(${'x, '.repeat(150_000)}x)}"`), undefined],
    ['a long string', body(`"${'x'.repeat(400_000)}"`), undefined],
    ['many lines', `block B(x: f32[n]) {\n${'  y = f(x) + 2 * x\n'.repeat(50_000)}  return y\n}\n`, undefined],
  ]; // prettier-ignore
  it.each(cases)('%s', (_, text, code) => {
    const start = performance.now();
    const { file, diagnostics } = parse(text);
    expect(performance.now() - start).toBeLessThan(5_000);
    printAst(file);
    if (code !== undefined) expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    expect(diagnostics.length).toBeLessThan(102);
  });
});
