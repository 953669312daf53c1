/** The only list of ops: the records by name, and what the rest of the compiler asks of them. */
import type { GraphBuilder, InferTypes } from '../ir/builder.ts';
import type { NodeOf, OpName, Value } from '../ir/graph.ts';
import type { Scalar } from '../ir/scalar-builder.ts';
import type { TensorType } from '../ir/types.ts';
import { InternalError } from '../diagnostics/diagnostic.ts';
import { activation } from './activation.ts';
import { arithmetic } from './arithmetic.ts';
import { attention } from './attention.ts';
import { compare } from './compare.ts';
import { contraction } from './contraction.ts';
import { gather } from './gather.ts';
import type { Lowering, OpRecord, OpTable, PartOfUpdate, ViewContext, ViewSource } from './op.ts';
import { recurrence } from './recurrence.ts';
import { reduce } from './reduce.ts';
import { scan } from './scan.ts';
import { source } from './source.ts';
import { update } from './update.ts';
import { view } from './view.ts';

/** By family, in the order of docs/ops.md. */
export const opFamilies = {
  source,
  arithmetic,
  activation,
  compare,
  view,
  reduce,
  contraction,
  gather,
  attention,
  update,
  scan,
  recurrence,
};

export const opTable: OpTable = {
  ...source,
  ...arithmetic,
  ...activation,
  ...compare,
  ...view,
  ...reduce,
  ...contraction,
  ...gather,
  ...attention,
  ...update,
  ...scan,
  ...recurrence,
};

export function recordOf<Name extends OpName>(op: Name): OpRecord<Name> {
  return opTable[op];
}

export const inferTypes: InferTypes = (op, operands, attributes, region) =>
  recordOf(op).infer({ operands, attributes, region });

/** Result types of a node by its rule. Throws a TypeRuleError. */
export function inferNode<Name extends OpName>(node: NodeOf<Name>): readonly TensorType[] {
  return recordOf<Name>(node.op).infer({
    operands: typesOf(node.operands),
    attributes: node.attributes,
    region: node.region,
  });
}

/** Emits the node's gradient: a cotangent for each operand, or undefined where the op has none of its own. */
export function vjpOf<Name extends OpName>(
  node: NodeOf<Name>,
  builder: GraphBuilder,
  cotangents: readonly (Value | undefined)[],
): readonly (Value | undefined)[] | undefined {
  return recordOf<Name>(node.op).vjp?.({ builder, node, cotangents });
}

export function loweringOf<Name extends OpName>(node: NodeOf<Name>): Lowering<Name> {
  return recordOf<Name>(node.op).lowering;
}

/** The scalar form of a pointwise node at an element, given the operands' elements there. */
export function pointwiseScalar<Name extends OpName>(
  node: NodeOf<Name>,
  args: readonly Scalar[],
  index: readonly Scalar[],
): Scalar {
  const lowering = loweringOf<Name>(node);
  if (lowering.kind !== 'pointwise') throw new InternalError(`${node.op} is not pointwise`);
  return lowering.scalar(args, elementContext<Name>(node, index));
}

/** Where a view node's element comes from. */
export function viewSource<Name extends OpName>(
  node: NodeOf<Name>,
  index: readonly Scalar[],
): ViewSource | { readonly guard: Scalar; readonly inside: ViewSource } {
  const lowering = loweringOf<Name>(node);
  if (lowering.kind !== 'view') throw new InternalError(`${node.op} is not a view`);
  return lowering.source(elementContext<Name>(node, index));
}

/** Of an element of a gathering node: where its index is among the indices, and where in the table that leads. */
export function gatherSource<Name extends OpName>(
  node: NodeOf<Name>,
  index: readonly Scalar[],
): { readonly indices: readonly Scalar[]; readonly table: (row: Scalar) => readonly Scalar[] } {
  const lowering = loweringOf<Name>(node);
  if (lowering.kind !== 'gather') throw new InternalError(`${node.op} gathers nothing`);
  const context = elementContext<Name>(node, index);
  return { indices: lowering.indices(context), table: (row) => lowering.table(context, row) };
}

/** Which elements of an `update-slice` are the part's, and where in it they are. */
export function updatePart<Name extends OpName>(node: NodeOf<Name>, index: readonly Scalar[]): PartOfUpdate {
  const lowering = loweringOf<Name>(node);
  if (lowering.kind !== 'update') throw new InternalError(`${node.op} is no update`);
  return lowering.part(elementContext<Name>(node, index));
}

/** What a `reduce` node combines, and along which axes of its operand. */
export function reductionOf<Name extends OpName>(node: NodeOf<Name>) {
  const lowering = loweringOf<Name>(node);
  if (lowering.kind !== 'reduce') throw new InternalError(`${node.op} is not a reduction`);
  return { combine: lowering.combine(node.attributes), axes: lowering.axes(node.attributes) };
}

function elementContext<Name extends OpName>(
  node: NodeOf<Name>,
  index: readonly Scalar[],
): ViewContext<Name> {
  const [result] = node.results;
  if (result === undefined) throw new InternalError(`${node.op} has no result`);
  return { index, attributes: node.attributes, operands: typesOf(node.operands), result: result.type };
}

function typesOf(values: readonly Value[]): readonly TensorType[] {
  return values.map((value) => value.type);
}
