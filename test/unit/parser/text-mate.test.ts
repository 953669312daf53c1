/** The grammar for editors: its expressions are valid, and it knows every word of the language. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { words } from '../../../src/parser/tokens.ts';

const file = path.resolve(import.meta.dirname, '../../../grammar/lm.tmLanguage.json');
const text = readFileSync(file, 'utf8');

function patternsOf(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    ['match', 'begin', 'end'].includes(key) && typeof value === 'string' ? [value] : patternsOf(value),
  );
}

describe('the TextMate grammar', () => {
  const patterns = patternsOf(JSON.parse(text)).map((pattern) => new RegExp(pattern, 'gm'));

  it.each(Object.values(words).flatMap((group) => group.map(({ PATTERN }) => String(PATTERN))))(
    'knows `%s`',
    (word) => {
      const line = ['config'].includes(word) ? `${word} {` : `${word} name: f32`;
      expect(
        patterns.some((pattern) => [...line.matchAll(pattern)].some(([found]) => found.startsWith(word))),
      ).toBe(true);
    },
  );

  it('includes nothing that it does not define', () => {
    const { repository } = JSON.parse(text) as { repository: Record<string, unknown> };
    for (const [, name = ''] of text.matchAll(/"include": "#(\w+)"/g))
      expect(repository).toHaveProperty(name);
  });
});
