/** `lmc check FILE`: all diagnostics of a program; exit code 1 where one of them is an error. */
import { diagnosticToJson } from '../../diagnostics/json.ts';
import { Reporter } from '../../diagnostics/diagnostic.ts';
import { lowerProgram } from '../../lower/index.ts';
import type { RegisterCommand } from '../context.ts';
import { printDiagnostics } from '../diagnostics.ts';
import { exitCodes } from '../exit.ts';
import { missingFile } from '../missing-file.ts';
import { addModelOptions, lowerOptions, type ModelOptions } from '../options.ts';
import { createDiskHost } from '../source-host.ts';

export const checkCommand: RegisterCommand = (program, { io, done }) => {
  addModelOptions(program.command('check'))
    .description('print every diagnostic: code, place, cause and cure')
    .argument('<file>', 'the .lm file')
    .option('--json', 'one JSON object on stdout')
    .action((file: string, options: ModelOptions & { readonly json?: true }) => {
      const host = createDiskHost();
      if (host.readFile(file) === undefined) throw missingFile(file);
      const reporter = new Reporter();
      lowerProgram(file, host, { ...lowerOptions(options), partial: true }, reporter);
      const { diagnostics, hasErrors } = reporter;
      if (options.json === true) {
        io.out(`${JSON.stringify({ ok: !hasErrors, diagnostics: diagnostics.map(diagnosticToJson) })}\n`);
      } else if (diagnostics.length === 0) {
        io.err(`${file}: no errors\n`);
      } else {
        printDiagnostics(diagnostics, io, host);
      }
      done(hasErrors ? exitCodes.diagnostics : exitCodes.done);
    });
};
