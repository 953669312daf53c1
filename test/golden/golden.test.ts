/**
 * Golden tests as files: each `test/golden/<area>/<case>.lm` (or `.ir`, a graph as text) that begins with `# run: lmc …` is run in its folder, and
 * what the command wrote, with its exit code, stands in `<case>.expect`. `UPDATE_GOLDEN=1` rewrites the expectations.
 * `FILE` in the command is the case's own file; without it the file comes last.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { check, run } from './check.ts';

const root = import.meta.dirname;
const areas = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .toSorted();

const expectationOf = (name: string): string => name.replace(/\.(lm|ir)$/, '.expect');

for (const area of areas) {
  const folder = path.join(root, area);
  const names = readdirSync(folder)
    .filter((name) => /\.(lm|ir)$/.test(name))
    .toSorted();
  const cases = names.filter((name) => readFileSync(path.join(folder, name), 'utf8').startsWith('# run: '));

  describe(area, () => {
    it.each(cases)('%s', async (name) => {
      const output = await run(folder, name);
      check(output, path.join(folder, expectationOf(name)));
    });

    it('has no expectation without a case', () => {
      const expected = readdirSync(folder).filter((name) => name.endsWith('.expect'));
      expect(expected.filter((name) => !cases.some((each) => expectationOf(each) === name))).toEqual([]);
    });
  });
}

it('sees cases at all', () => {
  expect(areas.length).toBeGreaterThan(0);
});
