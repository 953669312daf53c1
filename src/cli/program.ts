/** The command line as a whole. Each command is one file of `commands/`, and this is the only list of them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { checkCommand } from './commands/check.ts';
import { compileCommand } from './commands/compile.ts';
import { devicesCommand } from './commands/devices.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { fmtCommand } from './commands/fmt.ts';
import { generateCommand } from './commands/generate.ts';
import { initCommand } from './commands/init.ts';
import type { CommandContext } from './context.ts';
import type { Io } from './io.ts';

const commands = [
  initCommand,
  checkCommand,
  compileCommand,
  devicesCommand,
  doctorCommand,
  explainCommand,
  fmtCommand,
  generateCommand,
] as const;

/** `done` receives the exit code of the command that ran. */
export function createProgram(io: Io, done: (code: number) => void): Command {
  const context: CommandContext = { io, done };
  const program = new Command('lmc')
    .description('Compiles language models written in .lm to WebGPU, trains and runs them.')
    .version(readVersion(), '-V, --version');
  for (const register of commands) register(program, context);
  configure(program, io);
  return program;
}

/** Every level throws instead of ending the process, and writes through `io`. */
function configure(command: Command, io: Io): void {
  command
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, getErrHelpWidth: () => io.columns })
    .showHelpAfterError('(--help shows the options)');
  for (const child of command.commands) configure(child, io);
}

function readVersion(): string {
  // From src/cli in tests, from dist/src/cli in use.
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const found: unknown = JSON.parse(readFileSync(fileURLToPath(new URL(place, import.meta.url)), 'utf8'));
      if (typeof found === 'object' && found !== null && 'version' in found) return String(found.version);
    } catch {
      continue;
    }
  }
  return 'unknown';
}
