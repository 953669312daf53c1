/** `.lm` text to graphs: parses, resolves imports, checks, and lowers. The only place that sees both. */
import type { Diagnostic, Reporter } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import { loadFiles } from './load.ts';
import type { LowerOptions, LoweredModel, SourceHost } from './lowered.ts';
import { ProgramLowering } from './program.ts';

export type { LoweredModel, LowerOptions, SourceHost } from './lowered.ts';

/**
 * The program's graphs, with every diagnostic reported; undefined where there are errors. The program is walked once
 * for each of its graphs: what is wrong in all of them is said once, in the order of the text. Warnings wait until
 * there are no errors: a name is often unused because of one.
 */
export function lowerProgram(
  file: string,
  host: SourceHost,
  options: LowerOptions,
  reporter: Reporter,
): LoweredModel | undefined {
  const files = loadFiles(file, host, reporter);
  // A tree with holes would raise errors about what is missing only because it could not be read.
  if (files === undefined || reporter.hasErrors) return undefined;
  const found = new Map<string, Diagnostic>();
  const lowered = new ProgramLowering(files, options, reporter, (diagnostic) => {
    const { code, span, message } = diagnostic;
    const key = `${code} ${span.file}:${span.start.offset} ${message}`;
    if (!found.has(key)) found.set(key, diagnostic);
  }).run();
  const all = [...found.values()].toSorted((x, y) => comparePlaces(x.span, y.span, file));
  const errors = all.filter(({ severity }) => severity === 'error');
  for (const diagnostic of errors.length > 0 ? errors : all) reporter.report(diagnostic);
  return reporter.hasErrors ? undefined : lowered;
}

/** The program's own file first. */
function comparePlaces(x: Span, y: Span, own: string): number {
  if (x.file === y.file) return x.start.offset - y.start.offset;
  if (x.file === own || y.file === own) return x.file === own ? -1 : 1;
  return x.file < y.file ? -1 : 1;
}
