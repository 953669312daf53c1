/** How commands show what the compiler found. */
import type { Diagnostic, Reporter } from '../diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../diagnostics/render.ts';
import type { Io } from './io.ts';
import type { DiskHost } from './source-host.ts';

/** To `err`, with the lines of the files that the host read. */
export function printDiagnostics(
  diagnostics: readonly Diagnostic[],
  io: Io,
  host: Pick<DiskHost, 'readSpanFile'>,
): void {
  io.err(
    renderDiagnostics(diagnostics, { readFile: host.readSpanFile, color: io.color, columns: io.columns }),
  );
}

/** Shows all that was reported; true where the command must stop, with exit code 1. */
export function stopsAfterReport(reporter: Reporter, io: Io, host: Pick<DiskHost, 'readSpanFile'>): boolean {
  if (reporter.diagnostics.length > 0) printDiagnostics(reporter.diagnostics, io, host);
  return reporter.hasErrors;
}
