/** What the compiler tells a person: data, not text on a terminal. User errors are collected; invariants throw. */
import type { Span } from './span.ts';

export type Severity = 'error' | 'warning';

export interface Note {
  /** `help` says what to do; absent or `note`, it adds a fact or a second place. */
  readonly kind?: 'note' | 'help';
  readonly message: string;
  readonly span?: Span;
}

export interface Diagnostic {
  /** Stable: `LM` and four digits. Never reused. */
  readonly code: string;
  readonly severity: Severity;
  readonly span: Span;
  /** One lowercase sentence without a final stop. */
  readonly message: string;
  readonly notes: readonly Note[];
}

/** Collects diagnostics in source order of discovery. */
export class Reporter {
  readonly #diagnostics: Diagnostic[] = [];

  report(diagnostic: Diagnostic): void {
    this.#diagnostics.push(diagnostic);
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  get hasErrors(): boolean {
    return this.#diagnostics.some((diagnostic) => diagnostic.severity === 'error');
  }
}

/** A broken invariant of lmc itself: exit code 70. Never used for what a user wrote. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}

/** Ends a `switch` over a union: the compiler proves that it cannot be reached. */
export function unreachable(value: never, what: string): never {
  throw new InternalError(`${what}: unexpected ${JSON.stringify(value)}`);
}
