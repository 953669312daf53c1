/** An evaluation for people: its figures, and a table by class where the task counts classes. */
import type { Dataset } from './data/dataset.ts';
import { scoresOf, type Evaluation, type TextPair } from './evaluate.ts';
import { scoreClasses, scoreSpanClasses, type ClassScores } from './metrics.ts';
import type { PlanTask } from './plan.ts';

/** `test: 180 examples, loss 0.1023, accuracy 0.9611`, and the table of the first metric that has counts. */
export function printEvaluation(
  evaluation: Evaluation,
  task: PlanTask,
  dataset: Pick<Dataset, 'labels'>,
): string {
  const { split, rows, loss } = evaluation;
  const figures = [...scoresOf(evaluation, task, dataset.labels)].map(
    ([name, value]) => `, ${name} ${value.toFixed(4)}`,
  );
  const line = `${split}: ${rows} examples, loss ${loss.toFixed(4)}${figures.join('')}\n`;
  const classes = classScoresOf(evaluation, dataset);
  const texts = printTexts(evaluation.texts?.rows ?? []);
  return classes.length === 0 ? `${line}${texts}` : `${line}\n${printClasses(classes)}${texts}`;
}

/** Samples that are shown. */
const shownTexts = 10;

/** The first texts that are wrong, or right ones where there are not so many. */
function printTexts(rows: readonly TextPair[]): string {
  if (rows.length === 0) return '';
  const wrong = rows.filter(({ reference, hypothesis }) => reference !== hypothesis);
  const right = rows.filter(({ reference, hypothesis }) => reference === hypothesis);
  const shown = [...wrong, ...right].slice(0, shownTexts);
  const width = Math.max(9, ...shown.map(({ reference }) => printable(reference).length));
  const lines = shown.map(({ reference, hypothesis }) => {
    const mark = reference === hypothesis ? '' : '   *';
    return `${printable(reference).padEnd(width)}  ${printable(hypothesis)}${mark}\n`;
  });
  return `\n${wrong.length} of ${rows.length} texts differ from the reference (*)\n\n${'reference'.padEnd(width)}  heard\n${lines.join('')}`;
}

/** Of the first metric that counts spans, else of the first that has counts; all of them count the same. Empty where none does. */
export function classScoresOf(
  { counts, spans }: Evaluation,
  { labels }: Pick<Dataset, 'labels'>,
): readonly ClassScores[] {
  const [first] = counts.values();
  const [firstSpans] = spans.values();
  if (firstSpans !== undefined) return scoreSpanClasses(firstSpans);
  return first === undefined ? [] : scoreClasses(first, labels);
}

function printClasses(classes: readonly ClassScores[]): string {
  return alignTable([
    ['class', 'precision', 'recall', 'f1', 'examples', 'predicted'],
    ...classes.map(({ label, precision, recall, f1, actual, predicted }) => [
      printable(label),
      precision.toFixed(4),
      recall.toFixed(4),
      f1.toFixed(4),
      String(actual),
      String(predicted),
    ]),
  ]);
}

/** Columns of equal width; the first to the left, the others to the right. */
export function alignTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Labels and texts are anyone's: no control characters on a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/\p{C}/gu, '?');
}
