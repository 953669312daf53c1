/** Line charts as SVG, without scripts: a point says its numbers in a title. */
import { html, type Html } from './html.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Which of the colours. */
  readonly color: 1 | 2 | 3 | 4;
  /** A faint line behind the others. */
  readonly faint?: boolean;
  /** Marks every point, and the one at this step as the best. */
  readonly marks?: { readonly best: number | undefined };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
  readonly logarithmic?: boolean;
}

const [width, height] = [460, 250];
const [left, right, top, bottom] = [56, 12, 12, 30];
/** More points than pixels only make the file larger. */
const mostPoints = 400;

/** Empty where there is nothing to draw. */
export function drawChart({ title, series, logarithmic = false }: Chart): Html {
  const usable = ({ x, y }: Point): boolean =>
    Number.isFinite(x) && Number.isFinite(y) && (!logarithmic || y > 0);
  const drawn = series
    .map((each) => ({ ...each, points: thin(each.points.filter(usable)) }))
    .filter(({ points }) => points.length > 0);
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return html``;
  const transform = logarithmic ? Math.log10 : (value: number): number => value;
  const [xLow, xHigh] = rangeOf(all.map(({ x }) => x));
  const [yLow, yHigh] = padded(rangeOf(all.map(({ y }) => transform(y))));
  const x = (value: number): number => left + ((value - xLow) / (xHigh - xLow || 1)) * (width - left - right);
  const y = (value: number): number =>
    height - bottom - ((transform(value) - yLow) / (yHigh - yLow || 1)) * (height - top - bottom);
  const yTicks = logarithmic ? powersBetween(yLow, yHigh) : ticksBetween(yLow, yHigh, 5);
  const xTicks = ticksBetween(xLow, xHigh, 5).filter(Number.isInteger);
  return html`<figure>
    <figcaption>
      ${title}${drawn.length > 1 ? html`<span class="legend">${drawn.map(({ name, color, faint }) => html`<span class="key c${color}${faint === true ? ' faint' : ''}">${name}</span>`)}</span>` : ''}
    </figcaption>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
      ${yTicks.map((tick) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${round(y(tick))}" y2="${round(y(tick))}" /><text class="tick" x="${left - 6}" y="${round(y(tick) + 3.5)}" text-anchor="end">${formatTick(tick)}</text>`)}
      ${xTicks.map((tick) => html`<text class="tick" x="${round(x(tick))}" y="${height - 10}" text-anchor="middle">${tick.toLocaleString('en')}</text>`)}
      ${drawn.map((each) => drawSeries(each, x, y))}
    </svg>
  </figure> `;
}

function drawSeries(
  { name, points, color, faint, marks }: Series,
  x: (value: number) => number,
  y: (value: number) => number,
): Html {
  const path = points
    .map((point, at) => `${at === 0 ? 'M' : 'L'}${round(x(point.x))} ${round(y(point.y))}`)
    .join('');
  const dots =
    marks === undefined
      ? ''
      : points.map(
          (point) =>
            html`<circle
              class="c${color}${point.x === marks.best ? ' best' : ''}"
              cx="${round(x(point.x))}"
              cy="${round(y(point.y))}"
              r="${point.x === marks.best ? 4.5 : 2.5}"
              ><title>
                ${name} ${point.y.toPrecision(4)} at step
                ${point.x}${point.x === marks.best ? ', the best' : ''}
              </title></circle
            >`,
        );
  return html`<path class="line c${color}${faint === true ? ' faint' : ''}" d="${path}" />${dots}`;
}

/** In each stretch its least and its greatest point, so that no peak is lost. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= mostPoints) return points;
  const stretch = (2 * points.length) / mostPoints;
  return Array.from({ length: mostPoints / 2 }, (_, at) => {
    const part = points.slice(Math.floor(at * stretch), Math.floor((at + 1) * stretch));
    const sorted = part.toSorted((a, b) => a.y - b.y);
    const ends = [sorted[0], sorted.at(-1)].filter((point) => point !== undefined);
    return [...new Set(ends)].toSorted((a, b) => a.x - b.x);
  }).flat();
}

/** An exponential mean that forgets its start: the debiased form of Kingma and Ba. */
export function smooth(points: readonly Point[]): readonly Point[] {
  const weight = Math.min(0.98, 1 - 1 / Math.max(2, points.length / 50));
  let [mean, total] = [0, 0];
  return points.flatMap(({ x, y }) => {
    if (!Number.isFinite(y)) return [];
    mean = weight * mean + (1 - weight) * y;
    total = weight * total + (1 - weight);
    return [{ x, y: mean / total }];
  });
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function padded([low, high]: readonly [number, number]): readonly [number, number] {
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}

/** Round numbers, about so many. */
function ticksBetween(low: number, high: number, count: number): readonly number[] {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
}

function powersBetween(low: number, high: number): readonly number[] {
  const powers = ticksBetween(Math.floor(low), Math.ceil(high), 6).filter(
    (power) => Number.isInteger(power) && power >= low && power <= high,
  );
  return powers.length >= 2
    ? powers.map((power) => 10 ** power)
    : [10 ** low, 10 ** ((low + high) / 2), 10 ** high];
}

function formatTick(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace('.0', '').replace('e+', 'e');
  return String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
