/**
 * Cuts the program `decode` in two: what no token has a part in, such as an encoder and the keys and values of its
 * memory, is computed once for each text by `prepare`, and kept in states that both share.
 */
import { GraphBuilder } from '../../ir/builder.ts';
import { constantDim, constantOf, evaluateDim, type Dim } from '../../ir/dim.ts';
import type { Graph, GraphState, Node, Origin, Value } from '../../ir/graph.ts';
import { tensorType } from '../../ir/types.ts';
import { dimsOfNode, usedDims } from '../../ir/used-dims.ts';
import { inferTypes } from '../../ops/index.ts';
import { replaceValues } from '../rewrite.ts';
import { rowAxis } from '../../ir/row-axis.ts';
import { declareTable, frontOf, readRows, startsTable } from './row-tables.ts';

/** What grows in the program `decode`. */
export interface GrowingNames {
  /** The input with the new tokens, `i32[batch, dim]`. */
  readonly input: string;
  readonly dim: string;
  /** The length with the new tokens. */
  readonly total: string;
}

export interface SplitPrograms {
  readonly decode: Graph;
  /** Absent where every value depends on the tokens. Has no outputs. */
  readonly prepare?: Graph;
}

/**
 * `graph`: the complete program `decode`, to which no training belongs. `by table`: rows of `decode` find what was
 * prepared for them by the table of starts; otherwise the first of them is the first row's.
 */
export function splitPrepared(
  graph: Graph,
  growing: GrowingNames,
  reading: 'own rows' | 'by table' = 'own rows',
): SplitPrograms {
  const { given, fixed } = findGiven(graph, growing);
  const rows = graph.inputs.find(({ name }) => name === growing.input)?.value.type.shape[0];
  const roots = [...graph.outputs, ...graph.updates].map(({ value }) => value);
  const later = graph.nodes.filter((node) => !node.results.some((result) => given.has(result)));
  const wanted = [...later.flatMap(({ operands }) => operands), ...roots].filter((value) => given.has(value));
  if (wanted.length === 0 || rows === undefined) return { decode: graph };
  const keeper = new Keeper(graph, rows, reading === 'by table');
  for (const value of wanted) keeper.want(value);
  // Rows must move with their texts.
  if (keeper.kept.some(({ value }) => rowAxis(value.type.shape, rows) === 'mixed')) return { decode: graph };
  const decode: Graph = replaceValues(
    {
      ...graph,
      inputs: graph.inputs.filter(({ value }) => !given.has(value)),
      states: [...graph.states, ...keeper.kept.map(({ state }) => state), ...keeper.tables],
      nodes: [
        ...keeper.nodes,
        ...later.map((node) => ({ ...node, operands: node.operands.map(keeper.resolve) })),
      ],
    },
    keeper.resolve,
  );
  const builder = new GraphBuilder(inferTypes, graph.nodes[0]?.origin ?? keeper.origin);
  builder.nodes.push(...graph.nodes.filter((node) => node.results.every((result) => fixed.has(result))));
  const prepare: Graph = {
    ...graph,
    inputs: graph.inputs.filter(({ value }) => given.has(value)),
    states: [
      ...graph.states.filter(({ role }) => role === 'parameter'),
      ...keeper.kept.map(({ state }) => ({ ...state, value: { ...state.value } })),
    ],
    outputs: [],
    updates: [],
  };
  const updates = keeper.kept.map(({ state, value }, at) => {
    const stored = prepare.states.at(at - keeper.kept.length)?.value ?? state.value;
    return { state: state.name, value: storeWhole(builder, stored, value) };
  });
  return { decode: withOwnDims(decode), prepare: withOwnDims({ ...prepare, nodes: builder.nodes, updates }) };
}

function storeWhole(builder: GraphBuilder, stored: Value, value: Value): Value {
  const { shape } = value.type;
  if (shape.every((dim) => constantOf(dim) !== undefined)) return value;
  return builder.emit('update-slice', [stored, value], { starts: shape.map(() => constantDim(0)) });
}

function withOwnDims(graph: Graph): Graph {
  const used = usedDims(graph);
  return { ...graph, dims: graph.dims.filter(({ name }) => used.has(name)) };
}

