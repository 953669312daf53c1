/** Every diagnostic is explained, and shown by a golden test. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue, explain } from '../../../src/diagnostics/catalogue/index.ts';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { parseSource } from '../../../src/parser/index.ts';

const golden = path.resolve(import.meta.dirname, '../../golden');
const shown = new Set(
  readdirSync(golden, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.expect'))
    .flatMap((file) => readFileSync(path.join(golden, file), 'utf8').match(/LM\d{4}/g) ?? []),
);
/**
 * Without one: texts that are too long for a file (test/fuzz/parser.test.ts has them), a file that the command itself
 * does not find, and what an op refuses after every check before it.
 */
const elsewhere = new Set(['LM0112', 'LM0113', 'LM0206', 'LM0311']);

describe.each([...catalogue.values()])('$code', ({ code, explanation }) => {
  it('is explained by a rule, what is wrong and what is right', () => {
    const [rule = '', ...rest] = explanation.split(/\n\n(?=wrong:|right:)/);
    expect(rule.length).toBeGreaterThan(20);
    // An example can be missing where the message says all; where there is one, it is right in the end.
    const titles = rest.map((part) => part.split('\n')[0]);
    if (code.startsWith('LM01') || titles.length > 0) expect(titles).toEqual(['wrong:', 'right:']);
    for (const line of rest.flatMap((part) => part.split('\n').slice(1))) expect(line).toMatch(/^(?: {4}|$)/);
    expect(explain(code.toLowerCase())).toBe(explanation);
  });

  it.skipIf(elsewhere.has(code))('has a golden test', () => {
    expect(shown).toContain(code);
  });
});

/** Codes whose example is no program text, or whose right side cannot stand alone. */
const noProgram = new Set(['LM0112', 'LM0113']);

describe('examples of syntax', () => {
  const wrap = (text: string, code: string): string =>
    code === 'LM0119' || /^(?:model|block|task|config|dim|import)\b/.test(text)
      ? text
      : `block Example(x: f32[n]) {\n${text}\n}\n`;
  const syntax = [...catalogue.values()].filter(
    ({ code }) => code.startsWith('LM01') && !noProgram.has(code),
  );

  it.each(syntax)('$code: the wrong one gives the code, the right one nothing', ({ code, explanation }) => {
    const [, wrong = '', right = ''] = explanation
      .split(/\n\n(?:wrong|right):\n/)
      .map((part) => part.replaceAll(/^ {4}/gm, ''));
    const codes = (text: string): readonly string[] => {
      const reporter = new Reporter();
      parseSource(wrap(text, code), 'x.lm', reporter);
      return reporter.diagnostics.map((diagnostic) => diagnostic.code);
    };
    expect(codes(right)).toEqual([]);
    if (!wrong.includes('…')) expect(codes(wrong)).toContain(code);
  });
});
