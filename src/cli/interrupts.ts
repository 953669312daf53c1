/** Ctrl-C and SIGTERM while training: the first ends the step and saves, the second stops at once. */
import { exitCodes } from './exit.ts';
import type { Io } from './io.ts';

export interface Interrupt {
  readonly signal: AbortSignal;
  /** From now on the first Ctrl-C is a wish, not an order. */
  arm: (announce: (text: string) => void) => void;
  readonly release: () => void;
}

/** Ctrl-C once: ends the step. Twice, or while there is nothing to save yet: at once. */
export function watchInterrupts(io: Io): Interrupt {
  const controller = new AbortController();
  let announce: ((text: string) => void) | undefined;
  const release = io.onInterrupt(() => {
    if (announce === undefined || controller.signal.aborted) io.abort(exitCodes.interrupted);
    announce?.('interrupted: ends after this step and saves; Ctrl-C again stops at once');
    controller.abort();
  });
  return {
    signal: controller.signal,
    arm: (say) => {
      announce = say;
    },
    release,
  };
}
