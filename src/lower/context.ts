/** What the parts of lowering share: where to emit, whom to tell, and how to evaluate what stands inside them. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { note } from '../diagnostics/define.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { Span } from '../diagnostics/span.ts';
import type { Dim } from '../ir/dim.ts';
import type { GraphState, OpAttributes, OpName, Origin, Value } from '../ir/graph.ts';
import type { DType } from '../ir/types.ts';
import { TypeRuleError } from '../ops/op.ts';
import type { Expression, Statement } from '../parser/ast.ts';
import { programTooLarge, refusedByOp } from '../diagnostics/catalogue/types.ts';
import { Frame, ValueFacts } from './frame.ts';
import type { LayerSummary } from './lowered.ts';
import { poison, tensor, type LmValue, type ModuleNames, type Owner } from './values.ts';

export type Mode = 'predict' | 'eval' | 'train' | 'decode';

/** Names that an expression sees. */
export interface Scope {
  readonly module: ModuleNames;
  readonly owner: Owner;
  /** Which turns of unrolled loops this is: ``, `0`, `0.1`. */
  readonly turn: string;
  readonly values: Map<string, LmValue>;
  readonly parent: Scope | undefined;
  /** In library code: where the user's program called it. */
  readonly caller: Span | undefined;
  /** The axes that `...` stands for in the signature of the block. */
  leading: readonly Dim[] | undefined;
}

export function childScope(parent: Scope, changes: Partial<Pick<Scope, 'turn'>> = {}): Scope {
  return { ...parent, ...changes, values: new Map(), parent };
}

export function lookup(scope: Scope, name: string): LmValue | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const value = at.values.get(name);
    if (value !== undefined) return value;
  }
  return scope.module.values.get(name);
}

export function visibleNames(scope: Scope): readonly string[] {
  const names = [...scope.module.values.keys()];
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) names.push(...at.values.keys());
  return names;
}

/** How a body ended. */
export type Outcome =
  | { readonly kind: 'end' }
  | { readonly kind: 'return'; readonly value: LmValue; readonly span: Span }
  | {
      readonly kind: 'next';
      readonly carries: ReadonlyMap<string, LmValue>;
      readonly emits: readonly LmValue[];
      readonly statement: Extract<Statement, { kind: 'next' }>;
    };

/** What evaluates expressions and bodies; handed in, because blocks, scans and expressions contain each other. */
export interface Rules {
  /** `name`: what the value is about to be bound to; blocks own their parameters under it. */
  readonly evaluate: (ctx: Context, expression: Expression, scope: Scope, name?: string) => LmValue;
  readonly execute: (ctx: Context, body: readonly Statement[], scope: Scope) => Outcome;
}

/** A model with hundreds of layers takes some 10,000. */
const MOST_EVALUATIONS = 100_000;

/** What a walk carries from batch to batch, and the scans that it met. */
export interface CarriedScans {
  /** Sizes of the sequence: the runtime dimensions of the model's inputs behind their first axis. */
  readonly dims: readonly Dim[];
  readonly forward: Span[];
  readonly reversed: Span[];
}

/** The sequence of a model that is walked for `decode`. */
export interface Growing {
  /** The number of new tokens: the dimension as the program has it. */
  readonly seq: Dim;
  /** The length with them. */
  readonly total: Dim;
  /** The length before them, `total - seq`: from 0. */
  readonly past: Dim;
}

/** A place where a program says `cache`. */
export interface CacheUse {
  readonly span: Span;
  /** The axis is of the sequence that grows, the last time or an earlier one. Only known in the walk for `decode`. */
  readonly grows: boolean;
  /** The size of the axis, the last time. */
  readonly size: Dim;
}

/** One walk through a model: for one of its programs. */
export class Context {
  readonly mode: Mode;
  readonly facts = new ValueFacts();
  readonly states: GraphState[] = [];
  /** What batches leave for the next: new contents of states of the role `carry`. */
  readonly updates: { readonly state: string; readonly value: Value }[] = [];
  /** While a model is walked whose scans go on where the batch before ended. */
  carried: CarriedScans | undefined;
  /** While a model is walked for `decode`. */
  growing: Growing | undefined;
  /** Of nodes in blocks of the library: where the program applies the block. */
  readonly callers = new WeakMap<Origin, Span>();
  readonly layers: LayerSummary[] = [];
  /** Blocks that are being applied, outermost first: a block may not contain itself. */
  readonly applying: string[] = [];
  /** How often each stream of random numbers was drawn from. */
  readonly streams = new Map<string, number>();
  /** Integers that index a table: exclusive bound by the data input that they come from. */
  readonly ranges = new Map<string, readonly [number, number]>();
  /** The dimension along which a data input holds lengths, by its name. */
  readonly lengthsAlong = new Map<string, string>();
  /** Data inputs by their value. */
  readonly inputNames = new Map<Value, string>();
  /** Where the user's program makes a parameter, by its state name. */
  readonly places = new Map<string, Span>();
  /** Uses of `cache` outside the library, by their place. */
  readonly caches = new Map<string, CacheUse>();
  readonly bounds: ReadonlyMap<string, number>;
  frame: Frame;
  /** Where the user's program called the library code that is being walked. */
  libraryCall: { readonly span: Span; readonly isLibrary: (file: string) => boolean } | undefined;
  readonly #rules: Rules;
  readonly #report: (diagnostic: Diagnostic) => void;
  #muted = 0;
  #errors = 0;
  #evaluations = 0;
  #stopped = false;

