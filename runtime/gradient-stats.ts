/** What a gradient looks like: its norm, its range, how its elements are spread. */
import type { Plan } from './plan.ts';
import type { Session } from './session.ts';
import { stateLayouts } from './state-dict.ts';

export interface GradientStats {
  /** Of the parameter. */
  readonly name: string;
  readonly elements: number;
  /** The 2-norm; NaN or infinite where the gradient is. */
  readonly norm: number;
  /** Of the finite elements; 0 where there is none. */
  readonly min: number;
  readonly max: number;
  /** Elements that are 0, and that are not finite. */
  readonly zeros: number;
  readonly notFinite: number;
  /** Sums of the finite elements and of their squares, in float64. */
  readonly sum: number;
  readonly squares: number;
  readonly histogram: Histogram;
}

/** Of the finite elements: `counts[k]` of them are at most `limits[k]` and above the limit before it. */
export interface Histogram {
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

const prefix = 'gradient/';

/** Of every parameter whose gradient the plan keeps (`lmc train --watch-grads`), in the plan's order. */
export async function readGradients(session: Session, plan: Plan): Promise<readonly GradientStats[]> {
  const stats: GradientStats[] = [];
  for (const { name } of stateLayouts(plan, 'watch')) {
    const { data } = await session.readState(name);
    stats.push(describeGradient(name.startsWith(prefix) ? name.slice(prefix.length) : name, data));
  }
  return stats;
}

/** Half decades: gradients differ by orders of magnitude, and what is below 1e-10 has vanished. */
const magnitudes = Array.from({ length: 27 }, (_, k) => Number((10 ** (-10 + k / 2)).toPrecision(4)));
/** From the largest negative to the largest positive one; the bin around 0 ends at the smallest positive one. */
const allLimits = [...magnitudes.toReversed().map((limit) => -limit), ...magnitudes, Number.MAX_VALUE];

export function describeGradient(name: string, data: ArrayLike<number>): GradientStats {
  const counts = new Float64Array(allLimits.length);
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [zeros, notFinite, sum, squares, all] = [0, 0, 0, 0, 0];
  for (let at = 0; at < data.length; at++) {
    const value = data[at] ?? 0;
    all += value * value;
    if (!Number.isFinite(value)) {
      notFinite++;
      continue;
    }
    if (value === 0) zeros++;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    squares += value * value;
    const bin = binOf(value);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const isEmpty = notFinite === data.length;
  return {
    name,
    elements: data.length,
    norm: Math.sqrt(all),
    min: isEmpty ? 0 : min,
    max: isEmpty ? 0 : max,
    zeros,
    notFinite,
    sum,
    squares,
    histogram: trim(counts),
  };
}

/** The first limit that is not below the value. */
function binOf(value: number): number {
  let [low, high] = [0, allLimits.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((allLimits[middle] ?? 0) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Without the empty bins at both ends, but for one below, whose limit says where the first begins. */
function trim(counts: Float64Array): Histogram {
  const first = counts.findIndex((count) => count > 0);
  if (first === -1) return { limits: [], counts: [] };
  const last = counts.findLastIndex((count) => count > 0);
  const start = Math.max(0, first - 1);
  return { limits: allLimits.slice(start, last + 1), counts: Array.from(counts.subarray(start, last + 1)) };
}
