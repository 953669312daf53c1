/** The abstract syntax tree: what was written, with its place, and no meaning. */
import type { Span } from '../diagnostics/span.ts';

export interface Identifier {
  readonly name: string;
  readonly span: Span;
}

/** One `.lm` file. */
export interface SourceFile {
  readonly span: Span;
  readonly declarations: readonly Declaration[];
}

export type Declaration =
  | ImportDeclaration
  | ConfigDeclaration
  | DimDeclaration
  | BlockDeclaration
  | ModelDeclaration
  | TaskDeclaration
  | GenerateDeclaration;

/** `import nn` names a library module; `import "cells.lm"` a file, relative to this one. */
export interface ImportDeclaration {
  readonly kind: 'import';
  readonly source: { readonly kind: 'library' | 'file'; readonly name: string; readonly span: Span };
  readonly span: Span;
}

export interface ConfigDeclaration {
  readonly kind: 'config';
  readonly entries: readonly { readonly name: Identifier; readonly value: Expression; readonly span: Span }[];
  readonly span: Span;
}

/** `dim seq <= 256`; without a bound, `dim batch`. */
export interface DimDeclaration {
  readonly kind: 'dim';
  readonly name: Identifier;
  readonly bound: Expression | undefined;
  readonly span: Span;
}

/** `n_layers = 1` between a block's braces. */
export interface Hyperparameter {
  readonly name: Identifier;
  readonly default: Expression | undefined;
  readonly span: Span;
}

/** `lengths: i32[batch] = seq` between a block's parentheses. */
export interface ValueParameter {
  readonly name: Identifier;
  readonly type: TypeExpression;
  readonly default: Expression | undefined;
  readonly span: Span;
}

/** `f32[..., 4*hidden_size]`; `leading` is true for the `...`, which stands for any leading axes. */
export interface TypeExpression {
  readonly dtype: Identifier;
  readonly leading: boolean;
  readonly dims: readonly Expression[];
  readonly span: Span;
}

