/**
 * A scan all of whose carries are linear recurrences, h' = a ⊙ h + b with a and b known without h, disappears: each
 * carry becomes a `linear-recurrence`, and the rest of the step runs for all positions at once, before or after it.
 * A carry may be in the a and b of another. Needs: `hoist` and `sink` before, which move what pays in other scans, too.
 * Keeps: results up to rounding, random streams. Where a factor is 0, an infinite state gives NaN as in the loop.
 */
import type { GraphBuilder } from '../ir/builder.ts';
import { constantDim, constantOf, type Dim } from '../ir/dim.ts';
import type { Graph, Node, NodeOf, Region, Value } from '../ir/graph.ts';
import { scanOperands, scanResults } from '../ops/scan.ts';
import { batchNode, type Outside } from './hoist/batch-node.ts';
import type { Affine, Term } from './linear-recurrence/affine.ts';
import { planLinearScan, type LinearScan } from './linear-recurrence/plan.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';
import { uniformNumber } from './simplify/uniform.ts';

/** So few steps are taken as fast in a loop. */
const FEW = 4;

export const linearRecurrence: Pass = {
  name: 'linear-recurrence',
  requires: ['undifferentiated'],
  run: (graph: Graph): Graph =>
    rewriteGraph(graph, (scope, node) => (node.op === 'scan' ? replaceScan(scope, node) : undefined)),
};

function replaceScan(scope: RewriteScope, node: NodeOf<'scan'>): readonly Value[] | undefined {
  const { region, attributes } = node;
  const trip = constantOf(attributes.trip);
  if (region === undefined || attributes.carries === 0 || (trip !== undefined && trip < FEW))
    return undefined;
  const plan = planLinearScan(node, region);
  return plan && new LinearReplacement(scope, node, region, plan).results();
}

class LinearReplacement {
  readonly #scope: RewriteScope;
  readonly #builder: GraphBuilder;
  readonly #node: NodeOf<'scan'>;
  readonly #region: Region;
  readonly #plan: LinearScan;
  readonly #trip: Dim;
  readonly #outside = new Map<Value, Outside>();
  readonly #makers: ReadonlyMap<Value, Node>;

  constructor(scope: RewriteScope, node: NodeOf<'scan'>, region: Region, plan: LinearScan) {
    this.#scope = scope;
    this.#builder = scope.builder;
    this.#node = node;
    this.#region = region;
    this.#plan = plan;
    this.#trip = node.attributes.trip;
    this.#makers = new Map(plan.nodes.flatMap((each) => each.results.map((value) => [value, each] as const)));
    const parameters = scanOperands(region.parameters.slice(1), node.attributes);
    const operands = scanOperands(node.operands, node.attributes);
    parameters.sequences.forEach((value, at) => this.#note(value, operands.sequences[at], true));
    parameters.invariants.forEach((value, at) => this.#note(value, operands.invariants[at], false));
  }

  #note(value: Value, found: Value | undefined, batched: boolean): void {
    if (found !== undefined) this.#outside.set(value, { value: found, batched });
  }

  results(): readonly Value[] {
    const { attributes } = this.#node;
    const results = scanResults(this.#region.results, attributes);
    const finals = new Map(this.#plan.carries.map(({ at, form }) => [at, this.#step(at, form)] as const));
    return [
      ...results.carries.map((value, at) => finals.get(at) ?? value),
      ...results.stacks.map((value) => this.#stacked(value)),
      ...results.sums.map((value) => this.#builder.sum(this.#stacked(value), [0])),
    ];
  }

  /** Notes the carry's values before and after every step; gives the last. */
  #step(at: number, form: Affine): Value {
    const { attributes, operands } = this.#node;
    const { reverse } = attributes;
    const parameter = scanOperands(this.#region.parameters.slice(1), attributes).carries[at];
    const initial = scanOperands(operands, attributes).carries[at];
    const next = scanResults(this.#region.results, attributes).carries[at];
    if (parameter === undefined || initial === undefined || next === undefined)
      throw new RangeError(`the scan has no carry ${at}`);
    const history = this.#history(form, initial, parameter.name);
    const [zero, one] = [constantDim(0), constantDim(1)];
    const slice = (start: Dim, length: Dim): Value =>
      this.#builder.emit('slice', [history], { axis: 0, start, length });
    const after = slice(reverse ? zero : one, this.#trip);
    this.#note(parameter, slice(reverse ? one : zero, this.#trip), true);
    // What else is made of the next state reads it, instead of computing it again.
    if (this.#makers.has(next)) this.#note(next, after, true);
    return this.#builder.reshape(slice(reverse ? zero : this.#trip, one), initial.type.shape);
  }

  #history({ factor, rest }: Affine, initial: Value, name: string | undefined): Value {
    const builder = this.#builder;
    const { reverse } = this.#node.attributes;
    const shape = [this.#trip, ...initial.type.shape];
    const { dtype } = initial.type;
    const terms = this.#emit(rest, dtype, shape);
    if (factor === undefined) {
      // Each state is what the step before it makes of the sequences.
      const [zero, one] = [constantDim(0), constantDim(1)];
      if (uniformNumber(this.#scope, initial) === 0) {
        const [before, after] = reverse ? [zero, one] : [one, zero];
        return builder.emit('pad', [terms], { axis: 0, before, after }, name);
      }
      const first = builder.reshape(initial, [one, ...initial.type.shape]);
      return builder.emit('concat', reverse ? [terms, first] : [first, terms], { axis: 0 }, name);
    }
    const factors = this.#emit(factor, dtype, shape);
    return builder.emit('linear-recurrence', [factors, terms, initial], { reverse }, name);
  }

  #emit(term: Term | undefined, dtype: Value['type']['dtype'], shape: readonly Dim[]): Value {
    const builder = this.#builder;
    switch (term?.kind) {
      case undefined:
        return builder.constant(0, dtype, shape);
      case 'one':
        return builder.constant(1, dtype, shape);
      case 'value':
        return this.#stacked(term.value);
      case 'unary':
        return builder.emit(term.op, [this.#emit(term.term, dtype, shape)], {});
      case 'binary':
        return builder.emit(
          term.op,
          term.terms.map((each) => this.#emit(each, dtype, shape)),
          {},
        );
      case 'select': {
        const branches = [term.chosen, term.otherwise].map((each) => this.#emit(each, dtype, shape));
        return builder.emit('select', [this.#stacked(term.condition), ...branches], {});
      }
    }
  }

  /** The value of every position. */
  #stacked(value: Value): Value {
    const found = this.#find(value);
    if (found.batched) return found.value;
    const { shape } = found.value.type;
    return this.#builder.broadcast(
      found.value,
      [this.#trip, ...shape],
      shape.map((_, axis) => axis + 1),
    );
  }

  #find(value: Value): Outside {
    const known = this.#outside.get(value);
    if (known !== undefined) return known;
    const [position] = this.#region.parameters;
    if (value === position) {
      this.#note(position, this.#builder.emit('iota', [], { length: this.#trip }), true);
      return this.#find(value);
    }
    const maker = this.#makers.get(value);
    if (maker === undefined) throw new RangeError('a carry is read before it is known');
    const { span, derivation } = maker.origin;
    this.#builder.at({ span, derivation }, () => {
      const operands = maker.operands.map((operand) => this.#find(operand));
      const made = batchNode(this.#builder, maker, operands, this.#trip);
      maker.results.forEach((each, at) => this.#note(each, made[at]?.value, made[at]?.batched ?? false));
    });
    return this.#find(value);
  }
}
