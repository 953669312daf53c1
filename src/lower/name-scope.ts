/** Names that a body defines, and which of them are used: the bookkeeping of `check-names.ts`. */
import * as names from '../diagnostics/catalogue/names.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';

export interface Binding {
  /** As in `the value`, `the hyperparameter`; undefined where nobody cares whether it is used. */
  readonly what: string | undefined;
  readonly name: string;
  readonly span: Span;
  used: boolean;
}

export class NameScope {
  readonly parent: NameScope | undefined;
  readonly #bindings = new Map<string, Binding>();
  /** In order, those that were bound again too. */
  readonly #all: Binding[] = [];

  constructor(parent?: NameScope) {
    this.parent = parent;
  }

  define(name: string, span: Span, what: string | undefined): void {
    const binding: Binding = { what: name.startsWith('_') ? undefined : what, name, span, used: false };
    this.#bindings.set(name, binding);
    this.#all.push(binding);
  }

  /** Marks the nearest binding as used; false where there is none. */
  use(name: string): boolean {
    const binding = this.#bindings.get(name);
    if (binding === undefined) return this.parent?.use(name) ?? false;
    binding.used = true;
    return true;
  }

  has(name: string): boolean {
    return this.#bindings.has(name) || (this.parent?.has(name) ?? false);
  }

  names(): readonly string[] {
    return [...this.#bindings.keys(), ...(this.parent?.names() ?? [])];
  }

  /** Warns of what was defined here and never used. */
  reportUnused(report: (diagnostic: Diagnostic) => void): void {
    for (const { what, name, span, used } of this.#all)
      if (!used && what !== undefined) report(names.unusedName(span, { what, name }));
  }
}
