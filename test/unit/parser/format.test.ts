/** The formatter: the same meaning, the same comments, and nothing more to do the second time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reporter } from '../../../src/diagnostics/diagnostic.ts';
import { formatSource, withoutPlaces } from '../../../src/parser/format.ts';
import { parseSource } from '../../../src/parser/index.ts';
import { classifier, everything, lstmCell } from './programs.ts';

function format(text: string): string {
  const reporter = new Reporter();
  const result = formatSource(text, 'x.lm', reporter);
  expect(reporter.diagnostics).toEqual([]);
  return result ?? '';
}

function meaning(text: string): string {
  return withoutPlaces(parseSource(text, 'x.lm', new Reporter()));
}

function comments(text: string): readonly string[] {
  return text.match(/#.*/g)?.map((comment) => comment.trimEnd()) ?? [];
}

describe('formatting', () => {
  it.each([
    ['spaces', 'dim   seq<=2*n', 'dim seq <= 2*n\n'],
    ['one side', 'dim seq <= 2 *n', 'dim seq <= 2 * n\n'],
    ['signs', 'config {\n a = - 1\n b = 2 - - 1\n c = x ** -2\n}', 'config {\n  a = -1\n  b = 2 - -1\n  c = x ** -2\n}\n'],
    ['uses', 'config {\na = f ( x , lr = 1e-3 ) [ 1 : 2 , : ] . T\n}', 'config {\n  a = f(x, lr=1e-3)[1:2, :].T\n}\n'],
    ['lists', 'config {\na = [ 1,2 ]\nb = -[1]\nc = not (a)\n}', 'config {\n  a = [1, 2]\n  b = -[1]\n  c = not (a)\n}\n'],
    ['blank lines', '\n\ndim a\n\n\n\ndim b\n\n', 'dim a\n\ndim b\n'],
    ['edges', 'config {\n\n  a = 1\n\n}', 'config {\n  a = 1\n}\n'],
    ['alignment that is there', 'config {\n  a   = 1\n  bcd = 2\n}', 'config {\n  a   = 1\n  bcd = 2\n}\n'],
    ['alignment that is none', 'config {\n  a   = 1\n  bcd  = 2\n}', 'config {\n  a = 1\n  bcd = 2\n}\n'],
    ['comments', '#!a\nconfig{#b\n#c\na = 1 # d\n#e\n}\n#f', '#!a\nconfig {  #b\n  #c\n  a = 1  # d\n  #e\n}\n#f\n'],
    ['strings', 'config {\na = "x{ n+1 }y"\n}', 'config {\n  a = "x{n+1}y"\n}\n'],
    ['line ends', 'dim a\r\ndim b', 'dim a\ndim b\n'],
    ['continuations', 'config {\na = x\n| y\n| z{\n1,\n}\nb = f(\n1,\n)\n}', 'config {\n  a = x\n    | y\n    | z{\n      1,\n    }\n  b = f(\n    1,\n  )\n}\n'],
    ['nothing', '', ''],
  ])('%s', (_, text, expected) => {
    expect(format(text)).toBe(expected);
  }); // prettier-ignore

  it('leaves the programs of the description as they are', () => {
    expect(format(classifier)).toBe(classifier);
    expect(format(lstmCell)).toBe(lstmCell);
  });

  it('keeps meaning and comments, and is done after one time, whatever the blanks were', () => {
    const noise = fc.array(fc.tuple(fc.nat(), fc.constantFrom('', ' ', '   ', '\t', ' # note\n', '\n')), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.constantFrom(classifier, lstmCell, everything), noise, (program, edits) => {
        let text = program;
        for (const [at, blank] of edits) {
          const places = [...text.matchAll(/(?<=[\s,(){}[\]]) |\n/g)];
          const place = places[at % places.length];
          if (place !== undefined) text = text.slice(0, place.index) + blank + text.slice(place.index);
        }
        const reporter = new Reporter();
        parseSource(text, 'x.lm', reporter);
        fc.pre(!reporter.hasErrors);
        const once = format(text);
        expect(meaning(once)).toBe(meaning(text));
        expect(comments(once)).toEqual(comments(text));
        expect(format(once)).toBe(once);
      }),
      { numRuns: 200 },
    );
  });
});
