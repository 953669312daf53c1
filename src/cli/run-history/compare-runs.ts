/** Two runs side by side: what was set differently, points of their curves, and what they reached. */
import type { LoggedStep } from './read-log.ts';
import type { Run } from './read-run.ts';

export interface Difference {
  /** `config.hidden_dim`, `task.optim`, `source models/x.lm`, … */
  readonly name: string;
  /** Undefined where a run does not have it. */
  readonly a: string | undefined;
  readonly b: string | undefined;
}

export interface Pair {
  readonly name: string;
  readonly a: number | undefined;
  readonly b: number | undefined;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Losses at some steps: the mean over the steps around each. */
  readonly training: readonly (Pair & { readonly step: number })[];
  /** Losses of validations, by step. */
  readonly validation: readonly (Pair & { readonly step: number })[];
  /** Steps, speed, parameters, and metrics of the best validation and of the test. */
  readonly figures: readonly Pair[];
}

export function compareRuns(a: Run, b: Run): Comparison {
  return {
    differences: pairUp(settingsOf(a), settingsOf(b)).filter((pair) => pair.a !== pair.b),
    training: trainingPoints(a, b),
    validation: validationPoints(a, b),
    figures: pairUp(figuresOf(a), figuresOf(b)),
  };
}

function pairUp<Value>(
  a: ReadonlyMap<string, Value>,
  b: ReadonlyMap<string, Value>,
): readonly { readonly name: string; readonly a: Value | undefined; readonly b: Value | undefined }[] {
  return [...new Set([...a.keys(), ...b.keys()])].map((name) => ({ name, a: a.get(name), b: b.get(name) }));
}

/** Everything that makes one run another than the other one. */
export function settingsOf({ config, facts }: Run): ReadonlyMap<string, string> {
  const { set, task, dataFiles = {}, file, data, init, initOnly, shuffle, seed, batchSize } = config;
  const settings = new Map<string, string>([['program', file]]);
  const add = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) settings.set(name, String(value));
  };
  for (const [name, value] of Object.entries(facts?.config ?? set)) add(`config.${name}`, value);
  for (const [name, value] of Object.entries(facts?.task ?? task.fields)) add(`task.${name}`, value);
  add('seed', seed);
  add('shuffle', shuffle);
  add('batch size', batchSize);
  add('data', data);
  add('init', init);
  add('init-only', initOnly);
  for (const [name, { sha256 }] of Object.entries(dataFiles)) add(`data file ${name}`, sha256.slice(0, 12));
  add('device', facts?.device);
  add('parameters', facts?.parameters);
  for (const [name, value] of Object.entries(facts?.versions ?? { lmc: config.lmc }))
    add(`version.${name}`, value);
  return settings;
}

/** Shares of the shorter run. */
const shares = [0.1, 0.25, 0.5, 0.75, 1];

function trainingPoints(a: Run, b: Run): Comparison['training'] {
  const both = Math.min(a.step, b.step);
  const last = [a.step, b.step].filter((step) => step > both);
  const steps = [1, ...shares.map((share) => Math.round(both * share)), ...last].filter((step) => step >= 1);
  return [...new Set(steps)].map((step) => ({
    step,
    name: 'loss',
    a: lossAround(a.log.steps, step),
    b: lossAround(b.log.steps, step),
  }));
}

/** A batch's loss is noisy: the mean over two hundredths of the steps so far, at most 50 of them, up to this one. */
export function lossAround(steps: readonly LoggedStep[], step: number): number | undefined {
  const width = Math.min(50, Math.max(1, Math.round(step / 50)));
  const near = steps.filter((each) => each.step <= step && each.step > step - width);
  if (near.at(-1)?.step !== step) return undefined;
  return near.reduce((sum, { loss }) => sum + loss, 0) / near.length;
}

function validationPoints(a: Run, b: Run): Comparison['validation'] {
  const losses = ({ log }: Run): ReadonlyMap<number, number> =>
    new Map(
      log.evaluations.filter(({ split }) => split === 'validation').map(({ step, loss }) => [step, loss]),
    );
  const [of, other] = [losses(a), losses(b)];
  const steps = [...new Set([...of.keys(), ...other.keys()])].toSorted((x, y) => x - y);
  return thin(steps, 10).map((step) => ({ step, name: 'loss', a: of.get(step), b: other.get(step) }));
}

/** At most so many, the first and the last among them. */
function thin(steps: readonly number[], most: number): readonly number[] {
  if (steps.length <= most) return steps;
  const at = Array.from({ length: most }, (_, k) => Math.round((k * (steps.length - 1)) / (most - 1)));
  return at.flatMap((index) => steps[index] ?? []);
}

function figuresOf({ log, best, step, facts }: Run): ReadonlyMap<string, number> {
  const figures = new Map<string, number>([['steps', step]]);
  if (facts !== undefined) figures.set('parameters', facts.parameters);
  const speeds = log.steps.map(({ tokensPerSecond }) => tokensPerSecond).filter(Number.isFinite);
  const speed = speeds.toSorted((x, y) => x - y)[Math.floor(speeds.length / 2)];
  if (speed !== undefined) figures.set('tokens/s (median)', speed);
  if (log.end !== undefined && 'seconds' in log.end) figures.set('seconds', log.end.seconds);
  const test = log.evaluations.findLast(({ split }) => split === 'test');
  for (const [name, evaluation] of [
    ['best validation', best],
    ['test', test],
  ] as const) {
    if (evaluation === undefined) continue;
    figures.set(`${name}: step`, evaluation.step);
    figures.set(`${name}: loss`, evaluation.loss);
    for (const [metric, score] of evaluation.scores) figures.set(`${name}: ${metric}`, score);
  }
  return figures;
}
