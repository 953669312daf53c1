/** Exit codes, which scripts rely on, and the error that carries one. */
export const exitCodes = {
  done: 0,
  diagnostics: 1,
  usage: 2,
  device: 3,
  nonFinite: 4,
  files: 5,
  bug: 70,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a message that a person can act on. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What the operating system refused (ENOENT, EACCES, ENOSPC, …): exit code 5. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
