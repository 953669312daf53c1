/**
 * What the compiler knows about an op: one record. Fusion, differentiation, the oracle and the documentation read
 * records; none of them asks for an op by name.
 */
import type { GraphBuilder } from '../ir/builder.ts';
import type { Dim } from '../ir/dim.ts';
import type { NodeOf, OpAttributes, OpName, Region, Value } from '../ir/graph.ts';
import type { Combine } from '../ir/kernel.ts';
import type { ScalarExpression } from '../ir/scalar.ts';
import type { TensorType } from '../ir/types.ts';

/** A type rule's refusal: a sentence for the person, which the verifier and the lowering turn into their errors. */
export class TypeRuleError extends Error {
  override readonly name = 'TypeRuleError';
  /** Index of the operand at fault, where there is one. */
  readonly operand: number | undefined;
  constructor(message: string, operand?: number) {
    super(message);
    this.operand = operand;
  }
}

export interface InferContext<Name extends OpName> {
  readonly operands: readonly TensorType[];
  readonly attributes: OpAttributes[Name];
  readonly region: Region | undefined;
}

export interface VjpContext<Name extends OpName> {
  readonly builder: GraphBuilder;
  readonly node: NodeOf<Name>;
  /** One for each result; undefined where the loss does not depend on it. */
  readonly cotangents: readonly (Value | undefined)[];
}

/** Where one element of a view's result comes from. */
export interface ViewSource {
  readonly operand: number;
  readonly index: readonly ScalarExpression[];
}

export interface ViewContext<Name extends OpName> {
  /** One i32 expression for each axis of the result. */
  readonly index: readonly ScalarExpression[];
  readonly attributes: OpAttributes[Name];
  readonly operands: readonly TensorType[];
  readonly result: TensorType;
}

/** Whether an element is the part's, and where in the part it is then. */
export interface PartOfUpdate {
  readonly guard: ScalarExpression;
  readonly index: readonly ScalarExpression[];
}

export type Lowering<Name extends OpName> =
  /** Element for element: result[i] = scalar(operands[i]…). `index` is the element's index. */
  | {
      readonly kind: 'pointwise';
      readonly scalar: (args: readonly ScalarExpression[], context: ViewContext<Name>) => ScalarExpression;
    }
  /** Moves elements: an index map, and a guard where a constant stands outside the operand. */
  | {
      readonly kind: 'view';
      readonly source: (
        context: ViewContext<Name>,
      ) => ViewSource | { readonly guard: ScalarExpression; readonly inside: ViewSource };
    }
  /** Several operands, each written to its own place of the result. */
  | { readonly kind: 'concat' }
  /** Combines the elements along axes, which disappear. */
  | {
      readonly kind: 'reduce';
      readonly combine: (attributes: OpAttributes[Name]) => Combine | 'argmax';
      readonly axes: (attributes: OpAttributes[Name]) => readonly number[];
    }
  | { readonly kind: 'contraction' }
  /** An index map that reads an operand, of (table, indices): where an element's index is, and where that leads. */
  | {
      readonly kind: 'gather';
      readonly indices: (context: ViewContext<Name>) => readonly ScalarExpression[];
      readonly table: (context: ViewContext<Name>, row: ScalarExpression) => readonly ScalarExpression[];
    }
  | { readonly kind: 'scatter' }
  /** Softmax of products, summed over values: kernels of its own. */
  | { readonly kind: 'attention' }
  /** The first operand with the second one in the place of a part of it. */
  | { readonly kind: 'update'; readonly part: (context: ViewContext<Name>) => PartOfUpdate }
  | { readonly kind: 'scan' }
  /** Steps along axis 0: (factors, terms, initial) to the history. */
  | { readonly kind: 'recurrence' };

/** A case for the generic tests: types of the operands, attributes, and the range that data is drawn from. */
export interface OpSample<Name extends OpName> {
  readonly title: string;
  readonly operands: readonly TensorType[];
  readonly attributes: OpAttributes[Name];
  /** Only, and always, for `scan`. */
  readonly region?: Region;
  /** Sizes of the symbols that the types use. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Inclusive range of random operand data; the default is [−2, 2], and [0, 4] for i32. */
  readonly range?: readonly [number, number];
}

export interface OpRecord<Name extends OpName = OpName> {
  readonly name: Name;
  /** One paragraph of Markdown: the definition, shapes, source. */
  readonly documentation: string;
  /** Types of the results. Throws a TypeRuleError. */
  readonly infer: (context: InferContext<Name>) => readonly TensorType[];
  /** Cotangents of the operands, undefined for none. Absent: the op stops the gradient (integers, comparisons). */
  readonly vjp?: (context: VjpContext<Name>) => readonly (Value | undefined)[];
  readonly lowering: Lowering<Name>;
  /** Results that no gradient passes through, though they are f32: what the op's own gradient reads. */
  readonly silentResults?: readonly number[];
  readonly samples: readonly OpSample<Name>[];
}

/** Total: an op without a record is a type error. */
export type OpTable = { readonly [Name in OpName]: OpRecord<Name> };

export type { Dim };
