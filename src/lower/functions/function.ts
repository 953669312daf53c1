/** What a function of the language is: its parameters, and what it makes of their values. */
import type { Span } from '../../diagnostics/span.ts';
import type { EvaluatedArgument } from '../apply.ts';
import type { Context, Scope } from '../context.ts';
import type { LmValue } from '../values.ts';

/** A use of a function, its arguments bound by name. */
export interface Call {
  readonly ctx: Context;
  readonly name: string;
  readonly span: Span;
  readonly scope: Scope;
  /** Undefined where an optional argument was left out. */
  readonly get: (name: string) => EvaluatedArgument | undefined;
  /** Further arguments, by place (`variadic`) or by name (`keywords`). */
  readonly rest: readonly EvaluatedArgument[];
}

export interface LmFunction {
  /** In order; `name?` is optional. */
  readonly parameters: readonly string[];
  /** Takes more arguments by place. */
  readonly variadic?: boolean;
  /** Takes more arguments by name. */
  readonly keywords?: boolean;
  /** Makes something of a carry of unknown shape, beside another carry. */
  readonly acceptsHole?: boolean;
  readonly apply: (call: Call) => LmValue;
  /** One line for docs/language.md. */
  readonly documentation: string;
}

export type FunctionTable = Readonly<Record<string, LmFunction>>;
