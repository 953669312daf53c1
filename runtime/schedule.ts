/**
 * Learning-rate schedules: what `schedule = cosine{warmup=100}` multiplies or replaces the optimiser's `lr` by, step by
 * step. The compiler checks a program against this table; the numbers are the host's, in float64.
 */
import type { PlanCall, PlanTask } from './plan.ts';
import { RuntimeError } from './session.ts';

export interface ScheduleOption {
  /** `bytes`: a number of them, or a text such as "2GiB". */
  readonly kind: 'integer' | 'number' | 'bytes';
  readonly minimum: number;
  /** The smallest value that is too large. */
  readonly below?: number;
  /** Absent: the length of the run for `steps`, otherwise it must be given. */
  readonly default?: number;
  readonly doc: string;
}

export interface Schedule {
  readonly doc: string;
  /** The first may be given without its name. */
  readonly options: Readonly<Record<string, ScheduleOption>>;
  /** After the warm-up. `at` is the step from 0; `peak` the optimiser's `lr`. */
  readonly rate: (peak: number, at: number, option: (name: string) => number) => number;
}

const warmup: ScheduleOption = {
  kind: 'integer',
  minimum: 0,
  default: 0,
  doc: 'steps in which the rate rises in a straight line',
};

const decay: Readonly<Record<string, ScheduleOption>> = {
  warmup,
  steps: { kind: 'integer', minimum: 1, doc: 'the step at which `min_lr` is reached; by default the last' },
  min_lr: { kind: 'number', minimum: 0, default: 0, doc: 'the rate from there on' },
};

/** 0 at the end of the warm-up, 1 at `steps` and after. */
function progress(at: number, option: (name: string) => number): number {
  const [start, end] = [option('warmup'), option('steps')];
  return end <= start || at >= end ? 1 : (at - start) / (end - start);
}

export const schedules: Readonly<Record<string, Schedule>> = {
  constant: { doc: 'the same rate after the warm-up', options: { warmup }, rate: (peak) => peak },
  cosine: {
    doc: 'falls along half a cosine to `min_lr` (Loshchilov and Hutter 2017)',
    options: decay,
    rate: (peak, at, option) => {
      const least = option('min_lr');
      return least + 0.5 * (1 + Math.cos(Math.PI * progress(at, option))) * (peak - least);
    },
  },
  linear: {
    doc: 'falls in a straight line to `min_lr`',
    options: decay,
    rate: (peak, at, option) => peak + (option('min_lr') - peak) * progress(at, option),
  },
  step: {
    doc: 'is multiplied by `gamma` every `step_size` steps, as in StepLR',
    options: {
      step_size: { kind: 'integer', minimum: 1, doc: 'steps between two falls, counted from the first step' },
      gamma: { kind: 'number', minimum: 0, default: 0.1, doc: 'what the rate is multiplied by' },
      warmup,
    },
    rate: (peak, at, option) => peak * option('gamma') ** Math.floor(at / option('step_size')),
  },
  one_cycle: {
    doc: 'rises along half a cosine from `lr / div_factor` to `lr` and falls along another, to the first rate / `final_div_factor`, as in OneCycleLR (Smith and Topin 2017)',
    options: {
      steps: { kind: 'integer', minimum: 2, doc: 'the length of the cycle; by default that of the run' },
      pct_start: {
        kind: 'number',
        minimum: 0,
        default: 0.3,
        doc: 'the share of the steps in which it rises',
      },
      div_factor: { kind: 'number', minimum: 1, default: 25, doc: '`lr` divided by the first rate' },
      final_div_factor: {
        kind: 'number',
        minimum: 1,
        default: 1e4,
        doc: 'the first rate divided by the last one',
      },
      warmup,
    },
    rate: (peak, at, option) => {
      const first = peak / option('div_factor');
      const last = option('steps') - 1;
      const top = Math.min(last, Math.max(0, option('pct_start') * option('steps') - 1));
      const between = (from: number, to: number, share: number): number =>
        to + 0.5 * (1 + Math.cos(Math.PI * share)) * (from - to);
      if (at < top) return between(first, peak, at / top);
      const least = first / option('final_div_factor');
      return at >= last || last === top ? least : between(peak, least, (at - top) / (last - top));
    },
  },
  reduce_on_plateau: {
    doc: 'is multiplied by `factor` after more than `patience` validations in a row without a better one, as in ReduceLROnPlateau',
    options: {
      factor: { kind: 'number', minimum: 0, below: 1, default: 0.1, doc: 'what the rate is multiplied by' },
      patience: { kind: 'integer', minimum: 0, default: 10, doc: 'validations that may be no better' },
      threshold: {
        kind: 'number',
        minimum: 0,
        default: 1e-4,
        doc: 'how much better counts, as a share of the best',
      },
      cooldown: {
        kind: 'integer',
        minimum: 0,
        default: 0,
        doc: 'validations after a fall that do not count',
      },
      min_lr: { kind: 'number', minimum: 0, default: 0, doc: 'the rate does not fall below' },
      warmup,
    },
    // `peak` is what the validations so far have left of it (`plateau.ts`).
    rate: (peak) => peak,
  },
  inverse_sqrt: {
    doc: 'falls with the root of the step: `lr` at the end of the warm-up, half of it at four times that step (Vaswani et al. 2017)',
    options: { warmup },
    rate: (peak, at, option) => peak * Math.sqrt((option('warmup') + 1) / (at + 1)),
  },
};

