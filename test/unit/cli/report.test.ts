/** `lmc report`: what is in it, that it is well formed, and that nothing in it is obeyed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeGradient } from '../../../runtime/gradient-stats.ts';
import { runCli } from '../../../src/cli/run.ts';
import { drawChart, smooth } from '../../../src/cli/report/chart.ts';
import { escapeHtml, html } from '../../../src/cli/report/html.ts';
import { fakeIo } from './fake-io.ts';

const work = mkdtempSync(path.join(tmpdir(), 'lmc-report-'));
afterAll(() => rmSync(work, { recursive: true }));

const hostile =
  '</td></pre><script>alert(1)</script><img src=x onerror=alert(2)>" onload="x \u202E\u0000&amp;';

/** The folder of a run, with names that want to be HTML wherever a name can stand. */
function makeRun(name: string, evil: string): string {
  const folder = path.join(work, name);
  mkdirSync(path.join(folder, 'sources'), { recursive: true });
  const config = {
    format: 'lmc-run',
    version: 1,
    lmc: '0.1.0',
    file: `models/${evil}.lm`,
    folder: '/home',
    sources: { [`models/${evil}.lm`]: '0-x.lm' },
    set: {},
    task: { fields: {} },
    shuffle: true,
    seed: 1,
    dataFiles: { [evil]: { bytes: 1, sha256: 'ab'.repeat(32) } },
  };
  const facts = {
    format: 'lmc-run-facts',
    version: 1,
    model: evil,
    started: '2026-01-02T03:04:05.000Z',
    parameters: 1234,
    device: evil,
    memory: 1,
    config: { [evil]: evil },
    task: { data: evil },
    versions: { lmc: evil },
    process: { id: 1, host: 'x' },
    summary: evil,
  };
  const gradient = describeGradient(evil, Float32Array.of(1, -1, 0, 1e-3));
  const events = [
    { event: 'start', model: evil, device: 'x', parameters: 1234 },
    ...Array.from({ length: 30 }, (_, at) => ({
      event: 'step',
      step: at + 1,
      loss: at === 3 ? null : 1 / (at + 1),
      grad_norm: 0.5,
      lr: 0.01,
      tokens_per_s: 1000,
      time: 1000 * at,
    })),
    { event: 'gradients', step: 30, parameters: [gradient] },
    { event: 'eval', split: 'validation', step: 10, loss: 0.4, [evil]: 0.7, best: true },
    { event: 'eval', split: 'validation', step: 30, loss: 0.5, [evil]: 0.6 },
    {
      event: 'eval',
      split: 'test',
      step: 10,
      loss: 0.45,
      accuracy: 0.75,
      classes: [{ label: evil, precision: 0.5, recall: 0.25, f1: 1 / 3, actual: 4, predicted: 2 }],
    },
    {
      event: 'classified',
      split: 'test',
      rows: 5,
      labels: [evil, 'ham'],
      confusion: [
        [1, 2],
        [0, 2],
      ],
      samples: [{ text: evil, actual: evil, predicted: 'ham', probability: 0.987 }],
    },
    { event: 'texts', split: 'test', texts: [{ reference: evil, hypothesis: 'y' }] },
    { event: 'error', code: 4, message: evil },
  ];
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(path.join(folder, 'run.json'), JSON.stringify(facts));
  writeFileSync(path.join(folder, 'log.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  writeFileSync(path.join(folder, 'sources/0-x.lm'), `# ${evil}\n`);
  return folder;
}

async function report(name: string, evil: string): Promise<string> {
  const folder = makeRun(name, evil);
  expect(await runCli(['report', folder], fakeIo())).toBe(0);
  return readFileSync(path.join(folder, 'report.html'), 'utf8');
}

const voids = new Set(['meta', '!doctype']);

/** Every tag with its attributes; throws where tags do not match. */
function tagsOf(page: string): readonly { readonly name: string; readonly attributes: string }[] {
  const open: string[] = [];
  const found: { readonly name: string; readonly attributes: string }[] = [];
  // The style sheet is text to a parser of HTML.
  const body = page.replace(/<style>[^<]*<\/style>/, '');
  for (const [tag, close, name = '', attributes = '', self] of body.matchAll(
    /<(\/)?([!a-z][a-z0-9]*)((?:\s+[a-z][a-z0-9:-]*(?:="[^"<>]*")?)*)\s*(\/)?>|<[^>]*>?/gi,
  )) {
    if (name === '') throw new Error(`not a tag: ${tag}`);
    if (close !== undefined) {
      if (open.pop() !== name) throw new Error(`${tag} closes something else`);
      continue;
    }
    found.push({ name, attributes });
    if (self === undefined && !voids.has(name.toLowerCase())) open.push(name);
  }
  expect(open).toEqual([]);
  return found;
}

describe('a report', () => {
  it('has curves, results by class, the confusion matrix, samples, gradients, settings and the program', async () => {
    const page = await report('plain', 'spam');
    const tags = tagsOf(page);
    const count = (wanted: string): number => tags.filter(({ name }) => name === wanted).length;
    // Loss, metrics, rate, norm, speed, and one histogram.
    expect(count('svg')).toBe(6);
    expect(count('circle')).toBe(4);
    const titles = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      'Curves',
      'By class, test part',
      'Confusion matrix',
      'Samples',
      'Gradients at step 30',
      'Compiled',
      'Settings',
      'Program',
    ]);
    expect(page).toContain('title="2 of 3 spam were taken for ham">2</td>');
    expect(page).toMatch(/<b>0\.4500<\/b>\s*<span>test loss<\/span>/);
    expect(page).toContain('>failed</span>');
    expect(page).not.toMatch(/NaN|undefined|\[object/);
  });

  it('has no script and no way to the network, whatever names say', async () => {
    const tags = tagsOf(await report('hostile', hostile));
    const plain = tagsOf(await report('control', 'spam'));
    expect(tags.map(({ name }) => name)).toEqual(plain.map(({ name }) => name));
    // Whole attributes, so that what stands between quotes is no name.
    const attributes = (list: typeof tags) =>
      list.map((tag) =>
        [...tag.attributes.matchAll(/\s([a-z][a-z0-9:-]*)="[^"]*"/g)].map(([, name]) => name),
      );
    expect(attributes(tags)).toEqual(attributes(plain));
    for (const { name } of tags)
      expect(['script', 'img', 'link', 'iframe', 'object', 'a', 'base', 'form']).not.toContain(name);
    for (const name of attributes(tags).flat()) expect(name).not.toMatch(/^(?:on\w+|src|href)$/);
  });

  it('is made of a run that has done nothing yet', async () => {
    const folder = makeRun('empty', 'spam');
    writeFileSync(path.join(folder, 'log.jsonl'), '');
    expect(await runCli(['report', folder, '-o', path.join(work, 'empty.html')], fakeIo())).toBe(0);
    tagsOf(readFileSync(path.join(work, 'empty.html'), 'utf8'));
    expect(await runCli(['report', work], fakeIo())).toBe(5);
  });
});

describe('text in HTML', () => {
  it('is escaped, and what hides text is shown', () => {
    expect(escapeHtml(`<a href='x'>&"`)).toBe('&lt;a href=&#39;x&#39;&gt;&amp;&quot;');
    expect(escapeHtml('a\u202Eb\u0000c\nd')).toBe('a\uFFFDb\uFFFDc\nd');
    expect(html`<b>${['<', html`<i>${'&'}</i>`, 3]}</b>`.html).toBe('<b>&lt;<i>&amp;</i>3</b>');
  });
});

describe('a chart', () => {
  const line = (y: (x: number) => number, count: number) =>
    Array.from({ length: count }, (_, x) => ({ x, y: y(x) }));

  it('keeps every peak of a long curve, in few points', () => {
    const points = line((x) => (x === 7777 ? 100 : 1), 20_000);
    const { html: svg } = drawChart({ title: 't', series: [{ name: 'a', points, color: 1 }] });
    const drawn = / d="([^"]*)"/.exec(svg)?.[1] ?? '';
    const heights = [...drawn.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights.length).toBeLessThanOrEqual(400);
    expect(Math.min(...heights)).toBeLessThan(30);
  });

  it('draws one point, a constant, and powers of ten', () => {
    for (const points of [line(() => 3, 1), line(() => 3, 5), line((x) => 10 ** -x, 8), line(() => 0, 4)])
      for (const logarithmic of [false, true]) {
        const { html: svg } = drawChart({
          title: 't',
          series: [{ name: 'a', points, color: 1 }],
          logarithmic,
        });
        expect(svg).not.toMatch(/NaN|Infinity/);
      }
    expect(drawChart({ title: 't', series: [] }).html).toBe('');
  });

  it('smooths without a bias at the start', () => {
    expect(smooth(line(() => 5, 10)).every(({ y }) => Math.abs(y - 5) < 1e-9)).toBe(true);
  });
});
