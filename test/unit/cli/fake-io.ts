/** An `Io` that remembers what was written. */
import type { Io } from '../../../src/cli/io.ts';

export interface FakeIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Presses Ctrl-C. */
  readonly interrupt: () => void;
  readonly aborted: () => number | undefined;
}

export function fakeIo(): FakeIo {
  let [stdout, stderr] = ['', ''];
  let aborted: number | undefined;
  const callbacks = new Set<() => void>();
  return {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    interactive: false,
    color: false,
    columns: 100,
    onInterrupt: (callback) => {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
    abort: (code) => {
      aborted = code;
    },
    stdout: () => stdout,
    stderr: () => stderr,
    interrupt: () => {
      for (const callback of callbacks) callback();
    },
    aborted: () => aborted,
  };
}