  constructor(options: {
    readonly mode: Mode;
    readonly origin: Span;
    readonly rules: Rules;
    readonly bounds: ReadonlyMap<string, number>;
    readonly report: (diagnostic: Diagnostic) => void;
  }) {
    this.mode = options.mode;
    this.bounds = options.bounds;
    this.frame = Frame.graph({ span: options.origin, derivation: [] }, this.facts);
    this.#rules = options.rules;
    this.#report = options.report;
  }

  evaluate(expression: Expression, scope: Scope, name?: string): LmValue {
    this.#evaluations += 1;
    if (this.#evaluations > MOST_EVALUATIONS) return this.#stop(expression.span);
    return this.#rules.evaluate(this, expression, scope, name);
  }

  execute(body: readonly Statement[], scope: Scope): Outcome {
    return this.#rules.execute(this, body, scope);
  }

  /** Loops and blocks within each other grow a program without end: said once, whatever is muted. */
  #stop(span: Span): LmValue {
    if (this.#evaluations === MOST_EVALUATIONS + 1) {
      this.#report(programTooLarge(span, { most: String(MOST_EVALUATIONS) }));
      this.#stopped = true;
    }
    this.#errors += 1;
    return poison;
  }

  report(diagnostic: Diagnostic): void {
    // What was cut off lacks everything behind it.
    if (this.#stopped) return;
    if (diagnostic.severity === 'error') this.#errors += 1;
    if (this.#muted === 0) this.#report(this.#atCaller(diagnostic));
  }

  /** What is wrong within the library is wrong with how it was called. */
  #atCaller(diagnostic: Diagnostic): Diagnostic {
    const { libraryCall: call } = this;
    if (call === undefined || !call.isLibrary(diagnostic.span.file)) return diagnostic;
    const notes = [note('this is where, in the library', diagnostic.span), ...diagnostic.notes];
    return { ...diagnostic, span: call.span, notes };
  }

  /** Errors so far; in a rehearsal those of the rehearsal, too. */
  get errors(): number {
    return this.#errors;
  }

  /** Reports, and gives the value that raises nothing more. */
  fail(diagnostic: Diagnostic): LmValue {
    this.report(diagnostic);
    return poison;
  }

  /** Runs without reporting, in a region whose nodes nobody keeps; says how many errors there would have been. */
  rehearse<T>(frame: Frame, run: () => T): { readonly result: T; readonly errors: number } {
    this.#muted += 1;
    const errors = this.#errors;
    const { length } = this.layers;
    const streams = new Map(this.streams);
    try {
      const result = this.within(frame, run);
      return { result, errors: this.#errors - errors };
    } finally {
      this.#errors = errors;
      this.#muted -= 1;
      this.layers.length = length;
      this.streams.clear();
      for (const [name, count] of streams) this.streams.set(name, count);
    }
  }

  get isRehearsal(): boolean {
    return this.#muted > 0;
  }

  within<T>(frame: Frame, run: () => T): T {
    const outer = this.frame;
    this.frame = frame;
    try {
      return run();
    } finally {
      this.frame = outer;
    }
  }

  /** Nodes that `run` emits come from this place; what an op refuses is reported there. */
  at(span: Span, scope: Scope, run: () => LmValue): LmValue {
    const origin: Origin = {
      span,
      derivation:
        scope.caller === undefined ? [] : [`called from ${scope.caller.file}:${scope.caller.start.line}`],
    };
    if (scope.caller !== undefined) this.callers.set(origin, scope.caller);
    return this.frame.builder.at(origin, () => {
      try {
        return run();
      } catch (error) {
        if (!(error instanceof TypeRuleError)) throw error;
        return this.fail(refusedByOp(span, { reason: error.message }));
      }
    });
  }

  emit<Name extends OpName>(
    op: Name,
    operands: readonly Value[],
    attributes: OpAttributes[Name],
    name?: string,
  ): Value {
    const [result] = this.frame.emitAll(
      op,
      operands,
      attributes,
      name === undefined ? {} : { names: [name] },
    );
    if (result === undefined) throw new InternalError(`${op} has no result`);
    return result;
  }

  tensor<Name extends OpName>(op: Name, operands: readonly Value[], attributes: OpAttributes[Name]): LmValue {
    return tensor(this.emit(op, operands, attributes));
  }

  constant(value: number, dtype: DType = 'f32', shape: readonly Dim[] = []): Value {
    const scalar = this.emit('constant', [], { dtype, value });
    return shape.length === 0 ? scalar : this.emit('broadcast', [scalar], { shape, axes: [] });
  }
}
