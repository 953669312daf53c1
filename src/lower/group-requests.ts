/** What an optimiser's options ask for of some parameters, before their names are known. */
import type { Span } from '../diagnostics/span.ts';

export interface Pattern {
  readonly text: string;
  readonly span: Span;
}

/** What one option asks for, of the parameters that its patterns name. */
export interface GroupRequest {
  readonly patterns: readonly Pattern[];
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly isFrozen?: boolean;
}

export interface GroupRequests {
  /** False: those of fewer than two dimensions do not decay. */
  readonly decayVectors: boolean;
  readonly requests: readonly GroupRequest[];
}
