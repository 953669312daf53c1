/** `.lm` text to graphs: parses, resolves imports, checks, and lowers. The only place that sees both. */
import type { Diagnostic, Reporter } from '../diagnostics/diagnostic.ts';
import { loadFiles } from './load.ts';
import type { LowerOptions, LoweredModel, SourceHost } from './lowered.ts';
import { ProgramLowering } from './program.ts';

export type { LoweredModel, LowerOptions, SourceHost } from './lowered.ts';

/**
 * The program's graphs, with every diagnostic reported; undefined where there are errors. The program is walked once
 * for each of its graphs: what is wrong in all of them is said once.
 */
export function lowerProgram(
  file: string,
  host: SourceHost,
  options: LowerOptions,
  reporter: Reporter,
): LoweredModel | undefined {
  const seen = new Set<string>();
  const report = (diagnostic: Diagnostic): void => {
    const { code, span, message } = diagnostic;
    const key = `${code} ${span.file}:${span.start.offset} ${message}`;
    if (seen.has(key)) return;
    seen.add(key);
    reporter.report(diagnostic);
  };
  const files = loadFiles(file, host, reporter);
  // A tree with holes would raise errors about what is missing only because it could not be read.
  if (files === undefined || reporter.hasErrors) return undefined;
  const lowered = new ProgramLowering(files, options, reporter, report).run();
  return reporter.hasErrors ? undefined : lowered;
}
