/** Finds the formula: from the product with the values back through softmax and masks to the product of the queries. */
import { constantOf, equalDims, productOfDims as product, type Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { equalShapes } from '../../ir/types.ts';
import { freeAxes } from '../../ops/contraction.ts';
import type { RewriteScope } from '../rewrite.ts';
import { uniformNumber } from '../simplify/uniform.ts';

/** What happens to the scores, or behind `softmax` to the probabilities, in the order of the formula. */
export type Step =
  | { readonly kind: 'transpose'; readonly permutation: readonly number[] }
  | { readonly kind: 'reshape'; readonly from: readonly Dim[]; readonly to: readonly Dim[] }
  | { readonly kind: 'scale'; readonly number: number }
  | { readonly kind: 'add'; readonly by: Value; readonly negative: boolean }
  /** `fill` where `by` is `hides`. */
  | { readonly kind: 'mask'; readonly by: Value; readonly hides: boolean; readonly fill: number }
  | { readonly kind: 'softmax'; readonly axis: number }
  | { readonly kind: 'multiply'; readonly by: Value }
  | { readonly kind: 'divide'; readonly by: Value }
  /** 0 where `by` is `drops`. */
  | { readonly kind: 'drop'; readonly by: Value; readonly drops: boolean };

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

/** Heads that are wider do not fit into registers. */
const WIDEST = 64;

type Scope = Pick<RewriteScope, 'definition' | 'uses'>;

export function matchAttention(scope: Scope, weights: NodeOf<'dot'>): Match | undefined {
  for (const side of [0, 1] as const) {
    const probabilities = weights.operands[side];
    const value = weights.operands[1 - side];
    if (probabilities === undefined || value === undefined || weights.attributes.contract.length !== 1)
      continue;
    const walk = new Walk(scope);
    const scores = walk.toScores(probabilities);
    if (scores === undefined) continue;
    const found = assignSides(scores, walk.steps, weights, side);
    if (found !== undefined && isNarrow(found)) return found;
  }
  return undefined;
}

function isNarrow({ query, value, scores, weights, querySide, side }: Match): boolean {
  const width = query.type.shape[scores.attributes.contract[0]?.[querySide] ?? -1];
  const [valueAxis, ...more] = freeAxes(value.type.shape.length, side === 0 ? 1 : 0, weights.attributes);
  if (valueAxis === undefined || more.length > 0) return false;
  return [width, value.type.shape[valueAxis]].every((dim) => {
    const size = dim && constantOf(dim);
    return size !== undefined && size > 0 && size <= WIDEST;
  });
}

/** Walks from the probabilities up; steps come out in the order of the formula. */
class Walk {
  readonly #scope: Scope;
  readonly #steps: Step[] = [];
  #seenSoftmax = false;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  get steps(): readonly Step[] {
    return this.#steps.toReversed();
  }

  toScores(from: Value): NodeOf<'dot'> | undefined {
    let at = from;
    let uses = 1;
    for (;;) {
      const node = this.#scope.definition(at);
      // Somebody else looks at it: it has to be there.
      if (node === undefined || this.#scope.uses(at) !== uses) return undefined;
      if (node.op === 'dot') return this.#seenSoftmax ? node : undefined;
      const next = this.#seenSoftmax ? this.#beforeSoftmax(node) : this.#behindSoftmax(node);
      if (next === undefined) return undefined;
      [at, uses] = [next.value, next.uses];
    }
  }

  #behindSoftmax(node: Node): Next | undefined {
    const softmax = this.#softmax(node);
    if (softmax !== undefined) return softmax;
    const view = this.#view(node);
    if (view !== undefined) return view;
    const [first, second, third] = node.operands;
    if (first === undefined || second === undefined) return undefined;
    switch (node.op) {
      case 'mul': {
        const [of, by] = this.#leadsToSoftmax(first) ? [first, second] : [second, first];
        return this.#step({ kind: 'multiply', by }, of);
      }
      case 'div':
        return this.#step({ kind: 'divide', by: second }, first);
      case 'select': {
        if (third === undefined) return undefined;
        if (uniformNumber(this.#scope, third) === 0)
          return this.#step({ kind: 'drop', by: first, drops: false }, second);
        if (uniformNumber(this.#scope, second) === 0)
          return this.#step({ kind: 'drop', by: first, drops: true }, third);
        return undefined;
      }
      default:
        return undefined;
    }
  }

  #beforeSoftmax(node: Node): Next | undefined {
    const view = this.#view(node);
    if (view !== undefined) return view;
    const [first, second, third] = node.operands;
    if (first === undefined) return undefined;
    if (node.op === 'neg') return this.#step({ kind: 'scale', number: -1 }, first);
    if (second === undefined) return undefined;
    const numbers = [uniformNumber(this.#scope, first), uniformNumber(this.#scope, second)];
    switch (node.op) {
      case 'mul':
        if (numbers[1] !== undefined) return this.#step({ kind: 'scale', number: numbers[1] }, first);
        if (numbers[0] !== undefined) return this.#step({ kind: 'scale', number: numbers[0] }, second);
        return undefined;
      case 'div':
        return numbers[1] === undefined
          ? undefined
          : this.#step({ kind: 'scale', number: 1 / numbers[1] }, first);
      case 'add': {
        const [of, by] = this.#leadsToProduct(first) ? [first, second] : [second, first];
        return this.#step({ kind: 'add', by, negative: false }, of);
      }
      case 'sub':
        if (this.#leadsToProduct(first))
          return this.#step({ kind: 'add', by: second, negative: true }, first);
        return undefined;
      case 'select': {
        if (third === undefined) return undefined;
        const [shown, hidden] = [third, second].map((each) => uniformNumber(this.#scope, each));
        if (shown !== undefined)
          return this.#step({ kind: 'mask', by: first, hides: false, fill: shown }, second);
        if (hidden !== undefined)
          return this.#step({ kind: 'mask', by: first, hides: true, fill: hidden }, third);
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** exp(x − max x) / Σ exp(x − max x), or without the maximum. */
  #softmax(node: Node): Next | undefined {
    if (node.op !== 'div') return undefined;
    const [exponential, repeated] = node.operands;
    const top = exponential && this.#scope.definition(exponential);
    const sum = repeated && this.#below(repeated);
    const axis = sum?.op === 'reduce' && sum.attributes.combine === 'sum' ? sum.attributes.axes : [];
    if (top?.op !== 'exp' || sum?.operands[0] !== exponential || axis.length !== 1) return undefined;
    if (exponential === undefined || this.#scope.uses(exponential) !== 2) return undefined;
    const [exponent] = top.operands;
    if (exponent === undefined || axis[0] === undefined) return undefined;
    if (!this.#repeatsAlong(repeated, axis[0])) return undefined;
    const difference = this.#scope.definition(exponent);
    if (difference?.op === 'sub') {
      const [score, subtracted] = difference.operands;
      const most = subtracted && this.#below(subtracted);
      const shifted =
        most?.op === 'reduce' &&
        most.attributes.combine === 'max' &&
        most.operands[0] === score &&
        most.attributes.axes.length === 1 &&
        most.attributes.axes[0] === axis[0] &&
        this.#repeatsAlong(subtracted, axis[0]);
      if (shifted && score !== undefined && this.#scope.uses(exponent) === 1)
        return this.#step({ kind: 'softmax', axis: axis[0] }, score, 2);
    }
    return this.#step({ kind: 'softmax', axis: axis[0] }, exponent);
  }

  /** What a number for each row is before it stands beside every element; and nobody else uses what lies between. */
  #below(value: Value): Node | undefined {
    let at = value;
    for (;;) {
      const node = this.#scope.definition(at);
      if (node?.op !== 'broadcast' && node?.op !== 'reshape' && node?.op !== 'stop-gradient') return node;
      if (this.#scope.uses(at) !== 1) return undefined;
      const [operand] = node.operands;
      if (operand === undefined) return undefined;
      at = operand;
    }
  }

  /** Whether a row's number stands along the reduced axis, and nowhere else. */
  #repeatsAlong(value: Value | undefined, axis: number): boolean {
    if (value === undefined) return false;
    const shape = value.type.shape;
    let at = value;
    for (;;) {
      const node = this.#scope.definition(at);
      const [operand] = node?.operands ?? [];
      if (operand === undefined) return false;
      if (node?.op === 'broadcast') {
        const kept = shape.map((_, each) => each).filter((each) => each !== axis);
        const from = operand.type.shape;
        if (from.length === shape.length - 1)
          return (
            node.attributes.axes.every((each, place) => each === kept[place]) &&
            at.type.shape.length === shape.length
          );
        // With the axis kept at size 1.
        return (
          from.length === shape.length &&
          from.every((dim, each) =>
            each === axis ? constantOf(dim) === 1 : equalDims(dim, shape[each] ?? dim),
          )
        );
      }
      if (node?.op !== 'reshape' && node?.op !== 'stop-gradient') return false;
      at = operand;
    }
  }

  #view(node: Node): Next | undefined {
    const [operand] = node.operands;
    if (operand === undefined) return undefined;
    if (node.op === 'transpose') {
      const { permutation } = node.attributes;
      const [from, to] = [
        operand.type.shape,
        permutation.map((axis) => operand.type.shape[axis] ?? { terms: [] }),
      ];
      // Moving axes of size 1 about moves no element.
      const large = permutation.filter((axis) => constantOf(from[axis] ?? { terms: [] }) !== 1);
      if (large.every((axis, at) => at === 0 || axis > (large[at - 1] ?? -1)))
        return this.#step({ kind: 'reshape', from, to }, operand);
      return this.#step({ kind: 'transpose', permutation }, operand);
    }
    if (node.op !== 'reshape') return undefined;
    return this.#step({ kind: 'reshape', from: operand.type.shape, to: node.attributes.shape }, operand);
  }

  #step(step: Step, value: Value, uses = 1): Next {
    if (step.kind === 'softmax') this.#seenSoftmax = true;
    this.#steps.push(step);
    return { value, uses };
  }

  #leadsToSoftmax(value: Value): boolean {
    return this.#leads(value, (node) => this.#softmaxShape(node));
  }

  #softmaxShape(node: Node): boolean {
    const [top] = node.operands;
    return node.op === 'div' && top !== undefined && this.#scope.definition(top)?.op === 'exp';
  }

  #leadsToProduct(value: Value): boolean {
    return this.#leads(value, (node) => node.op === 'dot');
  }

  /** Whether such a node lies above, through what the walk goes through. */
  #leads(value: Value, isIt: (node: Node) => boolean): boolean {
    const node = this.#scope.definition(value);
    if (node === undefined) return false;
    if (isIt(node)) return true;
    const through = ['transpose', 'reshape', 'mul', 'div', 'add', 'sub', 'select', 'neg'].includes(node.op);
    return through && node.operands.some((operand) => this.#leads(operand, isIt));
  }
}

interface Next {
  readonly value: Value;
  /** How many users it has where the formula alone uses it. */
  readonly uses: number;
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
