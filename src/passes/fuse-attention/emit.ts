/** Emits the op in the place of a formula: everything that stands for a pair of places is turned to the scores' axes. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import { constantOf, equalDims, evaluateDim, productOfDims, type Dim } from '../../ir/dim.ts';
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { freeAxes } from '../../ops/contraction.ts';
import type { RewriteScope } from '../rewrite.ts';
import type { Match } from './match.ts';
import type { Refusal, Step } from './walk.ts';

type View = Extract<Step, { kind: 'transpose' | 'reshape' }>;

/** The value of the product with the values, or why the formula is not quite the op's. */
export function emitAttention(
  { builder }: Pick<RewriteScope, 'builder'>,
  match: Match,
  bounds: ReadonlyMap<string, number>,
): Value | Refusal {
  const layout = layoutOf(match, bounds);
  const placed = placeResult(match, layout);
  if (placed === undefined) return { reason: 'its axes are taken apart between the two products' };
  const problem = problemOfOrder(match.steps);
  if (problem !== undefined) return { reason: problem };
  const { scores, weights, query, key, value, querySide, side } = match;
  const { contract, batch } = scores.attributes;
  const keySide = querySide === 0 ? 1 : 0;
  const { order, rows } = layout;
  const batchAxes = order.slice(0, batch.length);
  const axesOf = (which: 0 | 1): readonly number[] => batchAxes.map((axis) => batch[axis]?.[which] ?? -1);
  const [width = -1, keyWidth = -1] = [contract[0]?.[querySide], contract[0]?.[keySide]];
  const keyAxis = freeAxes(key.type.shape.length, keySide, scores.attributes)[0] ?? -1;
  const valueSide = side === 0 ? 1 : 0;
  const valueFree = freeAxes(value.type.shape.length, valueSide, weights.attributes)[0] ?? -1;
  const canonical = (extra: Value | undefined): Value | undefined => extra && builder.transpose(extra, order);
  const extras = build(builder, match.steps, scores.results[0]?.type.shape ?? []);
  const operands = [
    builder.transpose(query, [...axesOf(querySide), ...rows, width]),
    builder.transpose(key, [...axesOf(keySide), keyAxis, keyWidth]),
    builder.transpose(value, [
      ...placed.batch.map((at) => weights.attributes.batch[at]?.[valueSide] ?? -1),
      weights.attributes.contract[0]?.[valueSide] ?? -1,
      valueFree,
    ]),
    ...[extras.bias, extras.mask, extras.factor].flatMap((extra) => canonical(extra) ?? []),
  ];
  const attributes = {
    batch: batch.length,
    scale: extras.scale,
    fill: extras.fill,
    bias: extras.bias !== undefined,
    mask: extras.mask !== undefined,
    factor: extras.factor !== undefined,
  };
  const [result] = builder.emitAll('attention', operands, attributes, { names: [weights.results[0]?.name] });
  if (result === undefined) throw new InternalError('attention has no result');
  return builder.transpose(result, placed.permutation);
}

interface Layout {
  /** Axes of the scores in the op's order: batch, rows with the longest last, keys. */
  readonly order: readonly number[];
  /** Axes of the queries that are rows, in that order. */
  readonly rows: readonly number[];
}

function layoutOf({ scores, query, querySide, rows }: Match, bounds: ReadonlyMap<string, number>): Layout {
  const batch = scores.attributes.batch.length;
  const length = (axis: number): number => evaluateDim(query.type.shape[axis] ?? { terms: [] }, bounds);
  const longest = rows.reduce((best, axis) => (length(axis) >= length(best) ? axis : best), rows[0] ?? -1);
  const sorted = [...rows.filter((axis) => axis !== longest), longest];
  const first = querySide === 0 ? batch : batch + 1;
  const keys = querySide === 0 ? batch + rows.length : batch;
  const order = [
    ...Array.from({ length: batch }, (_, axis) => axis),
    ...sorted.map((axis) => first + rows.indexOf(axis)),
    keys,
  ];
  return { order, rows: sorted };
}

/** Which batch pair of the product with the values each batch axis is, and how the op's result becomes the product's. */
function placeResult(
  { scores, steps, weights, side }: Match,
  { order }: Layout,
): { readonly batch: readonly number[]; readonly permutation: readonly number[] } | undefined {
  const shape = scores.results[0]?.type.shape ?? [];
  const permutation = netPermutation(
    shape,
    steps.filter((step): step is View => step.kind === 'transpose' || step.kind === 'reshape'),
  );
  if (permutation === undefined) return undefined;
  const { batch, contract } = weights.attributes;
  // Axis `at` of the probabilities is axis permutation[at] of the scores, and that is the op's axis:
  const opAxis = (at: number | undefined): number => order.indexOf(permutation[at ?? -1] ?? -1);
  const count = scores.attributes.batch.length;
  const keys = order.length - 1;
  if (opAxis(contract[0]?.[side]) !== keys || batch.length !== count) return undefined;
  const pairs = Array.from({ length: count }, (_, axis) =>
    batch.findIndex((pair) => opAxis(pair[side]) === axis),
  );
  if (pairs.includes(-1)) return undefined;
  const rows = freeAxes(shape.length, side, weights.attributes).map(opAxis);
  const values = order.length - 1;
  const free = side === 0 ? [...rows, values] : [values, ...rows];
  return { batch: pairs, permutation: [...batch.map((pair) => opAxis(pair[side])), ...free] };
}

