/**
 * The program that lets rows go on from others, as a beam search asks for: row i becomes what was row `parents[i]`. Of
 * what stays where it is, the tables that lead to it change; what each token makes anew, such as the state of a
 * recurrent layer, moves.
 */
import { GraphBuilder } from '../../ir/builder.ts';
import { addDims, constantDim, type Dim } from '../../ir/dim.ts';
import type { Graph, GraphState, Value } from '../../ir/graph.ts';
import { tensorType } from '../../ir/types.ts';
import { usedDims } from '../../ir/used-dims.ts';
import { inferTypes } from '../../ops/index.ts';
import { rowAxis } from '../../ir/row-axis.ts';
import { frontOf } from './row-tables.ts';

/** The program's only input. */
export const parentsInput = 'parents';

export interface RowStates {
  /** States whose rows move, with the part of each that holds something. */
  readonly moved: readonly { readonly state: GraphState; readonly shape: readonly Dim[] }[];
  /** Tables, with the part that is in use: rows, then positions where there are any. */
  readonly tables: readonly { readonly state: GraphState; readonly shape: readonly Dim[] }[];
}

/** `rows`: the dimension of the batch, `dims` those of all programs. Undefined where no state has rows. */
export function reorderStates(
  { moved, tables }: RowStates,
  rows: Dim,
  { name, dims }: Pick<Graph, 'name' | 'dims'>,
): Graph | undefined {
  const [first] = [...moved, ...tables];
  if (first === undefined) return undefined;
  const { origin } = first.state;
  const parents: Value = { type: tensorType('i32', [rows]), name: parentsInput };
  const builder = new GraphBuilder(inferTypes, origin);
  const states: GraphState[] = [];
  const updates: { readonly state: string; readonly value: Value }[] = [];
  const replace = (state: GraphState, make: (stored: Value) => Value): void => {
    const stored: Value = { ...state.value };
    states.push({ ...state, value: stored });
    const starts = stored.type.shape.map(() => constantDim(0));
    const value = builder.at(state.origin, () =>
      builder.emit('update-slice', [stored, make(stored)], { starts }),
    );
    updates.push({ state: state.name, value });
  };
  for (const { state, shape } of moved) replace(state, (stored) => takeRows(builder, stored, shape, parents));
  for (const { state, shape } of tables) replace(state, (stored) => leadOn(builder, stored, shape, parents));
  const reorder: Graph = {
    name,
    dims,
    inputs: [{ name: parentsInput, value: parents, origin, role: 'data' }],
    states,
    nodes: builder.nodes,
    outputs: [],
    updates,
  };
  const used = usedDims(reorder);
  return { ...reorder, dims: dims.filter((dim) => used.has(dim.name)) };
}

/** The states of a program that are made anew for each of the rows, without those that `stay`. */
export function findMoved(graph: Graph, rows: Dim, stay: ReadonlySet<string>): RowStates['moved'] {
  return graph.states.flatMap((state) => {
    const shape = extentOf(graph, state);
    if (state.role !== 'carry' || stay.has(state.name) || shape === undefined) return [];
    return typeof rowAxis(shape, rows) === 'number' ? [{ state, shape }] : [];
  });
}

/** How much of a state holds something after a run of the program. */
function extentOf({ nodes, updates }: Graph, { name }: GraphState): readonly Dim[] | undefined {
  const update = updates.find(({ state }) => state === name)?.value;
  const node = nodes.find(({ results }) => results.some((result) => result === update));
  if (node?.op !== 'update-slice') return undefined;
  const { starts } = node.attributes;
  return node.operands[1]?.type.shape.map((length, axis) => addDims(starts[axis] ?? constantDim(0), length));
}

function takeRows(builder: GraphBuilder, stored: Value, shape: readonly Dim[], parents: Value): Value {
  const [rows = constantDim(1)] = parents.type.shape;
  const axis = rowAxis(shape, rows);
  if (typeof axis !== 'number') throw new RangeError('what moves has rows');
  // Any of the rows there were may be a parent: that axis is not cut.
  const whole = stored.type.shape[axis] ?? rows;
  const filled = frontOf(
    builder,
    stored,
    shape.map((dim, at) => (at === axis ? whole : dim)),
  );
  return builder.emit('take-along', [filled, parents], { axis, along: [] });
}

/** A row looks where its parent did: new[i] = old[parents[i]] + parents[i] − i. */
function leadOn(builder: GraphBuilder, stored: Value, shape: readonly Dim[], parents: Value): Value {
  const [rows = constantDim(1), ...rest] = shape;
  const whole = frontOf(builder, stored, [stored.type.shape[0] ?? rows, ...rest]);
  const before = builder.emit('gather', [whole, parents], {});
  const own = builder.emit('iota', [], { length: rows });
  const step = builder.broadcast(builder.emit('sub', [parents, own], {}), shape, [0]);
  return builder.emit('add', [before, step], {});
}