/** The task's schedule; undefined where the rate stays as it is. Throws a RuntimeError where it is none. */
export function scheduleOf(task: PlanTask): PlanCall | undefined {
  const call = task.fields['schedule'];
  if (call === undefined || call === null) return undefined;
  if (!isCall(call)) throw new RuntimeError(2, `task ${task.name}: the schedule is not a schedule`);
  return call;
}

/** An option that needs no length of the run. */
export function scheduleOption(call: PlanCall, name: string): number {
  return optionOf(call, knownSchedule(call), name, Number.POSITIVE_INFINITY);
}

function knownSchedule(call: PlanCall): Schedule {
  const schedule = schedules[call.builder];
  if (schedule === undefined)
    throw new RuntimeError(2, `${call.place}: there is no schedule \`${call.builder}\``);
  return schedule;
}

/** The optimiser's `lr`, PyTorch's default where it has none. */
export function peakRate({ optimizer: { named, positional, place } }: PlanTask): number {
  const peak = named['lr'] ?? positional[0] ?? 1e-3;
  if (typeof peak !== 'number' || !(peak >= 0))
    throw new RuntimeError(2, `${place}: lr must be a number from 0`);
  return peak;
}

/**
 * Of the step with this number (from 1), from the optimiser's `lr` (PyTorch's default where it has none) and the task's
 * schedule. `total`: the steps of the whole run, or Infinity where nothing bounds it. Throws a RuntimeError where the
 * plan's numbers are none, or the schedule needs a length that nobody gave. `peak`: what validations have made of the
 * optimiser's rate.
 */
export function learningRate(task: PlanTask, step: number, total: number, peak = peakRate(task)): number {
  const call = scheduleOf(task);
  if (call === undefined) return peak;
  const schedule = knownSchedule(call);
  const option = (name: string): number => optionOf(call, schedule, name, total);
  const at = step - 1;
  const rise = option('warmup');
  // nanoGPT's: the first step moves already, and the first after the warm-up has the whole rate.
  return at < rise ? (peak * (at + 1)) / (rise + 1) : schedule.rate(peak, at, option);
}

function optionOf(call: PlanCall, { options }: Schedule, name: string, total: number): number {
  const option = options[name];
  const value = call.named[name] ?? option?.default ?? (name === 'steps' ? total : undefined);
  if (value === Number.POSITIVE_INFINITY)
    throw new RuntimeError(
      2,
      `${call.place}: nothing says how long the run is\n  help: write \`${call.builder}{steps=…}\`, or give the task \`steps\``,
    );
  if (typeof value !== 'number' || !(value >= (option?.minimum ?? 0)))
    throw new RuntimeError(2, `${call.place}: \`${call.builder}\` needs a number for \`${name}\``);
  return value;
}

function isCall(value: unknown): value is PlanCall {
  return typeof value === 'object' && value !== null && 'builder' in value;
}
