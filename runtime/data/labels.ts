/** Class names to numbers, and what is wrong with labels. */
import type { TargetBinding } from './binding.ts';
import { failAt, Faults, findNearest, listNames, plural, shorten } from './problem.ts';
import type { Row } from './rows.ts';
import { compareCodePoints } from './vocabulary.ts';

/**
 * Of the training part, sorted: whole numbers by their value, names by code point. Throws a RuntimeError where there are
 * more classes than the model tells apart.
 */
export function collectLabels(
  rows: readonly Row[],
  classes: number | undefined,
  file: string,
): readonly string[] {
  const counts = new Map<string, number>();
  // A blank label is no class; whoever numbers the rows reports it.
  for (const { label = '' } of rows) if (label !== '') counts.set(label, (counts.get(label) ?? 0) + 1);
  const names = [...counts.keys()];
  const areNumbers = names.every((name) => /^(?:0|[1-9]\d{0,8})$/.test(name));
  names.sort(areNumbers ? (a, b) => Number(a) - Number(b) : compareCodePoints);
  if (classes !== undefined && names.length > classes) {
    // Too many are often as many as there should be, and one that is misspelt.
    const rarest = names.reduce((a, b) => ((counts.get(b) ?? 0) < (counts.get(a) ?? 0) ? b : a));
    const count = counts.get(rarest) ?? 0;
    failAt(
      rows.find(({ label }) => label === rarest)?.place ?? file,
      `label \`${shorten(rarest)}\` (${plural(count, 'row')}) is one of ${names.length} classes, and the model tells ${classes} apart: ${listNames(names, 8)}`,
      names.length > 50
        ? 'is `label` the right column? If it is a number to predict, make the target f32[batch]'
        : `correct the label, or let the model's last layer have ${names.length} outputs`,
    );
  }
  return names;
}

/** The target of each row: a class number, or the number that the file says. Throws a RuntimeError with the line. */
export function numberLabels(
  rows: readonly Row[],
  target: TargetBinding,
  labels: readonly string[],
): readonly number[] {
  return target.kind === 'class' ? classNumbers(rows, labels) : plainNumbers(rows);
}

function classNumbers(rows: readonly Row[], labels: readonly string[]): readonly number[] {
  const numbers = new Map(labels.map((name, number) => [name, number]));
  const firstUnknown = rows.find(({ label }) => !numbers.has(label ?? ''))?.label ?? '';
  const nearest = findNearest(firstUnknown, labels);
  const faults = new Faults(
    nearest === undefined
      ? `the training part has ${listNames(labels)}; with \`split{order=shuffle}\` each part gets rows from everywhere`
      : `did you mean \`${nearest}\`? The training part has ${listNames(labels)}`,
  );
  const result = rows.map(({ label = '', place }) => {
    const number = numbers.get(label);
    if (number === undefined) {
      faults.add(
        place,
        label === '' ? 'the label is blank' : `label \`${shorten(label)}\` is in no row that is trained on`,
      );
    }
    return number ?? 0;
  });
  faults.check();
  return result;
}

function plainNumbers(rows: readonly Row[]): readonly number[] {
  const faults = new Faults('the target is f32, so every label is a number; for classes make it i32[batch]');
  const result = rows.map(({ label = '', place }) => {
    const number = label === '' ? Number.NaN : Number(label);
    if (!Number.isFinite(number)) faults.add(place, `label \`${shorten(label)}\` is not a number`);
    return number;
  });
  faults.check();
  return result;
}

/** `labels of the training part: ham (3860), spam (599)`; says so where the model has outputs for more. */
export function describeLabels(
  labels: readonly string[],
  targets: readonly number[],
  classes: number | undefined,
): string {
  const counts = new Map<number, number>();
  for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  const shown = labels.slice(0, 10).map((name, number) => `${name} (${counts.get(number) ?? 0})`);
  const more =
    labels.length > shown.length ? ` and ${plural(labels.length - shown.length, 'class')} more` : '';
  const spare =
    classes === undefined || labels.length === classes ? '' : `; the model has outputs for ${classes}`;
  return `labels of the training part: ${shown.join(', ')}${more}${spare}`;
}
