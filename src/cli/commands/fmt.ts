/** `lmc fmt FILE…`: formats in place; with `--check` only says which files would change. */
import { Reporter } from '../../diagnostics/diagnostic.ts';
import { formatSource } from '../../parser/format.ts';
import type { RegisterCommand } from '../context.ts';
import { printDiagnostics } from '../diagnostics.ts';
import { exitCodes } from '../exit.ts';
import { missingFile } from '../missing-file.ts';
import { replaceFile } from '../replace-file.ts';
import { createDiskHost } from '../source-host.ts';

export const fmtCommand: RegisterCommand = (program, { io, done }) => {
  program
    .command('fmt')
    .description('format .lm files in place')
    .argument('<files...>', 'the .lm files')
    .option('--check', 'change nothing; exit code 1 where a file is not formatted')
    .action((files: readonly string[], options: { readonly check?: true }) => {
      const host = createDiskHost();
      const reporter = new Reporter();
      let unformatted = 0;
      for (const file of files) {
        const text = host.readFile(file);
        if (text === undefined) throw missingFile(file);
        const formatted = formatSource(text, file, reporter);
        if (formatted === undefined || formatted === text) continue;
        unformatted += 1;
        if (options.check !== true) replaceFile(file, formatted);
        io.err(options.check === true ? `${file} is not formatted\n` : `formatted ${file}\n`);
      }
      printDiagnostics(reporter.diagnostics, io, host);
      done(
        reporter.hasErrors || (options.check === true && unformatted > 0)
          ? exitCodes.diagnostics
          : exitCodes.done,
      );
    });
};
