/** `log.jsonl` of a run folder as data. A line that a killed process cut off, and events of other versions, are passed over. */
import { existsSync, readFileSync } from 'node:fs';

/** Numbers that were not finite are NaN. Times: milliseconds since 1970; NaN in logs of earlier versions. */
export interface LoggedStep {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly lr: number;
  readonly tokensPerSecond: number;
  readonly time: number;
}

export interface LoggedEvaluation {
  readonly split: string;
  readonly step: number;
  readonly loss: number;
  readonly scores: ReadonlyMap<string, number>;
  /** Whether it was the best validation so far. */
  readonly best: boolean;
}

/** How the last process of the run ended; undefined: it did not say. */
export type LoggedEnd =
  | { readonly reason: string; readonly seconds: number }
  | { readonly reason: 'failed'; readonly code: number; readonly message: string };

export interface RunLog {
  readonly steps: readonly LoggedStep[];
  readonly evaluations: readonly LoggedEvaluation[];
  readonly end: LoggedEnd | undefined;
  /** Every event by its name, in order: for what only the report needs. */
  readonly events: readonly LoggedEvent[];
}

export type LoggedEvent = Readonly<Record<string, unknown>>;

export function readLog(file: string): RunLog {
  const events = existsSync(file) ? readFileSync(file, 'utf8').split('\n').flatMap(parseLine) : [];
  // Who goes on with a run starts again: the end before is none.
  const start = events.findLastIndex(({ event }) => event === 'start');
  const end = events.slice(start + 1).findLast(({ event }) => event === 'end' || event === 'error');
  return {
    steps: events.filter(({ event }) => event === 'step').map(readStep),
    evaluations: events.filter(({ event }) => event === 'eval').map(readEvaluation),
    end: end && readEnd(end),
    events,
  };
}

function parseLine(line: string): readonly LoggedEvent[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [Object.fromEntries(Object.entries(value))] : [];
  } catch {
    return [];
  }
}

function readStep(event: LoggedEvent): LoggedStep {
  return {
    step: numberOf(event['step']),
    loss: numberOf(event['loss']),
    gradNorm: numberOf(event['grad_norm']),
    lr: numberOf(event['lr']),
    tokensPerSecond: numberOf(event['tokens_per_s']),
    time: numberOf(event['time']),
  };
}

const ownFields = new Set(['event', 'split', 'step', 'loss', 'time', 'best', 'rows']);

function readEvaluation(event: LoggedEvent): LoggedEvaluation {
  const scores = Object.entries(event).flatMap(([name, value]): [string, number][] =>
    ownFields.has(name) || (typeof value !== 'number' && value !== null) ? [] : [[name, numberOf(value)]],
  );
  return {
    split: textOf(event['split']),
    step: numberOf(event['step']),
    loss: numberOf(event['loss']),
    scores: new Map(scores),
    best: event['best'] === true,
  };
}

function readEnd(event: LoggedEvent): LoggedEnd {
  if (event['event'] === 'error')
    return { reason: 'failed', code: numberOf(event['code']), message: textOf(event['message']) };
  const { reason = 'done' } = event;
  return { reason: textOf(reason), seconds: numberOf(event['seconds']) };
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
