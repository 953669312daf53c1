/** How diagnostics look on a terminal. */
import { describe, expect, it } from 'vitest';
import { help, note } from '../../../src/diagnostics/define.ts';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.ts';
import { diagnosticToJson } from '../../../src/diagnostics/json.ts';
import { renderDiagnostics } from '../../../src/diagnostics/render.ts';
import { SourceText } from '../../../src/parser/source-text.ts';

function error(text: string, start: number, end: number, notes: Diagnostic['notes'] = []): Diagnostic {
  const span = new SourceText(text, 'a.lm').span(start, end);
  return { code: 'LM0101', severity: 'error', span, message: 'it is wrong', notes };
}

function render(text: string, diagnostics: readonly Diagnostic[], options = {}): readonly string[] {
  return renderDiagnostics(diagnostics, {
    readFile: () => text,
    color: false,
    columns: 60,
    ...options,
  }).split('\n');
}

describe('rendering', () => {
  it('marks the place, the second place, and says what to do', () => {
    const text = 'dim a\ndim b <= 3\n';
    const second = new SourceText(text, 'a.lm').span(4, 5);
    expect(render(text, [error(text, 10, 11, [note('here, too', second), help('change it')])])).toEqual([
      'error[LM0101]: it is wrong',
      ' --> a.lm:2:5',
      '  |',
      '2 | dim b <= 3',
      '  |     ^',
      'note: here, too',
      ' --> a.lm:1:5',
      '  |',
      '1 | dim a',
      '  |     -',
      'help: change it',
      '',
      '1 error',
      '',
    ]);
  });

  it('keeps the mark under its text after tabs and wide characters', () => {
    const [, , , line, mark] = render('\t"漢字" x', [error('\t"漢字" x', 6, 7)]);
    expect(line).toBe('1 | \t"漢字" x');
    expect(mark).toBe('  | \t       ^');
  });

  it('marks a part of several lines by its first, and a place at the end of the file', () => {
    expect(render('abc {\n}\n', [error('abc {\n}\n', 4, 7)])[4]).toBe('  |     ^');
    expect(render('abc', [error('abc', 3, 3)])[4]).toBe('  |    ^');
    expect(render('', [error('', 0, 0)])[4]).toBe('  | ^');
  });

  it('cuts long lines around the place', () => {
    const text = `${'x'.repeat(500)}HERE${'y'.repeat(500)}`;
    const [, , , line = '', mark = ''] = render(text, [error(text, 500, 504)]);
    expect(line.length).toBeLessThanOrEqual(60);
    expect(line.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1)).toBe('HERE');
  });

  it('lets nothing of a file steer the terminal', () => {
    const text = 'a\u001B[31m\u202E\u0007b';
    expect(
      renderDiagnostics([error(text, 0, 1)], { readFile: () => text, color: false, columns: 80 }),
    ).not.toMatch(
      // oxlint-disable-next-line no-control-regex -- they are what is looked for
      /[\u0007\u001B\u202E]/,
    );
  });

  it('does without the text, and colors when it is asked to', () => {
    expect(render('', [error('', 0, 0)], { readFile: () => undefined })).toEqual([
      'error[LM0101]: it is wrong',
      ' --> a.lm:1:1',
      '',
      '1 error',
      '',
    ]);
    expect(render('', [error('', 0, 0)], { color: true })[0]).toBe(
      '\u001B[1;31merror[LM0101]\u001B[0m\u001B[1m: it is wrong\u001B[0m',
    );
  });

  it('counts', () => {
    const one = error('', 0, 0);
    expect(render('', [one, one, { ...one, severity: 'warning' }]).at(-2)).toBe('2 errors, 1 warning');
    expect(renderDiagnostics([], { readFile: () => '', color: false, columns: 80 })).toBe('');
  });
});

it('becomes JSON', () => {
  expect(
    diagnosticToJson(error('abc', 1, 2, [help('do it'), note('there', error('abc', 0, 1).span)])),
  ).toEqual({
    code: 'LM0101',
    severity: 'error',
    message: 'it is wrong',
    file: 'a.lm',
    line: 1,
    column: 2,
    endLine: 1,
    endColumn: 3,
    notes: [
      { kind: 'help', message: 'do it' },
      { kind: 'note', message: 'there', file: 'a.lm', line: 1, column: 1, endLine: 1, endColumn: 2 },
    ],
  });
});
