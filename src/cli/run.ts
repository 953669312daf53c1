/** Runs one command line and turns whatever happens into an exit code and a message. */
import { CommanderError } from 'commander';
import { explainRawSystemError } from '../../runtime/node/system-errors.ts';
import { RuntimeError } from '../../runtime/session.ts';
import { reportBug } from './bug.ts';
import { CommandError, exitCodes, isSystemError } from './exit.ts';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';

/** Never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  let code: number = exitCodes.done;
  try {
    const program = createProgram(io, (result) => {
      code = result;
    });
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    return explainFailure(error, args, io);
  }
}

function explainFailure(error: unknown, args: readonly string[], io: Io): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own message; `--help` and `--version` arrive here, too.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  if (error instanceof CommandError || error instanceof RuntimeError) {
    io.err(`lmc: ${error.message}\n`);
    return error.exitCode;
  }
  if (isSystemError(error)) {
    io.err(`lmc: ${explainRawSystemError(error)?.message ?? error.message}\n`);
    return exitCodes.files;
  }
  return reportBug(error, args, io);
}
