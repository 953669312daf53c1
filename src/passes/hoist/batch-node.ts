/** A node of a scan's region, run outside for all positions at once: values get a leading axis, the position. */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, OpName, Value } from '../../ir/graph.ts';
import { freeAxes } from '../../ops/contraction.ts';
import { loweringOf } from '../../ops/index.ts';
import { operandOf } from '../rewrite.ts';

/** What stands outside for a value of the region: the value of every position, or the same for all of them. */
export interface Outside {
  readonly value: Value;
  readonly batched: boolean;
}

/** Whether `batchNode` can run the node with operands of these kinds. */
export function canBatch(node: Node, batched: readonly boolean[]): boolean {
  if (!batched.includes(true)) return true;
  switch (loweringOf(node).kind) {
    case 'gather':
      return node.op === 'gather' && batched[0] !== true;
    case 'scatter':
    case 'attention':
    case 'update':
    case 'scan':
    case 'recurrence':
      return false;
    default:
      return true;
  }
}

/** Emits the node over `trip` positions. Only where `canBatch` says so. */
export function batchNode(
  builder: GraphBuilder,
  node: Node,
  operands: readonly Outside[],
  trip: Dim,
): readonly Outside[] {
  if (!operands.some((operand) => operand.batched)) {
    const plain = operands.map((operand) => operand.value);
    return copyNode(builder, node, plain).map((value) => ({ value, batched: false }));
  }
  return [{ value: emitBatched(builder, node, operands, trip), batched: true }];
}

/** The same op on other operands. */
export function copyNode<Name extends OpName>(
  builder: GraphBuilder,
  node: NodeOf<Name>,
  operands: readonly Value[],
): readonly Value[] {
  return builder.emitAll<Name>(node.op, operands, node.attributes, {
    ...(node.region === undefined ? {} : { region: node.region }),
    names: node.results.map((result) => result.name),
  });
}

const next = (axis: number): number => axis + 1;

function emitBatched(builder: GraphBuilder, node: Node, operands: readonly Outside[], trip: Dim): Value {
  const name = node.results[0]?.name;
  const full = (): readonly Value[] => operands.map((operand) => repeated(builder, operand, trip));
  switch (node.op) {
    case 'broadcast': {
      const { shape, axes } = node.attributes;
      return builder.broadcast(operandAt(full(), 0), [trip, ...shape], [0, ...axes.map(next)]);
    }
    case 'transpose':
      return builder.transpose(operandAt(full(), 0), [0, ...node.attributes.permutation.map(next)]);
    case 'reshape':
      return builder.reshape(operandAt(full(), 0), [trip, ...node.attributes.shape]);
    case 'slice':
    case 'pad':
    case 'reverse':
    case 'concat':
    case 'argmax':
      return shiftAxis(builder, node, full());
    case 'reduce':
      return builder.emit(
        'reduce',
        full(),
        { ...node.attributes, axes: node.attributes.axes.map(next) },
        name,
      );
    case 'dot':
      return batchDot(builder, node, operands);
    case 'gather':
      return builder.emit(
        'gather',
        operands.map((operand) => operand.value),
        {},
        name,
      );
    default:
      return operandAt(copyNode(builder, node, full()), 0);
  }
}

function operandAt(values: readonly Value[], at: number): Value {
  const [found] = values.slice(at);
  if (found === undefined) throw new RangeError('a node lacks an operand');
  return found;
}

/** The operand of every position, whether it differs or not. */
function repeated(builder: GraphBuilder, { value, batched }: Outside, trip: Dim): Value {
  const { shape } = value.type;
  return batched
    ? value
    : builder.broadcast(
        value,
        [trip, ...shape],
        shape.map((_, axis) => next(axis)),
      );
}

function shiftAxis<Name extends 'slice' | 'pad' | 'reverse' | 'concat' | 'argmax'>(
  builder: GraphBuilder,
  node: NodeOf<Name>,
  operands: readonly Value[],
): Value {
  return builder.emit<Name>(
    node.op,
    operands,
    { ...node.attributes, axis: next(node.attributes.axis) },
    node.results[0]?.name,
  );
}

/** One operand's positions are rows of a single product; where both differ, they are batches of it. */
function batchDot(builder: GraphBuilder, node: NodeOf<'dot'>, operands: readonly Outside[]): Value {
  const [left, right] = operands.map((operand) => (operand.batched ? 1 : 0));
  const shift = ([lhs, rhs]: readonly [number, number]): readonly [number, number] => [
    lhs + (left ?? 0),
    rhs + (right ?? 0),
  ];
  const batch = node.attributes.batch.map(shift);
  const contract = node.attributes.contract.map(shift);
  const values = operands.map((operand) => operand.value);
  const both = left === 1 && right === 1;
  const product = builder.emit(
    'dot',
    values,
    { batch: both ? [[0, 0], ...batch] : batch, contract },
    node.results[0]?.name,
  );
  if (both) return product;
  const lhsFree = freeAxes(operandOf(node, 0).type.shape.length, 0, node.attributes).length;
  return moveToFront(builder, product, left === 1 ? batch.length : batch.length + lhsFree);
}

function moveToFront(builder: GraphBuilder, value: Value, axis: number): Value {
  const others = value.type.shape.map((_, at) => at).filter((at) => at !== axis);
  return builder.transpose(value, [axis, ...others]);
}
