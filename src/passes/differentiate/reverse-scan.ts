/**
 * The gradient of a scan is a scan over the same positions in the opposite order. The cotangents of carries are its
 * carries; it stacks the cotangents of sequences and sums those of invariants.
 */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { constantDim, multiplyDims } from '../../ir/dim.ts';
import type { Node, NodeOf, Region, Value } from '../../ir/graph.ts';
import { tensorType } from '../../ir/types.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';
import { liveNodes } from '../dead-code.ts';
import { activeInScan } from './active.ts';
import { chooseSaved } from './choose-saved.ts';
import { gradientOrigin, type ReverseContext, type ReverseNodes } from './context.ts';
import { Cotangents } from './cotangents.ts';
import { stackValues } from './stack-values.ts';

export interface ReversedScan {
  /** The forward scan, with stacks of what the backward scan reads. */
  readonly forward: Node;
  /** Cotangents of the operands. */
  readonly contributions: readonly (Value | undefined)[];
}

type Found = readonly [at: number, value: Value];

export function reverseScan(
  ctx: ReverseContext,
  node: NodeOf<'scan'>,
  cotangents: readonly (Value | undefined)[],
  reverseNodes: ReverseNodes,
): ReversedScan {
  const { attributes, region } = node;
  if (region === undefined) throw new InternalError('a scan has no region');
  const active = activeInScan(node, ctx.active);
  const [position, ...all] = region.parameters;
  const parameters = scanOperands(all, attributes);
  const results = scanResults(region.results, attributes);
  const given = scanResults(cotangents, attributes);
  const initials = scanOperands(node.operands, attributes).carries;
  const isActive = (value: Value | undefined): boolean => value !== undefined && active.has(value);

  // The backward region reads the forward region's values as if they were its own, until it is known which.
  const builder = ctx.builder.nested();
  const inner = new Cotangents(builder);
  const arrive = (value: Value): Value => {
    const parameter: Value = { type: value.type, ...(value.name && { name: `d_${value.name}` }) };
    inner.add(value, parameter);
    return parameter;
  };
  const carried = parameters.carries.flatMap((parameter, at): readonly Found[] =>
    isActive(parameter) ? [[at, { type: parameter.type, name: `d_${parameter.name ?? 'carry'}` }]] : [],
  );
  for (const [at, parameter] of carried) {
    const next = results.carries[at];
    if (next !== undefined && isActive(next)) inner.add(next, parameter);
  }
  const arriving = (values: readonly Value[], outer: readonly (Value | undefined)[]) =>
    values.flatMap((value, at) => {
      const cotangent = outer[at];
      return cotangent === undefined || !isActive(value) ? [] : [{ cotangent, parameter: arrive(value) }];
    });
  const stacked = arriving(results.stacks, given.stacks);
  const summed = arriving(results.sums, given.sums);

  const forwardNodes = reverseNodes({ ...ctx, builder, cotangents: inner, active }, region.nodes);
  const leaving = (values: readonly Value[]): readonly Found[] =>
    values.flatMap((value, at): readonly Found[] => {
      const cotangent = isActive(value) ? inner.of(value) : undefined;
      return cotangent === undefined ? [] : [[at, cotangent]];
    });
  const nextCotangents = carried.map(([at, parameter]) => {
    const carry = parameters.carries[at];
    return (carry && inner.of(carry)) ?? builder.constant(0, 'f32', parameter.type.shape);
  });
  const sequences = leaving(parameters.sequences);
  const invariants = leaving(parameters.invariants);
  const outcomes = [
    ...nextCotangents,
    ...sequences.map(([, value]) => value),
    ...invariants.map(([, value]) => value),
  ];

  const backward = liveNodes(builder.nodes, new Set(outcomes));
  const needed = valuesFromOutside(backward, outcomes, [
    ...carried.map(([, parameter]) => parameter),
    ...stacked.map(({ parameter }) => parameter),
    ...summed.map(({ parameter }) => parameter),
  ]);
  const { saved, recomputed } = chooseSaved(
    { ...region, nodes: forwardNodes },
    needed,
    new Set(parameters.sequences),
    new Set(parameters.carries),
    new Set(results.stacks),
    ctx.volume,
  );
  const { forward, stacks } = stackValues(node, forwardNodes, saved);

  // Values of the forward region by what stands for them in the backward one.
  const known = new Map<Value, Value>();
  const resolve = (value: Value): Value => known.get(value) ?? value;
  const own = (value: Value): Value => {
    const copy: Value = { ...value };
    known.set(value, copy);
    return copy;
  };
  const used = new Set([...needed, ...recomputed.flatMap((each) => each.operands)]);
  const passedOn = (values: readonly Value[]): readonly Found[] =>
    values.flatMap((value, at): readonly Found[] => (used.has(value) ? [[at, own(value)]] : []));
  const again = passedOn(parameters.sequences);
  const constant = passedOn(parameters.invariants);
  const ownPosition: Value = { type: tensorType('i32', []), ...(position?.name && { name: position.name }) };
  if (position !== undefined) known.set(position, ownPosition);

  const prelude = ctx.builder.nested();
  const savedParameters = stacks.map(({ result, values }) => {
    const parameter: Value = { type: tensorType(result.type.dtype, result.type.shape.slice(1)) };
    const [only, ...more] = values;
    if (only !== undefined && more.length === 0) {
      const named: Value = { ...only };
      known.set(only, named);
      return named;
    }
    unpack(parameter, values).forEach(([value, part]) => known.set(value, part));
    return parameter;
  });

  function unpack(parameter: Value, values: readonly Value[]): readonly (readonly [Value, Value])[] {
    const axis = parameter.type.shape.length - 1;
    const length = values[0]?.type.shape[axis];
    if (length === undefined) throw new InternalError('joined stacks have no axis');
    return values.map((value, at) => {
      const start = multiplyDims(constantDim(at), length);
      return [value, prelude.emit('slice', [parameter], { axis, start, length }, value.name)] as const;
    });
  }
  const rerun = recomputed.map((each): Node => {
    const operands = each.operands.map(resolve);
    return { ...each, operands, results: each.results.map(own), origin: gradientOrigin(each.origin) };
  });
  const body = backward.map((each): Node => ({ ...each, operands: each.operands.map(resolve) }));
  const backwardRegion: Region = {
    parameters: [
      ownPosition,
      ...stacked.map(({ parameter }) => parameter),
      ...again.map(([, value]) => value),
      ...savedParameters,
      ...carried.map(([, value]) => value),
      ...summed.map(({ parameter }) => parameter),
      ...constant.map(([, value]) => value),
    ],
    nodes: [...prelude.nodes, ...rerun, ...body],
    results: outcomes.map(resolve),
  };
  const operands = scanOperands(node.operands, attributes);
  const pick = (values: readonly Value[], at: number): Value => {
    const value = values[at];
    if (value === undefined) throw new InternalError('a scan lacks an operand');
    return value;
  };
  const starts = carried.map(
    ([at, { type }]) => given.carries[at] ?? ctx.builder.constant(0, 'f32', type.shape),
  );
  const gradients = scanResults(
    ctx.builder.emitAll(
      'scan',
      [
        ...stacked.map(({ cotangent }) => cotangent),
        ...again.map(([at]) => pick(operands.sequences, at)),
        ...stacks.map(({ result }) => result),
        ...starts,
        ...summed.map(({ cotangent }) => cotangent),
        ...constant.map(([at]) => pick(operands.invariants, at)),
      ],
      {
        trip: attributes.trip,
        reverse: !attributes.reverse,
        sequences: stacked.length + again.length + stacks.length,
        carries: carried.length,
        stacks: sequences.length,
      },
      { region: backwardRegion },
    ),
    { ...attributes, carries: carried.length, stacks: sequences.length },
  );
  const spread = (count: number, found: readonly Found[], values: readonly Value[]) => {
    const spots: (Value | undefined)[] = Array.from({ length: count }, () => undefined);
    found.forEach(([at], index) => (spots[at] = values[index]));
    return spots;
  };
  return {
    forward,
    contributions: [
      ...spread(parameters.sequences.length, sequences, gradients.stacks),
      ...spread(initials.length, carried, gradients.carries),
      ...spread(parameters.invariants.length, invariants, gradients.sums),
    ],
  };
}

/** Operands and outcomes that neither a node nor a parameter defines. */
function valuesFromOutside(
  nodes: readonly Node[],
  outcomes: readonly Value[],
  parameters: readonly Value[],
): ReadonlySet<Value> {
  const defined = new Set([...parameters, ...nodes.flatMap((node) => node.results)]);
  const used = [...nodes.flatMap((node) => node.operands), ...outcomes];
  return new Set(used.filter((value) => !defined.has(value)));
}
