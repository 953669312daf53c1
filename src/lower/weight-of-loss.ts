/**
 * How much a batch counts where the gradients of several make one step. The loss of a larger batch is a mean over all that
 * it counts: over the rows, over the tokens that are not padding, over the labels that are not ignored. What a loss is
 * divided by says which: Σ nᵢ ∇Lᵢ / Σ nᵢ is then the gradient of the mean over all batches together, and regularisers,
 * which are in every Lᵢ, keep their share.
 */
import { constantOf, divideDims, type Dim } from '../ir/dim.ts';
import type { Node, Value } from '../ir/graph.ts';
import type { Context } from './context.ts';

/**
 * `mean`: of the batch, over the product of these counts. `sum`: over the batch, undivided. `mixed`: means over different
 * counts, or means and sums together, for which no one weight is right.
 */
export type LossWeight =
  | { readonly kind: 'mean'; readonly counts: readonly Value[] }
  | { readonly kind: 'sum' }
  | { readonly kind: 'mixed' };

/** A term of the loss that depends on the batch, with all that it is divided by. */
type Term = readonly Value[];

/** `ctx`: of the walk that the loss is in. */
export function weightOfLoss(ctx: Context, loss: Value): LossWeight {
  const analysis = new LossAnalysis(ctx);
  const terms = analysis.terms(loss, []);
  const [first = []] = terms;
  if (!terms.every((term) => analysis.equalCounts(term, first))) return { kind: 'mixed' };
  return first.length === 0 ? { kind: 'sum' } : { kind: 'mean', counts: first };
}

/** f32[]: the number of what the mean is over; undefined for a sum. Of mixed losses: of rows, the batch's first axis. */
export function emitWeight(ctx: Context, weight: LossWeight, rows: Dim | undefined): Value | undefined {
  if (weight.kind === 'sum') return undefined;
  if (weight.kind === 'mixed')
    return rows && ctx.emit('cast', [ctx.emit('dim-size', [], { dim: rows })], { dtype: 'f32' });
  const [first, ...more] = weight.counts;
  if (first === undefined) return undefined;
  return more.reduce((product, count) => ctx.emit('mul', [product, count], {}), first);
}

class LossAnalysis {
  readonly #definitions = new Map<Value, Node>();
  /** What depends on a parameter; a mean's divisor does not. */
  readonly #learnt = new Set<Value>();
  /** What depends on the batch: on its data or on its sizes. */
  readonly #ofBatch = new Set<Value>();

  constructor({ frame, states, inputNames }: Context) {
    for (const { value } of states) this.#learnt.add(value);
    for (const value of inputNames.keys()) this.#ofBatch.add(value);
    for (const node of frame.builder.nodes) {
      for (const result of node.results) this.#definitions.set(result, node);
      for (const set of [this.#learnt, this.#ofBatch])
        if (node.operands.some((operand) => set.has(operand)))
          for (const result of node.results) set.add(result);
      if (node.results.some(({ type }) => type.shape.some((dim) => constantOf(dim) === undefined)))
        for (const result of node.results) this.#ofBatch.add(result);
      if (node.op === 'dim-size') for (const result of node.results) this.#ofBatch.add(result);
    }
  }

  /** Of a sum of losses, its terms; those that no batch has a part in are regularisers, and left out. */
  terms(value: Value, divisors: Term): readonly Term[] {
    if (!this.#ofBatch.has(value)) return [];
    const node = this.#definitions.get(value);
    const [lhs, rhs] = node?.operands ?? [];
    switch (node?.op) {
      case 'add':
      case 'sub':
        return node.operands.flatMap((operand) => this.terms(operand, divisors));
      case 'neg':
        return lhs === undefined ? [] : this.terms(lhs, divisors);
      case 'mul': {
        if (lhs === undefined || rhs === undefined) break;
        if (this.#isFixed(lhs)) return this.terms(rhs, divisors);
        if (this.#isFixed(rhs)) return this.terms(lhs, divisors);
        break;
      }
      case 'div': {
        if (lhs === undefined || rhs === undefined || this.#learnt.has(rhs)) break;
        return this.terms(lhs, this.#isFixed(rhs) ? divisors : [...divisors, this.#count(rhs)]);
      }
    }
    return [divisors];
  }

  /** A number that neither the batch nor the parameters change. */
  #isFixed(value: Value): boolean {
    return !this.#ofBatch.has(value) && !this.#learnt.has(value);
  }

  /** `max(count, 1)`, or `count if count > 0 else 1`, only keeps a batch that counts nothing from a division by zero. */
  #count(divisor: Value): Value {
    const node = this.#definitions.get(divisor);
    const [, some, none] = node?.operands ?? [];
    if (node?.op === 'select' && some !== undefined && none !== undefined && this.#isFixed(none)) return some;
    if (node?.op !== 'max') return divisor;
    const counts = node.operands.filter((operand) => !this.#isFixed(operand));
    return counts.length === 1 ? (counts[0] ?? divisor) : divisor;
  }

  equalCounts(lhs: Term, rhs: Term): boolean {
    return lhs.length === rhs.length && lhs.every((value, at) => this.#areProportional(value, rhs[at]));
  }

  /** `batch * seq` and `2 * batch * seq` weigh alike. */
  #areProportional(lhs: Value, rhs: Value | undefined): boolean {
    if (rhs === undefined) return false;
    const [first, second] = [this.#sizeOf(lhs), this.#sizeOf(rhs)];
    if (first === undefined || second === undefined) return this.#areEqual(lhs, rhs);
    const ratio = divideDims(first, second) ?? divideDims(second, first);
    return ratio !== undefined && constantOf(ratio) !== undefined;
  }

  #sizeOf(value: Value): Dim | undefined {
    const node = this.#definitions.get(value);
    if (node?.op === 'dim-size') return node.attributes.dim;
    return node?.op === 'cast' && node.operands[0] !== undefined ? this.#sizeOf(node.operands[0]) : undefined;
  }

  /** The same computation, node by node: the same call twice is lowered twice. */
  #areEqual(lhs: Value, rhs: Value): boolean {
    if (lhs === rhs) return true;
    const [first, second] = [this.#definitions.get(lhs), this.#definitions.get(rhs)];
    if (first === undefined || second === undefined || first.op !== second.op || first.op === 'scan')
      return false;
    if (first.op === 'random' || first.results.indexOf(lhs) !== second.results.indexOf(rhs)) return false;
    return (
      JSON.stringify(first.attributes) === JSON.stringify(second.attributes) &&
      first.operands.length === second.operands.length &&
      first.operands.every((operand, at) => {
        const other = second.operands[at];
        return other !== undefined && this.#areEqual(operand, other);
      })
    );
  }
}
