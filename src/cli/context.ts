/** What every command receives. */
import type { Command } from 'commander';
import type { Io } from './io.ts';

export interface CommandContext {
  readonly io: Io;
  /** Takes the exit code of the command that ran; commander's actions return nothing. */
  readonly done: (code: number) => void;
}

/** Adds one command to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void;
