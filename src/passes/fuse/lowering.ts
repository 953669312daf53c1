/** What an op's record says of one node, as plain closures: the only place of fusion that meets the op table. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { Node, Value } from '../../ir/graph.ts';
import type { Combine } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import {
  gatherSource,
  loweringOf,
  pointwiseScalar,
  reductionOf,
  updatePart,
  viewSource,
} from '../../ops/index.ts';
import type { PartOfUpdate } from '../../ops/op.ts';

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
  | { readonly kind: 'update'; readonly part: (index: Index) => PartOfUpdate }
  | { readonly kind: 'gather'; readonly source: (index: Index) => ReturnType<typeof gatherSource> }
  | {
      readonly kind: 'contraction' | 'concat' | 'scatter' | 'attention' | 'scan' | 'recurrence';
    };

export function lowerNode(node: Node): Lowered {
  const { kind } = loweringOf(node);
  switch (kind) {
    case 'pointwise':
      return { kind, scalar: (args, index) => pointwiseScalar(node, args, index) };
    case 'view':
      return { kind, source: (index) => readView(node, index) };
    case 'gather':
      return { kind, source: (index) => gatherSource(node, index) };
    case 'update':
      return { kind, part: (index) => updatePart(node, index) };
    case 'reduce':
      return { kind, ...reductionOf(node) };
    default:
      return { kind };
  }
}

function readView(node: Node, index: Index): ViewRead {
  const source = viewSource(node, index);
  const inside = 'guard' in source ? source.inside : source;
  const operand = node.operands[inside.operand];
  if (operand === undefined) throw new InternalError(`${node.op} reads an operand that it does not have`);
  const read = { operand, index: inside.index };
  return 'guard' in source ? { ...read, guard: source.guard } : read;
}