/** `block Name{hyperparameters}(parameters) -> results { body }`; braces and results may be absent. */
export interface BlockDeclaration {
  readonly kind: 'block';
  readonly name: Identifier;
  readonly hyperparameters: readonly Hyperparameter[];
  readonly parameters: readonly ValueParameter[];
  readonly results: readonly TypeExpression[] | undefined;
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface ModelDeclaration {
  readonly kind: 'model';
  readonly name: Identifier;
  readonly parameters: readonly ValueParameter[];
  readonly results: readonly TypeExpression[];
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface TaskDeclaration {
  readonly kind: 'task';
  readonly name: Identifier;
  readonly model: Identifier;
  readonly items: readonly TaskItem[];
  readonly span: Span;
}

export type TaskItem =
  | { readonly kind: 'target'; readonly name: Identifier; readonly type: TypeExpression; readonly span: Span }
  | { readonly kind: 'metric'; readonly name: Identifier; readonly value: Expression; readonly span: Span }
  | { readonly kind: 'field'; readonly name: Identifier; readonly value: Expression; readonly span: Span };

/** `generate NAME for MODEL { field = value … }` */
export interface GenerateDeclaration {
  readonly kind: 'generate';
  readonly name: Identifier;
  readonly model: Identifier;
  readonly fields: readonly { readonly name: Identifier; readonly value: Expression; readonly span: Span }[];
  readonly span: Span;
}

export type Statement =
  /** `a, _, b = value`; the name `_` discards. */
  | {
      readonly kind: 'assign';
      readonly targets: readonly Identifier[];
      readonly value: Expression;
      readonly span: Span;
    }
  /** `param weight as "weight_l{layer}": f32[…] = uniform{0.1}`; `as` gives the state-dict name. */
  | {
      readonly kind: 'param';
      readonly name: Identifier;
      readonly stateName: StringExpression | undefined;
      readonly type: TypeExpression;
      readonly initializer: Expression | undefined;
      readonly span: Span;
    }
  | { readonly kind: 'return'; readonly values: readonly Expression[]; readonly span: Span }
  /** `next (h = …, c = …) emit a, b`: ends the body of a scan or of a `repeat … carry`. */
  | {
      readonly kind: 'next';
      readonly carries: readonly {
        readonly name: Identifier;
        readonly value: Expression;
        readonly span: Span;
      }[];
      readonly emits: readonly Expression[];
      readonly span: Span;
    };

/** `carry (h = 0, c: f32[batch, hidden] = 0)` */
export interface Carry {
  readonly name: Identifier;
  readonly type: TypeExpression | undefined;
  readonly initial: Expression;
  readonly span: Span;
}

/** `name = value`, a value alone, between braces or parentheses of a use. */
export interface Argument {
  readonly name: Identifier | undefined;
  readonly value: Expression;
  readonly span: Span;
}

/** One place between the brackets of `x[a, 1:n, :]`. */
export type Subscript =
  | { readonly kind: 'index'; readonly value: Expression; readonly span: Span }
  | {
      readonly kind: 'slice';
      readonly start: Expression | undefined;
      readonly stop: Expression | undefined;
      readonly span: Span;
    };

/** `"weight_l{layer}"`: text and interpolated expressions, in order. A string without braces is one text part. */
export interface StringExpression {
  readonly kind: 'string';
  readonly parts: readonly (
    { readonly kind: 'text'; readonly text: string } | { readonly kind: 'value'; readonly value: Expression }
  )[];
  readonly span: Span;
}

export type BinaryOperator =
  | '+' | '-' | '*' | '/' | '//' | '%' | '**' | '@' | '|'
  | 'and' | 'or' | '==' | '!=' | '<' | '<=' | '>' | '>='; // prettier-ignore

export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly isInteger: boolean; readonly span: Span }
  | StringExpression
  | { readonly kind: 'boolean'; readonly value: boolean; readonly span: Span }
  /** `none` */
  | { readonly kind: 'none'; readonly span: Span }
  | { readonly kind: 'name'; readonly name: string; readonly span: Span }
  | {
      readonly kind: 'unary';
      readonly operator: '-' | '+' | 'not';
      readonly operand: Expression;
      readonly span: Span;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly lhs: Expression;
      readonly rhs: Expression;
      /** Of the operator alone. */
      readonly operatorSpan: Span;
      readonly span: Span;
    }
  /** `then if condition else otherwise` */
  | {
      readonly kind: 'conditional';
      readonly condition: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
      readonly span: Span;
    }
  /** `callee(arguments)` */
  | {
      readonly kind: 'call';
      readonly callee: Expression;
      readonly arguments: readonly Argument[];
      readonly span: Span;
    }
  /** `Name{arguments}` */
  | {
      readonly kind: 'build';
      readonly builder: Identifier;
      readonly arguments: readonly Argument[];
      readonly span: Span;
    }
  | {
      readonly kind: 'index';
      readonly base: Expression;
      readonly subscripts: readonly Subscript[];
      readonly span: Span;
    }
  /** `wte.weight`, `x.T` */
  | { readonly kind: 'attribute'; readonly base: Expression; readonly name: Identifier; readonly span: Span }
  /** `(a, b)`, and `return a, b` as one value */
  | { readonly kind: 'tuple'; readonly elements: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'list'; readonly elements: readonly Expression[]; readonly span: Span }
  /**
   * `scan x_t, m_t over seq of x, m reversed if backward masked lengths carry (h = 0) { … }`.
   * `reversed` is undefined where the word is absent, and a `true` literal where it stands alone.
   */
  | {
      readonly kind: 'scan';
      readonly elements: readonly Identifier[];
      readonly dim: Identifier;
      readonly sequences: readonly Expression[];
      readonly reversed: Expression | undefined;
      readonly masked: Expression | undefined;
      readonly carries: readonly Carry[];
      readonly body: readonly Statement[];
      readonly span: Span;
    }
  /** A builder: `repeat n { Block{…} }`, `repeat n shared { Block{…} }`; `index` names the copy's number. */
  | {
      readonly kind: 'repeat';
      readonly count: Expression;
      readonly index: Identifier | undefined;
      readonly shared: boolean;
      readonly body: Expression;
      readonly span: Span;
    }
  /** Unrolled at compile time: `repeat n as i carry (y = x) { … next (y = …) emit h }`; emits are stacked at axis 0. */
  | {
      readonly kind: 'repeat-carry';
      readonly count: Expression;
      readonly index: Identifier | undefined;
      readonly carries: readonly Carry[];
      readonly body: readonly Statement[];
      readonly span: Span;
    };
