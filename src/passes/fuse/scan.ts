/**
 * Places for what a scan carries, stacks and sums.
 *
 * A carry whose history is stacked lives in a buffer of trip + 1 positions: a step reads one and writes the next, and
 * the stacks are views of it. Another carry has two positions in turn. A sum is added to in place.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { addDims, constantDim, type Dim } from '../../ir/dim.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import * as scalar from '../../ir/scalar-builder.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { positionPlace, wholePlace, type AtDepth, type Place, type Target } from './context.ts';
import type { ItemList } from './items.ts';

type ScanNode = Extract<Node, { op: 'scan' }>;

/** Defines the scan's results and its region's parameters. `depth` counts the loops around the scan. */
export function addScan(list: ItemList, node: ScanNode, depth: number): void {
  const { ctx } = list;
  const { trip, reverse, sequences, carries, stacks } = node.attributes;
  if (node.region === undefined) throw new InternalError('a scan without a region');
  const region = cloneRegion(node.region);
  const direction = { flipped: false };
  const last = scalar.dimension(addDims(trip, constantDim(-1)));
  const position: AtDepth = (at) => {
    const loop = scalar.loop(at - depth - 1);
    return direction.flipped ? scalar.subtract(last, loop) : loop;
  };

  const [positionParameter, ...parameters] = region.parameters;
  if (positionParameter === undefined) throw new InternalError('a region without a position');
  ctx.definitions.set(positionParameter, { kind: 'scalar', expression: position });
  for (const [at, parameter] of parameters.entries()) {
    const operand = elementAt(node.operands, at);
    if (at >= sequences && at < sequences + carries) continue;
    list.requireLoads(operand);
    ctx.definitions.set(
      parameter,
      at < sequences ? { kind: 'element', of: operand, position } : { kind: 'same', as: operand },
    );
  }

  const targets: (Target | undefined)[] = region.results.map(() => undefined);
  const reads: Value[] = [];
  const settle = (value: Value, place: Place): void => {
    ctx.definitions.set(value, { kind: 'place' });
    ctx.places.set(value, place);
  };
  const stackResults = region.results.slice(carries, carries + stacks);
  for (let carry = 0; carry < carries; carry++) {
    const parameter = elementAt(parameters, sequences + carry);
    const next = elementAt(region.results, carry);
    const keepsHistory = stackResults.some((stacked) => stacked === parameter || stacked === next);
    const steps = carryPositions(trip, reverse, position, keepsHistory);
    const name = parameter.name ?? 'carry';
    const shape = [steps.length, ...parameter.type.shape];
    const slot = ctx.addSlot(
      keepsHistory ? `${name}_history` : name,
      { ...parameter.type, shape },
      'temporary',
    );
    const at = (where: AtDepth): Place => positionPlace(slot, shape, where);
    settle(parameter, at(steps.read));
    targets[carry] = { place: at(steps.write), accumulate: false, stable: true, inPlace: false };
    settle(
      elementAt(node.results, carry),
      at(() => steps.final),
    );
    const initial: Value = { type: parameter.type };
    const target = {
      place: at(() => steps.initial),
      accumulate: false,
      stable: keepsHistory,
      inPlace: false,
    };
    list.copy(elementAt(node.operands, sequences + carry), initial, parameter.type, target, node);
    ctx.definitions.set(initial, { kind: 'place' });
    ctx.places.set(initial, target.place);
    reads.push(initial);
    for (const [stack, stacked] of stackResults.entries()) {
      if (!keepsHistory || (stacked !== parameter && stacked !== next)) continue;
      // The carry before step t is at position t of a forward scan, after it at t + 1; in reverse the other way round.
      const shift = (stacked === parameter) === reverse ? 1 : 0;
      const index: Place['index'] = ([first, ...rest]) => [
        scalar.add(first ?? scalar.integer(0), scalar.integer(shift)),
        ...rest,
      ];
      settle(elementAt(node.results, carries + stack), { slot, shape, index, whole: false });
    }
  }
  for (const [at, value] of node.results.entries()) {
    if (at < carries || ctx.places.has(value)) continue;
    const slot = ctx.addSlot(
      value.name ?? (at < carries + stacks ? 'stack' : 'sum'),
      value.type,
      'temporary',
    );
    settle(value, wholePlace(slot, value.type.shape));
    const isSum = at >= carries + stacks;
    const place = isSum
      ? wholePlace(slot, value.type.shape)
      : positionPlace(slot, value.type.shape, position);
    targets[at] = { place, accumulate: isSum, stable: !isSum, inPlace: isSum };
    if (!isSum) continue;
    const zero: Value = { type: value.type };
    list.copy(undefined, zero, value.type, { place, accumulate: false, stable: false, inPlace: false }, node);
    settle(zero, place);
    reads.push(zero);
  }
  const scan = { trip, reverse, direction, region, targets };
  list.add({ kind: 'scan', id: ctx.nextItem(), node, results: node.results, reads, scan });
}

interface CarryPositions {
  readonly length: Dim;
  readonly read: AtDepth;
  readonly write: AtDepth;
  readonly initial: ScalarExpression;
  readonly final: ScalarExpression;
}

function carryPositions(
  trip: Dim,
  reverse: boolean,
  position: AtDepth,
  keepsHistory: boolean,
): CarryPositions {
  const end = scalar.dimension(trip);
  const one = scalar.integer(1);
  const two = scalar.integer(2);
  if (keepsHistory) {
    const next: AtDepth = (depth) => scalar.add(position(depth), one);
    const length = addDims(trip, constantDim(1));
    return reverse
      ? { length, read: next, write: position, initial: end, final: scalar.integer(0) }
      : { length, read: position, write: next, initial: scalar.integer(0), final: end };
  }
  const step: AtDepth = (depth) =>
    reverse ? scalar.subtract(scalar.subtract(end, one), position(depth)) : position(depth);
  return {
    length: constantDim(2),
    read: (depth) => scalar.remainder(step(depth), two),
    write: (depth) => scalar.remainder(scalar.add(step(depth), one), two),
    initial: scalar.integer(0),
    final: scalar.remainder(end, two),
  };
}

/** The same region with values of its own: two scans may share one. */
function cloneRegion(region: Region): Region {
  const values = new Map<Value, Value>();
  const fresh = (value: Value): Value => {
    const copy = { ...value };
    values.set(value, copy);
    return copy;
  };
  const known = (value: Value): Value => values.get(value) ?? value;
  const parameters = region.parameters.map(fresh);
  const nodes = region.nodes.map((node): Node => {
    const operands = node.operands.map(known);
    const copy = { ...node, operands, results: node.results.map(fresh) };
    return node.region === undefined ? copy : { ...copy, region: cloneRegion(node.region) };
  });
  return { parameters, nodes, results: region.results.map(known) };
}

function elementAt<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined)
    throw new InternalError('a scan does not have the values that its attributes count');
  return element;
}
