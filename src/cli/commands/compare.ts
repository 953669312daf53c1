/** `lmc compare A B`: two training runs side by side. */
import type { RegisterCommand } from '../context.ts';
import { exitCodes } from '../exit.ts';
import { compareRuns } from '../run-history/compare-runs.ts';
import { printComparison } from '../run-history/print-comparison.ts';
import { runToJson } from '../run-history/print-runs.ts';
import { readRun } from '../run-history/read-run.ts';

export const compareCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('compare')
    .description('two training runs side by side: settings that differ, curves, metrics')
    .argument('<a>', 'a run folder')
    .argument('<b>', 'another one')
    .option('--json', 'print one JSON object')
    .action((first: string, second: string, { json }: { readonly json?: true }) => {
      const [a, b] = [readRun(first), readRun(second)];
      const comparison = compareRuns(a, b);
      io.out(
        json === true
          ? `${JSON.stringify({ a: runToJson(a), b: runToJson(b), ...comparison }, null, 2)}\n`
          : printComparison(a, b, comparison),
      );
      done(exitCodes.done);
    });
};
