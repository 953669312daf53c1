/** How a sum over a scan's steps is had after the loop: what linear ops do with sums. */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Node, NodeOf, OpName, Value } from '../../ir/graph.ts';
import { copyNode } from '../hoist/batch-node.ts';
import { operandOf } from '../rewrite.ts';
import type { AfterLoop } from './after-loop.ts';

export type Term =
  /** Stays a sum in the loop. */
  | { readonly kind: 'sum'; readonly value: Value }
  /** Σ_t of the value, over these axes of it, too. */
  | { readonly kind: 'reduce'; readonly value: Value; readonly axes: readonly number[] }
  /** Σ_t A_t B_t: the positions are contracted with the rest. */
  | { readonly kind: 'dot'; readonly node: NodeOf<'dot'> }
  /** Σ_t A B_t = A Σ_t B_t */
  | { readonly kind: 'dot-fixed'; readonly node: NodeOf<'dot'>; readonly fixed: 0 | 1; readonly other: Term }
  | { readonly kind: 'scatter'; readonly node: NodeOf<'scatter-add'> }
  /** f(Σ_t x_t) for a linear f. */
  | { readonly kind: 'linear'; readonly node: Node; readonly terms: readonly Term[] };

const LINEAR: ReadonlySet<OpName> = new Set([
  'neg',
  'add',
  'sub',
  'broadcast',
  'transpose',
  'reshape',
  'slice',
  'pad',
  'reverse',
  'concat',
]);

/** Chooses, and asks `after` for what the choice needs. */
export function planTerm(after: AfterLoop, value: Value): Term {
  const term = choose(after, value);
  ask(after, term);
  return term;
}

function choose(after: AfterLoop, value: Value): Term {
  if (after.isStacked(value)) return { kind: 'reduce', value, axes: [] };
  const maker = after.makers.get(value);
  if (maker === undefined) return { kind: 'sum', value };
  if (maker.op === 'dot') return chooseDot(after, maker);
  if (maker.op === 'scatter-add') return { kind: 'scatter', node: maker };
  if (maker.op === 'reduce' && maker.attributes.combine === 'sum')
    return { kind: 'reduce', value: operandOf(maker, 0), axes: maker.attributes.axes };
  if (!LINEAR.has(maker.op)) return { kind: 'sum', value };
  const terms = maker.operands.map((operand) => choose(after, operand));
  return terms.every((term) => term.kind === 'sum')
    ? { kind: 'sum', value }
    : { kind: 'linear', node: maker, terms };
}

function chooseDot(after: AfterLoop, node: NodeOf<'dot'>): Term {
  const [lhs, rhs] = [operandOf(node, 0), operandOf(node, 1)];
  if (after.isFixed(lhs)) return { kind: 'dot-fixed', node, fixed: 0, other: choose(after, rhs) };
  if (after.isFixed(rhs)) return { kind: 'dot-fixed', node, fixed: 1, other: choose(after, lhs) };
  return { kind: 'dot', node };
}

function ask(after: AfterLoop, term: Term): void {
  switch (term.kind) {
    case 'sum':
      return after.requireSum(term.value);
    case 'reduce':
      return after.require(term.value);
    case 'dot':
    case 'scatter':
      return term.node.operands.forEach((operand) => after.require(operand));
    case 'dot-fixed':
      return ask(after, term.other);
    case 'linear':
      return term.terms.forEach((each) => ask(after, each));
  }
}

/** After the scan was emitted. */
export function emitTerm(after: AfterLoop, builder: GraphBuilder, term: Term): Value {
  switch (term.kind) {
    case 'sum':
      return after.sumOf(term.value);
    case 'reduce':
      return builder.sum(after.stacked(builder, term.value), [0, ...term.axes.map((axis) => axis + 1)]);
    case 'dot':
      return emitDot(after, builder, term.node);
    case 'dot-fixed': {
      const other = emitTerm(after, builder, term.other);
      const operands = term.node.operands.map((operand, at) =>
        at === term.fixed ? after.outside(operand).value : other,
      );
      return builder.emit('dot', operands, term.node.attributes);
    }
    case 'scatter': {
      const operands = term.node.operands.map((operand) => after.stacked(builder, operand));
      return builder.emit('scatter-add', operands, term.node.attributes);
    }
    case 'linear': {
      const operands = term.terms.map((each) => emitTerm(after, builder, each));
      const [result] = builder.at(term.node.origin, () => copyNode<OpName>(builder, term.node, operands));
      if (result === undefined) throw new RangeError('a linear op has a result');
      return result;
    }
  }
}

function emitDot(after: AfterLoop, builder: GraphBuilder, node: NodeOf<'dot'>): Value {
  const operands = node.operands.map((operand) => after.stacked(builder, operand));
  const shift = ([lhs, rhs]: readonly [number, number]) => [lhs + 1, rhs + 1] as const;
  const { batch, contract } = node.attributes;
  return builder.at(node.origin, () =>
    builder.emit('dot', operands, { batch: batch.map(shift), contract: [[0, 0], ...contract.map(shift)] }),
  );
}
