/** A comparison of two runs as tables. */
import { printable } from '../../../runtime/evaluation-text.ts';
import { printTable, type Column } from '../summary/table.ts';
import type { Comparison, Pair } from './compare-runs.ts';
import { formatNumber } from './print-runs.ts';
import type { Run } from './read-run.ts';

/** Characters of a setting that are shown. */
const longest = 60;

export function printComparison(a: Run, b: Run, comparison: Comparison): string {
  const { differences, training, validation, figures } = comparison;
  const titles = [printable(a.folder), printable(b.folder)];
  const table = (first: string, align: Column['align'], rows: readonly (readonly string[])[]): string =>
    printTable([{ title: first, align: 'left' }, ...titles.map((title) => ({ title, align }))], rows);
  const settings = differences.map(({ name, a: of, b: other }) => [
    printable(name),
    ...around(of ?? '(none)', other ?? '(none)').map(printable),
  ]);
  const curve = (points: Comparison['training']): readonly (readonly string[])[] =>
    points.map((point) => [String(point.step), ...numbers(point)]);
  return [
    settings.length === 0 ? 'both runs have the same settings' : table('what differs', 'left', settings),
    table('training loss at step', 'right', curve(training)),
    ...(validation.length === 0 ? [] : [table('validation loss at step', 'right', curve(validation))]),
    table(
      'result',
      'right',
      figures.map((figure) => [printable(figure.name), ...numbers(figure)]),
    ),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

function numbers({ name, a, b }: Pair): readonly string[] {
  const isCount = name === 'steps' || name === 'parameters' || name.endsWith(': step');
  return [a, b].map((value) =>
    value === undefined
      ? ''
      : isCount
        ? value.toLocaleString('en')
        : name.includes('/s')
          ? value.toFixed(0)
          : formatNumber(value),
  );
}

/** Of two long texts, the parts around the first character in which they differ. */
function around(a: string, b: string): readonly [string, string] {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const start = Math.max(a.length, b.length) <= longest ? 0 : Math.max(0, same - 20);
  const cut = (text: string): string =>
    `${start > 0 ? '…' : ''}${text.slice(start, start + longest)}${text.length > start + longest ? '…' : ''}`;
  return [cut(a), cut(b)];
}
