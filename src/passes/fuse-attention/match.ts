/** Finds the formula of attention: two products, the queries' and the values', with a softmax between them. */
import { constantOf, equalDims, productOfDims as product, type Dim } from '../../ir/dim.ts';
import type { NodeOf, Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { freeAxes } from '../../ops/contraction.ts';
import { Walk, type Refusal, type Scope, type Step } from './walk.ts';

export interface Match {
  readonly scores: NodeOf<'dot'>;
  readonly steps: readonly Step[];
  readonly weights: NodeOf<'dot'>;
  /** Which operand of `weights` the probabilities are. */
  readonly side: 0 | 1;
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** Which operand of `scores` the queries are, and their axes that stand for rows of scores. */
  readonly querySide: 0 | 1;
  readonly rows: readonly number[];
}

/** Heads that are wider make kernels that take too long to compile. */
const WIDEST = 128;

/** Undefined where the product is none of the probabilities that a softmax makes of another product. */
export function matchAttention(scope: Scope, weights: NodeOf<'dot'>): Match | Refusal | undefined {
  let refusal: Refusal | undefined;
  for (const side of [0, 1] as const) {
    const probabilities = weights.operands[side];
    const value = weights.operands[1 - side];
    if (probabilities === undefined || value === undefined) continue;
    const found = matchSide(scope, weights, side, probabilities);
    if (found !== undefined && 'scores' in found) return found;
    refusal ??= found;
  }
  return refusal;
}

function matchSide(
  scope: Scope,
  weights: NodeOf<'dot'>,
  side: 0 | 1,
  probabilities: Value,
): Match | Refusal | undefined {
  const walk = new Walk(scope);
  const scores = walk.toScores(probabilities);
  if (scores === undefined || 'reason' in scores) return scores;
  const found =
    weights.attributes.contract.length === 1 ? assignSides(scores, walk.steps, weights, side) : undefined;
  if (found === undefined) return { reason: 'its two products are not those of queries, keys and values' };
  const problem = problemOfWidth(found);
  return problem === undefined ? found : { reason: problem };
}

function problemOfWidth({ query, value, scores, weights, querySide, side }: Match): string | undefined {
  const width = query.type.shape[scores.attributes.contract[0]?.[querySide] ?? -1];
  const [valueAxis, ...more] = freeAxes(value.type.shape.length, side === 0 ? 1 : 0, weights.attributes);
  if (valueAxis === undefined || more.length > 0) return 'its values have several axes of their own';
  for (const dim of [width, value.type.shape[valueAxis]]) {
    const size = dim && constantOf(dim);
    if (size === undefined || size <= 0) return 'the width of its heads is not known before it runs';
    if (size > WIDEST) return `heads of ${size} are wider than ${WIDEST}`;
  }
  return undefined;
}

/** Which of the scores' operands are queries: not the one whose free axis the softmax runs along. */
function assignSides(
  scores: NodeOf<'dot'>,
  steps: readonly Step[],
  weights: NodeOf<'dot'>,
  side: 0 | 1,
): Match | undefined {
  const { batch, contract } = scores.attributes;
  const [lhs, rhs] = scores.operands;
  const value = weights.operands[1 - side];
  if (lhs === undefined || rhs === undefined || value === undefined || contract.length !== 1)
    return undefined;
  const softmaxAt = steps.findIndex((step) => step.kind === 'softmax');
  const softmax = steps[softmaxAt];
  const shape = scores.results[0]?.type.shape ?? [];
  if (softmax?.kind !== 'softmax') return undefined;
  const axis = axisBefore(shape, steps.slice(0, softmaxAt), softmax.axis);
  if (axis === undefined) return undefined;
  const free = [lhs, rhs].map((operand, at) =>
    freeAxes(operand.type.shape.length, at === 0 ? 0 : 1, scores.attributes),
  );
  const [left = [], right = []] = free;
  const firstRight = batch.length + left.length;
  const querySide = axis >= firstRight ? 0 : 1;
  const keyFree = querySide === 0 ? right : left;
  const rows = querySide === 0 ? left : right;
  if (axis < batch.length || keyFree.length !== 1 || rows.length === 0) return undefined;
  const [query, key] = querySide === 0 ? [lhs, rhs] : [rhs, lhs];
  return { scores, steps, weights, side, query, key, value, querySide, rows };
}

/** The axis of the scores that is `axis` after the steps; undefined where a reshape takes it apart. */
function axisBefore(shape: readonly Dim[], steps: readonly Step[], axis: number): number | undefined {
  let at: number | undefined = axis;
  for (const step of steps.toReversed()) {
    if (at === undefined) return undefined;
    if (step.kind === 'transpose') at = step.permutation[at];
    else if (step.kind === 'reshape') at = samePlace(step.to, step.from, at);
  }
  return at !== undefined && at < shape.length ? at : undefined;
}

/** Where an axis of one shape is in another with the same elements. */
function samePlace(from: readonly Dim[], to: readonly Dim[], axis: number): number | undefined {
  const [size, behind] = [from[axis], from.slice(axis + 1)];
  const found = to.findIndex(
    (dim, at) => size !== undefined && equalDims(dim, size) && sameProduct(to.slice(at + 1), behind),
  );
  return found < 0 ? undefined : found;
}

function sameProduct(lhs: readonly Dim[], rhs: readonly Dim[]): boolean {
  return equalShapes([product(lhs)], [product(rhs)]);
}
