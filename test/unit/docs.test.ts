/** Every program text of the documents parses, and is formatted. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Reporter } from '../../src/diagnostics/diagnostic.ts';
import { lowerProgram, type SourceHost } from '../../src/lower/index.ts';
import { formatSource } from '../../src/parser/format.ts';

const root = path.resolve(import.meta.dirname, '../..');
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  ...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

/** `lm` is a file, `lm body` a list of statements. */
const examples = documents.flatMap((name) =>
  [...readFileSync(path.join(root, name), 'utf8').matchAll(/^```lm( body)?\n([\s\S]*?)^```/gm)].map(
    ([, body, text = ''], index) => ({ name: `${name} ${index + 1}`, isBody: body !== undefined, text }),
  ),
);

it('there are examples', () => {
  expect(examples.length).toBeGreaterThan(15);
});

describe('whole programs', () => {
  const programs = examples.filter(({ text }) => /^model /m.test(text) && /^import nn$/m.test(text));
  it('there are some', () => {
    expect(programs.length).toBeGreaterThan(0);
  });
  it.each(programs)('$name is right', ({ text }) => {
    const reporter = new Reporter();
    const host: SourceHost = {
      readFile: () => text,
      readLibrary: (name) => readFileSync(path.join(root, `src/std/${name}.lm`), 'utf8'),
      resolve: (_, target) => target,
    };
    lowerProgram('example.lm', host, { set: new Map(), task: new Map() }, reporter);
    expect(reporter.diagnostics).toEqual([]);
  });
});

describe('examples', () => {
  it.each(examples)('$name', ({ text, isBody }) => {
    const indented = text.replaceAll(/^(?=.)/gm, '  ');
    const whole = isBody ? `block Example(x: f32[n]) {\n${indented}}\n` : text;
    const reporter = new Reporter();
    expect(formatSource(whole, 'example.lm', reporter)).toBe(whole);
    expect(reporter.diagnostics).toEqual([]);
  });
});