/** `fixed`: values that no token has a part in; `given`: those of them that are made from other inputs. */
function findGiven(
  { inputs, states, nodes }: Graph,
  { input, dim, total }: GrowingNames,
): { readonly given: ReadonlySet<Value>; readonly fixed: ReadonlySet<Value> } {
  const others = inputs.filter(({ role, name }) => role === 'data' && name !== input);
  const given = new Set(others.map(({ value }) => value));
  const fixed = new Set([
    ...given,
    ...states.filter(({ role }) => role === 'parameter').map(({ value }) => value),
  ]);
  const grows = (symbol: string): boolean => symbol === dim || symbol === total;
  for (const node of nodes) {
    if (node.op === 'random' || !node.operands.every((operand) => fixed.has(operand))) continue;
    if (dimsOfNode(node).some(grows)) continue;
    const isGiven = node.operands.some((operand) => given.has(operand));
    for (const result of node.results) {
      fixed.add(result);
      if (isGiven) given.add(result);
    }
  }
  return { given, fixed };
}

interface Kept {
  readonly state: GraphState;
  readonly value: Value;
}

/** Gives values that `prepare` computes to `decode`, from states or from what is in states. */
class Keeper {
  readonly kept: Kept[] = [];
  readonly nodes: Node[];
  readonly origin: Origin;
  /** The table of starts, where something is read by it. */
  readonly tables: GraphState[] = [];
  readonly #graph: Graph;
  readonly #rows: Dim;
  readonly #byTable: boolean;
  readonly #bounds: ReadonlyMap<string, number>;
  readonly #builder: GraphBuilder;
  readonly #producers: ReadonlyMap<Value, Node>;
  readonly #resolved = new Map<Value, Value>();

  constructor(graph: Graph, rows: Dim, byTable: boolean) {
    this.#graph = graph;
    this.#rows = rows;
    this.#byTable = byTable;
    this.#bounds = new Map(graph.dims.map(({ name, bound }) => [name, bound]));
    this.#producers = new Map(graph.nodes.flatMap((node) => node.results.map((result) => [result, node])));
    const [first] = [...graph.nodes, ...graph.inputs];
    if (first === undefined) throw new RangeError('a program has inputs');
    this.origin = first.origin;
    this.#builder = new GraphBuilder(inferTypes, first.origin);
    this.nodes = this.#builder.nodes;
  }

  readonly resolve = (value: Value): Value => this.#resolved.get(value) ?? value;

  want(value: Value): Value {
    const known = this.#resolved.get(value);
    if (known !== undefined) return known;
    const producer = this.#producers.get(value);
    const made = this.#builder.at(producer?.origin ?? this.origin, () => {
      const [operand] = producer?.operands ?? [];
      // What it repeats is smaller.
      return producer?.op === 'broadcast' && operand !== undefined
        ? this.#builder.emit('broadcast', [this.want(operand)], producer.attributes, value.name)
        : this.#front(this.#keep(value, producer?.origin ?? this.origin), value.type.shape);
    });
    this.#resolved.set(value, made);
    return made;
  }

  #keep(value: Value, origin: Origin): Value {
    const { dtype, shape } = value.type;
    const sizes = shape.map((dim) => constantDim(evaluateDim(dim, this.#bounds)));
    const hint = value.name ?? 'prepared';
    const stored: Value = { type: tensorType(dtype, sizes), name: hint };
    const taken = new Set(
      [...this.#graph.states, ...this.kept.map(({ state }) => state)].map(({ name }) => name),
    );
    let name = `decode/prepared.${hint}`;
    for (let copy = 1; taken.has(name); copy++) name = `decode/prepared.${hint}#${copy}`;
    const initializer = { kind: 'constant', value: 0 } as const;
    this.kept.push({ state: { name, value: stored, role: 'carry', initializer, origin }, value });
    return stored;
  }

  #front(stored: Value, shape: readonly Dim[]): Value {
    const axis = rowAxis(shape, this.#rows);
    if (!this.#byTable || typeof axis !== 'number') return frontOf(this.#builder, stored, shape);
    const [table = declareTable(startsTable, [this.#rows], this.#graph.dims, this.origin)] = this.tables;
    if (this.tables.length === 0) this.tables.push(table);
    return readRows(this.#builder, stored, table.value, { shape, axis });
  }
}
