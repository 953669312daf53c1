/** What an op's record says of one node, as plain closures: the only place of fusion that meets the op table. */
import type { NodeOf, OpName, Value } from '../../ir/graph.ts';
import type { Combine } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { recordOf } from '../../ops/index.ts';
import type { ViewContext } from '../../ops/op.ts';

export type Index = readonly ScalarExpression[];

export interface ViewRead {
  /** The element is 0 where the guard is false. */
  readonly guard?: ScalarExpression;
  readonly operand: Value;
  readonly index: Index;
}

export type Lowered =
  | {
      readonly kind: 'pointwise';
      readonly scalar: (args: readonly ScalarExpression[], index: Index) => ScalarExpression;
    }
  | { readonly kind: 'view'; readonly source: (index: Index) => ViewRead }
  | { readonly kind: 'reduce'; readonly combine: Combine | 'argmax'; readonly axes: readonly number[] }
  | { readonly kind: 'contraction' }
  | { readonly kind: 'concat' }
  | { readonly kind: 'gather' }
  | { readonly kind: 'scatter' }
  | { readonly kind: 'scan' };

export function lowerNode<Name extends OpName>(node: NodeOf<Name>): Lowered {
  const { lowering } = recordOf<Name>(node.op);
  const result = onlyResult(node);
  const context = (index: Index): ViewContext<Name> => ({
    index,
    attributes: node.attributes,
    operands: node.operands.map((operand) => operand.type),
    result: result.type,
  });
  switch (lowering.kind) {
    case 'pointwise':
      return { kind: 'pointwise', scalar: (args, index) => lowering.scalar(args, context(index)) };
    case 'view':
      return {
        kind: 'view',
        source(index) {
          const source = lowering.source(context(index));
          const inside = 'guard' in source ? source.inside : source;
          const operand = node.operands[inside.operand];
          if (operand === undefined) throw new InternalError(`${node.op} reads an operand that it does not have`);
          const read = { operand, index: inside.index };
          return 'guard' in source ? { ...read, guard: source.guard } : read;
        },
      };
    case 'reduce':
      return {
        kind: 'reduce',
        combine: lowering.combine(node.attributes),
        axes: lowering.axes(node.attributes),
      };
    default:
      return lowering;
  }
}

function onlyResult(node: { readonly op: OpName; readonly results: readonly Value[] }): Value {
  const [result] = node.results;
  // A scan's results are places, never read through this record.
  return result ?? { type: { dtype: 'f32', shape: [] } };
}
