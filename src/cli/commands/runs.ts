/** `lmc runs [FOLDER…]`: the training runs below some folders. */
import type { RegisterCommand } from '../context.ts';
import { exitCodes } from '../exit.ts';
import { findRuns } from '../run-history/find-runs.ts';
import { printRuns, runToJson } from '../run-history/print-runs.ts';

export const runsCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('runs')
    .description('training runs: model, date, steps, best validation, state')
    .argument('[folders...]', 'where to look, three folders deep (default: here)')
    .option('--json', 'print one JSON object')
    .action((folders: readonly string[], { json }: { readonly json?: true }) => {
      const places = folders.length === 0 ? ['.'] : folders;
      const runs = places.flatMap((place) => findRuns(place, (message) => io.err(`lmc: ${message}\n`)));
      if (json === true) io.out(`${JSON.stringify({ runs: runs.map(runToJson) }, null, 2)}\n`);
      else if (runs.length > 0) io.out(printRuns(runs));
      else io.err(`no run in ${places.join(', ')}: \`lmc train FILE --out FOLDER\` makes one\n`);
      done(exitCodes.done);
    });
};
