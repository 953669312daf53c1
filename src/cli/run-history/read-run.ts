/** A run folder as `lmc runs`, `compare` and `report` see it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { RunConfig } from '../run-config.ts';
import { parseRunFacts, type RunFacts } from '../run-facts.ts';
import { factsFile, logFile, RunFolder } from '../run-folder.ts';
import { readLog, type LoggedEvaluation, type RunLog } from './read-log.ts';

export interface Run {
  readonly folder: string;
  readonly config: RunConfig;
  /** Undefined in folders of earlier versions. */
  readonly facts: RunFacts | undefined;
  readonly log: RunLog;
  readonly model: string;
  /** When it began. */
  readonly started: Date;
  readonly state: RunState;
  /** Steps done. */
  readonly step: number;
  /** The best validation, or the last one where none is marked. */
  readonly best: LoggedEvaluation | undefined;
}

/** `killed`: its process is gone and has said nothing. `patience`: validation got no better. */
export type RunState = 'running' | 'done' | 'patience' | 'interrupted' | 'failed' | 'killed';

/** Throws a RuntimeError (exit code 5) where the folder holds no run. */
export function readRun(folder: string): Run {
  const { config } = RunFolder.open(folder);
  const factsPlace = path.join(folder, factsFile);
  const facts = existsSync(factsPlace) ? parseRunFacts(readFileSync(factsPlace, 'utf8')) : undefined;
  const log = readLog(path.join(folder, logFile));
  const validations = log.evaluations.filter(({ split }) => split === 'validation');
  return {
    folder,
    config,
    facts,
    log,
    model: facts?.model ?? path.basename(config.file, '.lm'),
    started: facts === undefined ? statSync(path.join(folder, 'sources')).mtime : new Date(facts.started),
    state: stateOf(log, facts),
    step: log.steps.at(-1)?.step ?? 0,
    best: validations.findLast(({ best }) => best) ?? validations.at(-1),
  };
}

function stateOf({ end }: RunLog, facts: RunFacts | undefined): RunState {
  switch (end?.reason) {
    case undefined:
      return facts !== undefined && isAlive(facts) ? 'running' : 'killed';
    case 'patience':
    case 'interrupted':
    case 'failed':
      return end.reason;
    default:
      return 'done';
  }
}

/** Of another machine nobody knows: a run that has not said its end is taken to go on. */
function isAlive({ process: { id, host } }: RunFacts): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
