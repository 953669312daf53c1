/** What a person sees when lmc itself is wrong: what happened, what to send, and never a bare stack trace. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { exitCodes } from './exit.ts';
import type { Io } from './io.ts';

/** Failures of a pass carry the IR before it and the passes that remained. */
function reproducerOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('reproducer' in error)) return undefined;
  return typeof error.reproducer === 'string' ? error.reproducer : JSON.stringify(error.reproducer, null, 2);
}

/** Prints the report and writes its details to a file of their own; gives the exit code. */
export function reportBug(error: unknown, args: readonly string[], io: Io): number {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  io.err(`lmc: a bug in lmc: ${message}\n`);
  const details = [
    `lmc ${args.join(' ')}`,
    `node ${process.version} ${process.platform} ${process.arch}`,
    '',
    stack,
    '',
    ...(error instanceof Error && error.cause instanceof Error ? [`cause: ${error.cause.stack}`, ''] : []),
  ].join('\n');
  try {
    const folder = mkdtempSync(path.join(tmpdir(), 'lmc-bug-'));
    writeFileSync(path.join(folder, 'details.txt'), details);
    const reproducer = reproducerOf(error);
    if (reproducer !== undefined) writeFileSync(path.join(folder, 'reproducer.ir'), reproducer);
    io.err(`      the model file and the files in ${folder} reproduce it; please report them\n`);
    if (reproducer !== undefined)
      io.err(`      to run the failing pass alone: lmc ir ${path.join(folder, 'reproducer.ir')}\n`);
  } catch {
    // A full disk must not hide the first error.
    io.err('      (its details could not be written to a file; LMC_DEBUG=1 shows them)\n');
  }
  if ((process.env['LMC_DEBUG'] ?? '') !== '') io.err(`${details}\n`);
  return exitCodes.bug;
}
