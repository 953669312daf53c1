/**
 * Whether a program that was walked with a growing sequence looks at the positions of the whole only where a mask of
 * `causal` hides the later ones: then a position has the same value whether or not more tokens follow, and what was
 * kept of it stays right. What cannot be shown counts as not so.
 */
import { equalDims, productOfDims, symbolsOf, type Dim } from '../ir/dim.ts';
import type { GraphState, Node, NodeOf, Value } from '../ir/graph.ts';
import type { Growing } from './context.ts';

/**
 * What a value with one axis of new tokens and one of the whole has where the position is later than the token:
 * `false`; a number so low that its exponential is 0; 0.
 */
type Hidden = 'false' | 'low' | 'zero';

/** Added to any score, it stays a number whose exponential is 0. */
const LOW = -1e9;

export class Causality {
  readonly #growing: Growing;
  readonly #producers = new Map<Value, Node>();
  readonly #hidden = new Map<Value, Hidden>();
  /** Values that no token has a part in. */
  readonly #fixed = new Set<Value>();

  constructor(growing: Growing, states: readonly GraphState[]) {
    this.#growing = growing;
    for (const { value, role } of states) if (role === 'parameter') this.#fixed.add(value);
  }

  holds(nodes: readonly Node[]): boolean {
    return nodes.every((node) => this.#visit(node));
  }

  #visit(node: Node): boolean {
    const [result] = node.results;
    const isFixed = node.op !== 'scan' && node.operands.every((operand) => this.#fixed.has(operand));
    for (const each of node.results) {
      this.#producers.set(each, node);
      if (isFixed) this.#fixed.add(each);
    }
    const hidden = result && this.#isPair(result) ? this.#hiddenOf(node, result) : undefined;
    if (result !== undefined && hidden !== undefined) this.#hidden.set(result, hidden);
    return isFixed || this.#isCausal(node);
  }

  #isWhole(dim: Dim | undefined): boolean {
    const [total = ''] = symbolsOf(this.#growing.total);
    return dim !== undefined && symbolsOf(dim).includes(total);
  }

  /** One axis of new tokens, one of the whole, and no other that has to do with them. */
  #isPair({ type: { shape } }: Value): boolean {
    const [seq = ''] = symbolsOf(this.#growing.seq);
    const rows = shape.filter((dim) => symbolsOf(dim).includes(seq));
    const columns = shape.filter((dim) => this.#isWhole(dim));
    const [row, column] = [rows[0], columns[0]];
    return (
      rows.length === 1 &&
      columns.length === 1 &&
      row !== undefined &&
      column !== undefined &&
      equalDims(row, this.#growing.seq) &&
      equalDims(column, this.#growing.total)
    );
  }

  /** Whether a node combines positions of the whole only where later ones are hidden. */
  #isCausal(node: Node): boolean {
    const [lhs, rhs] = node.operands;
    const axis = (at: number): boolean => this.#isWhole(lhs?.type.shape[at]);
    const hidden = lhs && this.#hidden.get(lhs);
    switch (node.op) {
      case 'reduce': {
        const { combine, axes } = node.attributes;
        return !axes.some(axis) || hidden === (combine === 'max' ? 'low' : combine === 'sum' ? 'zero' : '');
      }
      case 'dot':
        return node.attributes.contract.every(
          ([left, right]) =>
            !(axis(left) || this.#isWhole(rhs?.type.shape[right])) ||
            hidden === 'zero' ||
            (rhs !== undefined && this.#hidden.get(rhs) === 'zero'),
        );
      case 'argmax':
      case 'slice':
      case 'reverse':
      case 'concat':
        return !axis(node.attributes.axis);
      case 'pad':
        return !axis(node.attributes.axis);
      case 'gather':
        return !axis(0);
      case 'scatter-add':
        return (
          !this.#isWhole(node.attributes.rows) && !(rhs?.type.shape ?? []).some((dim) => this.#isWhole(dim))
        );
      case 'update-slice':
        // Only what is new is put into what is kept.
        return !node.operands.some(({ type }) => type.shape.some((dim) => this.#isWhole(dim)));
      case 'reshape':
        return !(lhs?.type.shape ?? []).some((dim) => this.#isWhole(dim)) || this.#keepsWhole(node);
      case 'scan':
        // What a step does with the whole is not looked into.
        return ![...node.operands, ...node.results].some((each) =>
          each.type.shape.some((dim) => this.#isWhole(dim)),
        );
      default:
        return true;
    }
  }

  /** Elements stay at their place along the axes of new tokens and of the whole. */
  #keepsWhole({ operands: [operand], attributes: { shape } }: NodeOf<'reshape'>): boolean {
    const placesOf = (dims: readonly Dim[], what: Dim): readonly Dim[] =>
      dims.flatMap((dim, at) => (equalDims(dim, what) ? [productOfDims(dims.slice(0, at))] : []));
    return [this.#growing.seq, this.#growing.total].every((what) => {
      const [before, after] = [placesOf(operand?.type.shape ?? [], what), placesOf(shape, what)];
      return (
        before.length === after.length && before.every((place, at) => equalDims(place, after[at] ?? place))
      );
    });
  }

  #hiddenOf(node: Node, result: Value): Hidden | undefined {
    const [first, second, third] = node.operands.map((operand) => this.#hidden.get(operand));
    const [, rhs, otherwise] = node.operands;
    switch (node.op) {
      case 'le':
        return this.#isCausalMask(node) ? 'false' : undefined;
      case 'and':
        return first ?? second;
      case 'broadcast':
      case 'transpose':
      case 'stop-gradient':
      case 'slice':
        return first;
      case 'reshape':
        return this.#keepsWhole(node) ? first : undefined;
      case 'cast':
        return first === 'false' && result.type.dtype !== 'bool' ? 'zero' : undefined;
      case 'select': {
        if (first !== 'false') return second === third ? second : undefined;
        const value = otherwise && this.#constantOf(otherwise);
        if (value === undefined || result.type.dtype === 'bool') return third;
        return value === 0 ? 'zero' : value <= LOW ? 'low' : third;
      }
      case 'sub':
        // The largest score of a row, for one: the same for every position of the whole.
        return first === 'low' && rhs !== undefined && this.#isAlike(rhs) ? 'low' : undefined;
      case 'exp':
        return first === 'low' ? 'zero' : undefined;
      case 'mul':
        return first === 'zero' || second === 'zero' ? 'zero' : undefined;
      case 'div':
        return first === 'zero' ? 'zero' : undefined;
      default:
        return undefined;
    }
  }

  #constantOf(value: Value): number | undefined {
    const node = this.#producers.get(value);
    if (node?.op === 'constant') return node.attributes.value;
    const [operand] = node?.operands ?? [];
    return node?.op === 'broadcast' && operand !== undefined ? this.#constantOf(operand) : undefined;
  }

  /** Repeated along the axis of the whole. */
  #isAlike(value: Value): boolean {
    const node = this.#producers.get(value);
    return (
      node?.op === 'broadcast' &&
      node.attributes.shape.every((dim, axis) => !this.#isWhole(dim) || !node.attributes.axes.includes(axis))
    );
  }

  /** `column <= row` as `causal` makes it. */
  #isCausalMask({ operands: [column, row] }: Node): boolean {
    const spread = (value: Value | undefined, along: Dim): Node | undefined => {
      const node = value && this.#producers.get(value);
      if (node?.op !== 'broadcast') return undefined;
      const [axis, ...more] = node.attributes.axes;
      const dim = axis === undefined || more.length > 0 ? undefined : node.attributes.shape[axis];
      const [operand] = node.operands;
      if (dim === undefined || operand === undefined || !equalDims(dim, along)) return undefined;
      return this.#producers.get(operand);
    };
    const [columns, rows] = [spread(column, this.#growing.total), spread(row, this.#growing.seq)];
    const [all] = rows?.operands ?? [];
    return (
      columns?.op === 'iota' &&
      rows?.op === 'slice' &&
      equalDims(rows.attributes.start, this.#growing.past) &&
      all !== undefined &&
      this.#producers.get(all)?.op === 'iota'
    );
  }
}
