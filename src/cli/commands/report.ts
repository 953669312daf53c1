/** `lmc report RUN`: a training run as one HTML file. */
import path from 'node:path';
import type { RegisterCommand } from '../context.ts';
import { exitCodes } from '../exit.ts';
import { replaceFile } from '../replace-file.ts';
import { makeReport } from '../report/report.ts';
import { readRun } from '../run-history/read-run.ts';
import { RunFolder } from '../run-folder.ts';

export const reportCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('report')
    .description('a training run as one HTML file: curves, results, samples, settings')
    .argument('<run>', 'the run folder')
    .option('-o, --output <file>', 'where it goes (default: report.html in the run folder)')
    .action((folder: string, { output }: { readonly output?: string }) => {
      const place = output ?? path.join(folder, 'report.html');
      const report = makeReport(readRun(folder), RunFolder.open(folder).readSources());
      replaceFile(place, report);
      io.err(`wrote ${place}\n`);
      done(exitCodes.done);
    });
};
