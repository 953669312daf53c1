/** The parts of a report below its curves: results by class, samples, gradients, settings. */
import { numberOf, textOf, type LoggedEvent } from '../run-history/read-log.ts';
import { formatNumber } from '../run-history/print-runs.ts';
import type { Run } from '../run-history/read-run.ts';
import { settingsOf } from '../run-history/compare-runs.ts';
import { html, type Content, type Html } from './html.ts';

export function section(title: string, ...content: readonly Content[]): Html {
  return html`<section>
    <h2>${title}</h2>
    ${content}
  </section> `;
}

export interface Cell {
  readonly content: Content;
  readonly kind?: 'n' | 'text';
}

export function table(head: readonly Cell[], rows: readonly (readonly Cell[])[], name = ''): Html {
  const cell = (tag: 'th' | 'td', { content, kind }: Cell): Html =>
    tag === 'th'
      ? html`<th class="${kind ?? ''}">${content}</th>`
      : html`<td class="${kind ?? ''}">${content}</td>`;
  return html`<div class="scroll">
    <table class="${name}">
      <thead>
        <tr>
          ${head.map((each) => cell('th', each))}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((each) => cell('td', each))}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

const number = (content: Content): Cell => ({ content, kind: 'n' });

/** Of the test, where its event has classes. */
export function classSection({ log }: Run): Html {
  const event = log.events.findLast(({ event: name, classes }) => name === 'eval' && Array.isArray(classes));
  const classes = listOf(event?.['classes']);
  if (classes.length === 0) return html``;
  const head = ['precision', 'recall', 'F1', 'examples', 'predicted'].map(number);
  const rows = classes.map((each) => [
    { content: textOf(each['label']) },
    ...['precision', 'recall', 'f1'].map((score) => number(numberOf(each[score]).toFixed(4))),
    ...['actual', 'predicted'].map((count) => number(numberOf(each[count]).toLocaleString('en'))),
  ]);
  return section(`By class, ${textOf(event?.['split'])} part`, table([{ content: 'class' }, ...head], rows));
}

export function confusionSection({ log }: Run): Html {
  const event = log.events.findLast(({ event: name }) => name === 'classified');
  const labels = stringsOf(event?.['labels']);
  const confusion = Array.isArray(event?.['confusion']) ? event['confusion'].map(numbersOf) : [];
  if (confusion.length === 0) return html``;
  const rows = confusion.map((counts, actual) => {
    const sum = counts.reduce((total, count) => total + count, 0);
    const cells = counts.map((count, predicted) => {
      const share = sum === 0 ? 0 : count / sum;
      const title = `${count} of ${sum} ${labels[actual] ?? ''} were taken for ${labels[predicted] ?? ''}`;
      return html`<td style="--share:${(0.75 * share).toFixed(3)}" title="${title}">${count}</td>`;
    });
    return html`<tr>
      <th class="row">${labels[actual] ?? ''}</th>
      ${cells}
    </tr> `;
  });
  const rowsText = numberOf(event?.['rows']).toLocaleString('en');
  return section(
    'Confusion matrix',
    html`<p class="soft">
        ${rowsText} rows of the ${textOf(event?.['split'])} part. A row is the true class, a column what the
        model says; the shade is the share of the row.
      </p>
      <div class="scroll">
        <table class="matrix">
          <thead>
            <tr>
              <th></th>
              ${labels.map((label) => html`<th>${label}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows}
          </tbody>
        </table>
      </div>`,
  );
}

export function sampleSection({ log }: Run): Html {
  const classified = listOf(log.events.findLast(({ event }) => event === 'classified')?.['samples']);
  const texts = listOf(log.events.findLast(({ event }) => event === 'texts')?.['texts']);
  const parts: Html[] = [];
  if (classified.length > 0) {
    const rows = classified.map((row) => {
      const [actual, predicted] = [textOf(row['actual']), textOf(row['predicted'])];
      return [
        { content: textOf(row['text']), kind: 'text' as const },
        { content: actual },
        { content: actual === predicted ? predicted : html`<span class="wrong">${predicted}</span>` },
        number(numberOf(row['probability']).toFixed(3)),
      ];
    });
    const head = [{ content: 'text' }, { content: 'true' }, { content: 'predicted' }, number('probability')];
    parts.push(
      html`<p class="soft">
        Wrong ones first, the surest at the top; then right ones, the least sure at the top.
      </p>`,
      table(head, rows, 'wide'),
    );
  }
  if (texts.length > 0) {
    const rows = texts.map((row) => {
      const [reference, hypothesis] = [textOf(row['reference']), textOf(row['hypothesis'])];
      const shown = reference === hypothesis ? hypothesis : html`<span class="wrong">${hypothesis}</span>`;
      return [reference, shown].map((content) => ({ content, kind: 'text' as const }));
    });
    parts.push(table([{ content: 'reference' }, { content: 'read' }], rows, 'wide'));
  }
  return parts.length === 0 ? html`` : section('Samples', parts);
}

/** Of the last look at the gradients. */
export function gradientSection({ log }: Run): Html {
  const event = log.events.findLast(({ event: name }) => name === 'gradients');
  const parameters = listOf(event?.['parameters']);
  if (parameters.length === 0) return html``;
  const head = ['norm', 'least', 'greatest', 'zeros'].map(number);
  const rows = parameters.map((parameter) => {
    const elements = numberOf(parameter['elements']);
    const zeros = elements === 0 ? 0 : numberOf(parameter['zeros']) / elements;
    return [
      { content: textOf(parameter['name']), kind: 'text' as const },
      ...['norm', 'min', 'max'].map((name) => number(formatSmall(numberOf(parameter[name])))),
      number(`${(100 * zeros).toFixed(0)} %`),
      { content: drawHistogram(parameter['histogram']) },
    ];
  });
  return section(
    `Gradients at step ${numberOf(event?.['step'])}`,
    html`<p class="soft">
      Before clipping. The histogram counts elements by half decades, negative ones on the left.
    </p>`,
    table([{ content: 'parameter' }, ...head, { content: 'histogram' }], rows, 'wide'),
  );
}

function drawHistogram(value: unknown): Html {
  const counts = numbersOf(listOf([value])[0]?.['counts']);
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, at) => {
    const height = (22 * count) / most;
    return height === 0
      ? ''
      : html`<rect
          class="c1"
          x="${at * 3}"
          y="${(22 - height).toFixed(1)}"
          width="2.4"
          height="${height.toFixed(1)}"
        />`;
  });
  return html`<svg viewBox="0 0 ${Math.max(60, counts.length * 3)} 22" style="width:160px" aria-hidden="true">
    ${bars}
  </svg>`;
}

export function settingSection(run: Run): Html {
  const rows = [...settingsOf(run)].map(([name, value]) => [
    { content: name },
    { content: value, kind: 'text' as const },
  ]);
  return section('Settings', table([{ content: 'setting' }, { content: 'value' }], rows, 'wide'));
}

function formatSmall(value: number): string {
  return Number.isFinite(value) ? value.toExponential(2) : formatNumber(value);
}

function listOf(value: unknown): readonly LoggedEvent[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each) => typeof each === 'object' && each !== null);
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : [];
}

function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(numberOf) : [];
}
