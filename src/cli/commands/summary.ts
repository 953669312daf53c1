/** `lmc summary FILE`: layers with their parameters and work, and the memory that training takes. */
import { portableTarget } from '../../codegen/index.ts';
import { compileProgram } from '../../compile.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import type { RegisterCommand } from '../context.ts';
import { stopsAfterReport } from '../diagnostics.ts';
import { CommandError, exitCodes } from '../exit.ts';
import { addModelOptions, lowerOptions, type ModelOptions } from '../options.ts';
import { createDiskHost } from '../source-host.ts';
import { printSummary } from '../summary/print-summary.ts';

export const summaryCommand: RegisterCommand = (program, { io, done }) => {
  addModelOptions(program.command('summary'))
    .description('layers with output shape, parameters, work and activations; memory of training')
    .argument('<file>', 'the .lm file')
    .action((file: string, options: ModelOptions) => {
      const host = createDiskHost();
      if (host.readFile(file) === undefined)
        throw new CommandError(exitCodes.files, `there is no file ${file}`);
      const reporter = new Reporter();
      const compiled = compileProgram(
        file,
        host,
        lowerOptions(options),
        { target: portableTarget },
        reporter,
      );
      if (stopsAfterReport(reporter, io, host) || compiled === undefined) return done(exitCodes.diagnostics);
      io.out(printSummary(compiled, portableTarget));
      return done(exitCodes.done);
    });
};
