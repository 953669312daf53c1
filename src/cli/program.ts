/** The command line as a whole. Each command is one file of `commands/`, and this is the only list of them. */
import { Command } from 'commander';
import { checkCommand } from './commands/check.ts';
import { compareCommand } from './commands/compare.ts';
import { compileCommand } from './commands/compile.ts';
import { devicesCommand } from './commands/devices.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evalCommand } from './commands/eval.ts';
import { explainCommand } from './commands/explain.ts';
import { fmtCommand } from './commands/fmt.ts';
import { generateCommand } from './commands/generate.ts';
import { initCommand } from './commands/init.ts';
import { irCommand } from './commands/ir.ts';
import { predictCommand } from './commands/predict.ts';
import { reportCommand } from './commands/report.ts';
import { runsCommand } from './commands/runs.ts';
import { summaryCommand } from './commands/summary.ts';
import { tokenizeCommand } from './commands/tokenize.ts';
import { trainCommand } from './commands/train.ts';
import type { CommandContext } from './context.ts';
import type { Io } from './io.ts';
import { version } from './version.ts';

const commands = [
  initCommand,
  checkCommand,
  summaryCommand,
  irCommand,
  compileCommand,
  trainCommand,
  runsCommand,
  compareCommand,
  reportCommand,
  evalCommand,
  predictCommand,
  generateCommand,
  tokenizeCommand,
  devicesCommand,
  doctorCommand,
  fmtCommand,
  explainCommand,
] as const;

/** `done` receives the exit code of the command that ran. */
export function createProgram(io: Io, done: (code: number) => void): Command {
  const context: CommandContext = { io, done };
  const program = new Command('lmc')
    .description('Compiles language models written in .lm to WebGPU, trains and runs them.')
    .version(version, '-V, --version');
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
