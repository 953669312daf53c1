/** From the product with the values back through softmax and masks to the product of the queries. */
import { constantOf, equalDims, type Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Value } from '../../ir/graph.ts';
import { recordOf } from '../../ops/index.ts';
import type { RewriteScope } from '../rewrite.ts';
import { uniformNumber } from '../simplify/uniform.ts';

export type Scope = Pick<RewriteScope, 'definition' | 'uses'>;

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

/** Why a formula of attention stays one. */
export interface Refusal {
  readonly reason: string;
}

/** Walks from the probabilities up; steps come out in the order of the formula. */
export class Walk {
  readonly #scope: Scope;
  readonly #steps: Step[] = [];
  #seenSoftmax = false;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  get steps(): readonly Step[] {
    return this.#steps.toReversed();
  }

  toScores(from: Value): NodeOf<'dot'> | Refusal | undefined {
    let at = from;
    let uses = 1;
    for (;;) {
      const node = this.#scope.definition(at);
      if (node === undefined) return undefined;
      // Somebody else looks at it: it has to be there.
      const shared = this.#scope.uses(at) !== uses;
      if (node.op === 'dot' && !shared) return this.#seenSoftmax ? node : undefined;
      const next = shared
        ? undefined
        : this.#seenSoftmax
          ? this.#beforeSoftmax(node)
          : this.#behindSoftmax(node);
      if (next === undefined) return this.#refusal(at, node, shared);
      [at, uses] = [next.value, next.uses];
    }
  }

  /** Undefined where nothing says that it would be attention. */
  #refusal(at: Value, node: Node, shared: boolean): Refusal | undefined {
    const isAttention = this.#seenSoftmax
      ? this.#reaches(at, ({ op }) => op === 'dot')
      : this.#reaches(
          at,
          (each) => this.#softmaxShape(each) && this.#reaches(each.operands[0], ({ op }) => op === 'dot'),
        );
    if (!isAttention) return undefined;
    const what = this.#seenSoftmax ? 'scores' : 'probabilities';
    return {
      reason: shared ? `its ${what} are used elsewhere, too` : `its ${what} pass through \`${node.op}\``,
    };
  }

  /** Whether such a node lies above, through what works on each element by itself. */
  #reaches(from: Value | undefined, isIt: (node: Node) => boolean): boolean {
    const seen = new Set<Value>();
    const open = from === undefined ? [] : [from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const node = this.#scope.definition(at);
      if (node === undefined || seen.has(at)) continue;
      seen.add(at);
      if (isIt(node)) return true;
      const { kind } = recordOf(node.op).lowering;
      if (kind === 'pointwise' || kind === 'view') open.push(...node.operands);
    }
    return false;
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
