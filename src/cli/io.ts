/** Where a command writes, so that tests can read it: events and results go to `out`, people's text to `err`. */
import process from 'node:process';

export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether `err` is a terminal that redraws a line after a carriage return. */
  readonly interactive: boolean;
  readonly color: boolean;
  /** Columns of the terminal; 100 where it has none. */
  readonly columns: number;
  /** Calls back on every Ctrl-C until the returned function is called. */
  readonly onInterrupt: (callback: () => void) => () => void;
  /** Ends the process at once. */
  readonly abort: (code: number) => void;
}

/** NO_COLOR and FORCE_COLOR as at no-color.org and force-color.org. */
function wantsColor(): boolean {
  if ((process.env['NO_COLOR'] ?? '') !== '') return false;
  const force = process.env['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0';
  return process.stderr.isTTY && process.env['TERM'] !== 'dumb';
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
  color: wantsColor(),
  columns: process.stderr.columns ?? 100,
  onInterrupt: (callback) => {
    process.on('SIGINT', callback);
    process.on('SIGTERM', callback);
    return () => {
      process.off('SIGINT', callback);
      process.off('SIGTERM', callback);
    };
  },
  abort: (code) => process.exit(code),
};
