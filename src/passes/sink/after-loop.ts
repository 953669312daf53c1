/** A scan that is rebuilt with other stacks and sums, and the values of its region as they can be had after it. */
import { InternalError } from '../../diagnostics/diagnostic.ts';
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Dim } from '../../ir/dim.ts';
import type { Node, NodeOf, Region, Value } from '../../ir/graph.ts';
import { loweringOf } from '../../ops/index.ts';
import { scanOperands, scanResults } from '../../ops/scan.ts';
import { batchNode, canBatch, type Outside } from '../hoist/batch-node.ts';
import { findDependent } from '../hoist/find-dependent.ts';

export class AfterLoop {
  readonly trip: Dim;
  readonly makers: ReadonlyMap<Value, Node>;
  readonly #node: NodeOf<'scan'>;
  readonly #region: Region;
  readonly #dependent: ReadonlySet<Value>;
  readonly #sunk: ReadonlySet<Value>;
  readonly #sums: Value[] = [];
  /** Values to stack besides those that are stacked already. */
  readonly #added: Value[] = [];
  readonly #rerun = new Set<Node>();
  readonly #known = new Map<Value, Outside>();
  readonly #sumResults = new Map<Value, Value>();

  /** `sunk`: results of nodes that are run after the loop instead of in it. */
  constructor(node: NodeOf<'scan'>, region: Region, sunk: ReadonlySet<Value>) {
    this.#sunk = sunk;
    this.#node = node;
    this.#region = region;
    this.trip = node.attributes.trip;
    this.makers = new Map(
      region.nodes.flatMap((each) => each.results.map((value) => [value, each] as const)),
    );
    this.#dependent = findDependent(region, node.attributes);
  }

  /** Whether the value is the same in every step. */
  isFixed(value: Value): boolean {
    return scanOperands(this.#region.parameters.slice(1), this.#node.attributes).invariants.includes(value);
  }

  /** Whether a stack of the value is there anyway. */
  isStacked(value: Value): boolean {
    const { sequences } = scanOperands(this.#region.parameters.slice(1), this.#node.attributes);
    return sequences.includes(value) || (this.#stacks().includes(value) && !this.#sunk.has(value));
  }

  /**
   * Makes the value available after the loop: views, and what depends on no carry, are run again there over what they
   * are made of; so are sunk nodes. Anything else is stacked.
   */
  require(value: Value): void {
    if (this.isStacked(value) || this.isFixed(value) || value === this.#region.parameters[0]) return;
    const maker = this.makers.get(value);
    if (maker !== undefined && (this.#sunk.has(value) || this.#runsAgain(maker))) {
      this.#rerun.add(maker);
      for (const operand of maker.operands) this.require(operand);
    } else if (!this.#added.includes(value)) this.#added.push(value);
  }

  /** Keeps the value's sum in the loop. */
  requireSum(value: Value): void {
    if (!this.#sums.includes(value)) this.#sums.push(value);
  }

  #runsAgain(maker: Node): boolean {
    const { kind } = loweringOf(maker);
    if (kind === 'view') return true;
    const free = !maker.results.some((result) => this.#dependent.has(result));
    const flags = maker.operands.map((operand) => !this.isFixed(operand));
    return free && (kind === 'pointwise' || kind === 'gather') && canBatch(maker, flags);
  }

  #stacks(): readonly Value[] {
    return scanResults(this.#region.results, this.#node.attributes).stacks;
  }

  /** Emits the scan: its carries and stacks, the stacks that were asked for, and the sums that stay. */
  emitScan(
    builder: GraphBuilder,
    sums: readonly Value[],
  ): { readonly carries: readonly Value[]; readonly stacks: readonly Value[] } {
    const { attributes, operands } = this.#node;
    const inner = scanResults(this.#region.results, attributes);
    for (const value of sums) this.requireSum(value);
    const stacks = [...inner.stacks, ...this.#added];
    const names = [
      ...this.#node.results.slice(0, attributes.carries + attributes.stacks).map((result) => result.name),
      ...this.#added.map((value) => value.name),
    ];
    const all = builder.emitAll(
      'scan',
      operands,
      { ...attributes, stacks: stacks.length },
      { region: { ...this.#region, results: [...inner.carries, ...stacks, ...this.#sums] }, names },
    );
    const results = scanResults(all, { ...attributes, stacks: stacks.length });
    this.#sums.forEach((value, at) => this.#set(this.#sumResults, value, results.sums[at]));
    const { sequences, invariants } = scanOperands(this.#region.parameters.slice(1), attributes);
    const outer = scanOperands(operands, attributes);
    sequences.forEach((value, at) => this.#note(value, outer.sequences[at], true));
    invariants.forEach((value, at) => this.#note(value, outer.invariants[at], false));
    stacks.forEach((value, at) => this.#known.has(value) || this.#note(value, results.stacks[at], true));
    for (const node of this.#region.nodes) if (this.#rerun.has(node)) this.#runAgain(builder, node);
    return { carries: results.carries, stacks: results.stacks.slice(0, inner.stacks.length) };
  }

  #set<T>(map: Map<Value, T>, key: Value, value: T | undefined): void {
    if (value !== undefined) map.set(key, value);
  }

  #note(value: Value, found: Value | undefined, batched: boolean): void {
    this.#set(this.#known, value, found && { value: found, batched });
  }

  #runAgain(builder: GraphBuilder, node: Node): void {
    const [position] = this.#region.parameters;
    if (position !== undefined && node.operands.includes(position) && !this.#known.has(position))
      this.#note(position, builder.emit('iota', [], { length: this.trip }), true);
    const { span, derivation } = node.origin;
    builder.at({ span, derivation }, () => {
      const made = batchNode(
        builder,
        node,
        node.operands.map((operand) => this.outside(operand)),
        this.trip,
      );
      node.results.forEach((value, at) => this.#set(this.#known, value, made[at]));
    });
  }

  /** After `emitScan`: the value outside. */
  outside(value: Value): Outside {
    const found = this.#known.get(value);
    if (found === undefined) throw new InternalError('a value was not asked for before the scan was emitted');
    return found;
  }

  /** The value of every position. */
  stacked(builder: GraphBuilder, value: Value): Value {
    const found = this.outside(value);
    if (found.batched) return found.value;
    const { shape } = found.value.type;
    return builder.broadcast(
      found.value,
      [this.trip, ...shape],
      shape.map((_, axis) => axis + 1),
    );
  }

  /** The sum that stayed in the loop. */
  sumOf(value: Value): Value {
    const found = this.#sumResults.get(value);
    if (found === undefined) throw new InternalError('a sum was not asked for before the scan was emitted');
    return found;
  }
}
