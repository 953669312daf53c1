/** A run as one HTML file that needs nothing else: no script, no network, no other file. */
import { formatDuration } from '../../../runtime/node/progress.ts';
import { formatDate, formatEvaluation, formatNumber } from '../run-history/print-runs.ts';
import type { Run } from '../run-history/read-run.ts';
import { drawChart, smooth, type Chart, type Series } from './chart.ts';
import { html, type Html } from './html.ts';
import {
  classSection,
  confusionSection,
  gradientSection,
  sampleSection,
  section,
  settingSection,
} from './sections.ts';
import { style } from './style.ts';

/** `sources`: texts of the program by name. */
export function makeReport(run: Run, sources: ReadonlyMap<string, string>): string {
  const { model, facts } = run;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${model}: ${run.folder}</title>
        <style>
          ${{ html: style }}
        </style>
      </head>
      <body>
        ${header(run)} ${cards(run)}
        ${section('Curves', html`<div class="charts">${charts(run).map(drawChart)}</div>`)}
        ${classSection(run)} ${confusionSection(run)} ${sampleSection(run)} ${gradientSection(run)}
        ${facts === undefined ? '' : section('Compiled', html`<pre>${facts.summary.trimEnd()}</pre>`)}
        ${settingSection(run)}
        ${section(
          'Program',
          [...sources].map(
            ([name, text]) =>
              html`<details>
                <summary>${name}</summary>
                <pre>${text}</pre>
              </details>`,
          ),
        )}
      </body>
    </html> `;
  return page.html;
}

function header({ model, folder, started, state, facts, log }: Run): Html {
  const tone = state === 'done' || state === 'patience' ? 'good' : state === 'running' ? '' : 'bad';
  const label = state === 'patience' ? 'done: validation got no better' : state;
  const { end } = log;
  return html`<h1>${model}<span class="state ${tone}">${label}</span></h1>
    <p class="soft">
      ${folder}, began ${formatDate(started)}${facts === undefined ? '' : `, on ${facts.device}`}
    </p>
    ${end !== undefined && 'message' in end ? html`<pre class="wrong">${end.message}</pre>` : ''}`;
}

function cards(run: Run): Html {
  const { log, step, best, facts } = run;
  const test = log.evaluations.findLast(({ split }) => split === 'test');
  const shown: (readonly [value: string, label: string])[] = [[step.toLocaleString('en'), 'steps']];
  const last = log.steps.at(-1);
  if (last !== undefined) shown.push([formatNumber(last.loss), 'training loss at the end']);
  if (best !== undefined) shown.push([formatNumber(best.loss), `best validation loss, step ${best.step}`]);
  if (test !== undefined) {
    shown.push([formatNumber(test.loss), 'test loss']);
    for (const [name, score] of test.scores) shown.push([formatNumber(score), `test ${name}`]);
  }
  if (facts !== undefined) shown.push([facts.parameters.toLocaleString('en'), 'parameters']);
  if (log.end !== undefined && 'seconds' in log.end)
    shown.push([formatDuration(log.end.seconds), 'of training']);
  return html`<div class="cards">
      ${shown.map(([value, label]) => html`<div class="card"><b>${value}</b><span>${label}</span></div> `)}
    </div>
    ${best === undefined || best.scores.size === 0 ? '' : html`<p class="soft">Best validation: ${formatEvaluation(best)}.</p>`}`;
}

function charts({ log, best }: Run): readonly Chart[] {
  const { steps, evaluations } = log;
  const validations = evaluations.filter(({ split }) => split === 'validation');
  const losses = steps.map(({ step, loss }) => ({ x: step, y: loss }));
  const marks = { best: best?.step };
  const loss: Chart = {
    title: 'loss by step',
    series: [
      { name: 'batch', points: losses, color: 1, faint: true },
      { name: 'training', points: smooth(losses), color: 1 },
      {
        name: 'validation',
        points: validations.map(({ step, loss: y }) => ({ x: step, y })),
        color: 2,
        marks,
      },
    ],
  };
  const names = [...new Set(validations.flatMap(({ scores }) => [...scores.keys()]))].slice(0, 4);
  const metrics: Chart = {
    title: 'validation metrics by step',
    series: names.map((name, at): Series => {
      const points = validations.map(({ step, scores }) => ({ x: step, y: scores.get(name) ?? Number.NaN }));
      return { name, points, color: colors[at] ?? 4, marks };
    }),
  };
  const of = (
    title: string,
    color: Series['color'],
    read: (step: (typeof steps)[number]) => number,
  ): Chart => ({
    title,
    series: [{ name: title, points: steps.map((step) => ({ x: step.step, y: read(step) })), color }],
  });
  return [
    loss,
    metrics,
    of('learning rate', 3, ({ lr }) => lr),
    { ...of('norm of the gradient, before clipping', 4, ({ gradNorm }) => gradNorm), logarithmic: true },
    of('tokens a second', 3, ({ tokensPerSecond }) => tokensPerSecond),
  ];
}

const colors: readonly Series['color'][] = [2, 1, 3, 4];
