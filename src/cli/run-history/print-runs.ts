/** Runs as a table, and as JSON. */
import { printable } from '../../../runtime/evaluation-text.ts';
import { printTable, type Column } from '../summary/table.ts';
import type { LoggedEvaluation } from './read-log.ts';
import type { Run } from './read-run.ts';

const columns: readonly Column[] = [
  { title: 'run', align: 'left' },
  { title: 'model', align: 'left' },
  { title: 'began', align: 'left' },
  { title: 'steps', align: 'right' },
  { title: 'loss', align: 'right' },
  { title: 'best validation', align: 'left' },
  { title: 'state', align: 'left' },
];

export function printRuns(runs: readonly Run[]): string {
  const rows = runs.map((run) => [
    printable(run.folder),
    printable(run.model),
    formatDate(run.started),
    String(run.step),
    formatNumber(run.log.steps.at(-1)?.loss),
    run.best === undefined ? '' : formatEvaluation(run.best),
    run.log.end?.reason === 'failed' && 'code' in run.log.end ? `failed (${run.log.end.code})` : run.state,
  ]);
  return `${printTable(columns, rows)}\n`;
}

/** As `lmc runs --json` has it. */
export function runToJson(run: Run): Readonly<Record<string, unknown>> {
  const { folder, model, started, state, step, best, log, facts } = run;
  return {
    run: folder,
    model,
    started: started.toISOString(),
    state,
    steps: step,
    loss: log.steps.at(-1)?.loss ?? null,
    ...(best === undefined ? {} : { best: evaluationToJson(best) }),
    ...(log.end !== undefined && 'message' in log.end ? { error: log.end.message } : {}),
    ...(facts === undefined ? {} : { parameters: facts.parameters, device: facts.device }),
  };
}

export function evaluationToJson({
  step,
  loss,
  scores,
}: LoggedEvaluation): Readonly<Record<string, unknown>> {
  return { step, loss, ...Object.fromEntries(scores) };
}

/** `loss 0.3102, accuracy 0.8810 at step 120` */
export function formatEvaluation({ step, loss, scores }: LoggedEvaluation): string {
  const figures = [...scores].map(([name, value]) => `, ${printable(name)} ${formatNumber(value)}`);
  return `loss ${formatNumber(loss)}${figures.join('')} at step ${step}`;
}

export function formatNumber(value: number | undefined): string {
  if (value === undefined) return '';
  if (!Number.isFinite(value)) return 'not finite';
  return Math.abs(value) >= 1e-3 || value === 0 ? value.toFixed(4) : value.toExponential(2);
}

/** In the time of whoever reads it: `2026-11-24 21:05`. */
export function formatDate(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