/**
 * The permutation that views are in the end; undefined where they are none. Each axis is followed as the axes of the
 * scores that it stands for, as `(g e)` for two; those of size 1 are nowhere, and are told apart by their order alone.
 */
function netPermutation(shape: readonly Dim[], views: readonly View[]): readonly number[] | undefined {
  const isUnit = (dim: Dim | undefined): boolean => dim !== undefined && constantOf(dim) === 1;
  const sizeOf = (axes: readonly number[]): Dim =>
    productOfDims(axes.map((axis) => shape[axis] ?? { terms: [] }));
  let places: readonly (readonly number[])[] = shape.map((dim, axis) => (isUnit(dim) ? [] : [axis]));
  for (const view of views) {
    if (view.kind === 'transpose') {
      places = view.permutation.map((axis) => places[axis] ?? []);
      continue;
    }
    const rest = places.flat();
    const regrouped = view.to.map((dim) => {
      const taken: number[] = [];
      while (!equalDims(sizeOf(taken), dim) && rest.length > 0) taken.push(...rest.splice(0, 1));
      return taken;
    });
    if (
      rest.length > 0 ||
      regrouped.some((axes, at) => !equalDims(sizeOf(axes), view.to[at] ?? { terms: [] }))
    )
      return undefined;
    places = regrouped;
  }
  const units = shape.flatMap((dim, axis) => (isUnit(dim) ? [axis] : []));
  if (places.length !== shape.length || places.some((axes) => axes.length > 1)) return undefined;
  const permutation = places.map(([axis]) => axis ?? units.shift() ?? -1);
  return permutation.includes(-1) ? undefined : permutation;
}

/** What is wrong where the steps are not a scale, biases and masks, in an order that the op has. */
function problemOfOrder(steps: readonly Step[]): string | undefined {
  let fill: number | undefined;
  for (const step of steps) {
    if (step.kind === 'softmax') break;
    if (step.kind === 'add' && fill !== undefined) return 'something is added to its scores behind a mask';
    if (step.kind === 'scale' && fill !== undefined) fill *= step.number;
    if (step.kind !== 'mask') continue;
    if (fill !== undefined && fill !== step.fill) return 'its masks write different numbers';
    fill = step.fill;
  }
  return undefined;
}

interface Extras {
  readonly scale: number;
  readonly fill: number;
  readonly bias: Value | undefined;
  readonly mask: Value | undefined;
  readonly factor: Value | undefined;
}

/** What the steps come to, over the axes of the scores. */
function build(builder: GraphBuilder, steps: readonly Step[], shape: readonly Dim[]): Extras {
  const views: View[] = [];
  const turned = (value: Value): Value => undo(builder, value, views, shape);
  let [scale, fill] = [1, 0];
  let bias: Value | undefined;
  let mask: Value | undefined;
  let factor: Value | undefined;
  const times = (value: Value): void => {
    factor = factor === undefined ? value : builder.emit('mul', [factor, value], {});
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'transpose':
      case 'reshape':
        views.push(step);
        break;
      case 'scale':
        [scale, fill] = [scale * step.number, fill * step.number];
        bias = bias && builder.withNumber('mul', bias, step.number);
        break;
      case 'add': {
        const added = turned(step.by);
        if (step.negative)
          bias = bias ? builder.emit('sub', [bias, added], {}) : builder.emit('neg', [added], {});
        else bias = bias ? builder.emit('add', [bias, added], {}) : added;
        break;
      }
      case 'mask': {
        const turnedMask = turned(step.by);
        const open = step.hides ? builder.emit('not', [turnedMask], {}) : turnedMask;
        mask = mask ? builder.emit('and', [mask, open], {}) : open;
        fill = step.fill;
        break;
      }
      case 'softmax':
        break;
      case 'multiply':
        times(turned(step.by));
        break;
      case 'divide': {
        const by = turned(step.by);
        times(builder.emit('div', [builder.constant(1, 'f32', by.type.shape), by], {}));
        break;
      }
      case 'drop': {
        const by = turned(step.by);
        const [one, none] = [1, 0].map((number) => builder.constant(number, 'f32', by.type.shape));
        if (one && none) times(builder.emit('select', step.drops ? [by, none, one] : [by, one, none], {}));
        break;
      }
    }
  }
  return { scale, fill, bias, mask, factor };
}

/** The value before the views, in the order of the scores' axes. */
function undo(builder: GraphBuilder, value: Value, views: readonly View[], shape: readonly Dim[]): Value {
  return builder.reshape(
    views.reduceRight(
      (each, view) =>
        view.kind === 'reshape'
          ? builder.reshape(each, view.from)
          : builder.transpose(
              each,
              view.permutation.map((_, axis) => view.permutation.indexOf(axis)),
            ),
      value,
    ),
    shape,
  );
}
