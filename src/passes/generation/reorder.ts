/**
 * The programs that move the rows of what decoding keeps, as a beam search asks for: row i becomes what was row
 * `parents[i]`. Only the part of a state that holds something is read and written.
 */
import { GraphBuilder } from '../../ir/builder.ts';
import { addDims, constantDim, type Dim } from '../../ir/dim.ts';
import type { Graph, GraphState, Value } from '../../ir/graph.ts';
import { tensorType } from '../../ir/types.ts';
import { usedDims } from '../../ir/used-dims.ts';
import { inferTypes } from '../../ops/index.ts';
import { rowAxis } from '../../ir/row-axis.ts';

/** The program's only input. */
export const parentsInput = 'parents';

/**
 * For the states that `graph` updates by `update-slice`; `rows`: the dimension of the batch, `dims` those of all
 * programs. Undefined where no state has rows.
 */
export function reorderStates(graph: Graph, rows: Dim, dims: Graph['dims']): Graph | undefined {
  const [first] = graph.states;
  if (first === undefined) return undefined;
  const parents: Value = { type: tensorType('i32', [rows]), name: parentsInput };
  const builder = new GraphBuilder(inferTypes, first.origin);
  const states: GraphState[] = [];
  const updates: { readonly state: string; readonly value: Value }[] = [];
  for (const state of graph.states) {
    const shape = extentOf(graph, state);
    const axis = shape && rowAxis(shape, rows);
    if (state.role !== 'carry' || shape === undefined || typeof axis !== 'number') continue;
    const stored: Value = { ...state.value };
    states.push({ ...state, value: stored });
    const value = builder.at(state.origin, () => takeRows(builder, stored, shape, axis, parents));
    updates.push({ state: state.name, value });
  }
  if (states.length === 0) return undefined;
  const reorder: Graph = {
    name: graph.name,
    dims,
    inputs: [{ name: parentsInput, value: parents, origin: first.origin, role: 'data' }],
    states,
    nodes: builder.nodes,
    outputs: [],
    updates,
  };
  const used = usedDims(reorder);
  return { ...reorder, dims: dims.filter(({ name }) => used.has(name)) };
}

/** How much of a state holds something after a run of the program. */
function extentOf({ nodes, updates }: Graph, { name }: GraphState): readonly Dim[] | undefined {
  const update = updates.find(({ state }) => state === name)?.value;
  const node = nodes.find(({ results }) => results.some((result) => result === update));
  if (node?.op !== 'update-slice') return undefined;
  const { starts } = node.attributes;
  return node.operands[1]?.type.shape.map((length, axis) => addDims(starts[axis] ?? constantDim(0), length));
}

function takeRows(
  builder: GraphBuilder,
  stored: Value,
  shape: readonly Dim[],
  axis: number,
  parents: Value,
): Value {
  // Any of the rows there were may be a parent: that axis is not cut.
  const filled = shape.reduce(
    (value, length, at) =>
      at === axis ? value : builder.emit('slice', [value], { axis: at, start: constantDim(0), length }),
    stored,
  );
  const order = [axis, ...shape.map((_, at) => at).filter((at) => at !== axis)];
  const moved = builder.emit('gather', [builder.transpose(filled, order), parents], {});
  const back = builder.transpose(
    moved,
    shape.map((_, at) => order.indexOf(at)),
  );
  return builder.emit('update-slice', [stored, back], { starts: shape.map(() => constantDim(0)) });
}
