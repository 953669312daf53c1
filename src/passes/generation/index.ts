/** The programs of generation, all made from one graph: what runs once, for a prompt, for a token, and what moves rows. */
import type { Graph } from '../../ir/graph.ts';
import { symbolDim } from '../../ir/dim.ts';
import { substituteDim } from '../../ir/substitute-dim.ts';
import { readCachesByTable } from './cache-rows.ts';
import { findMoved, reorderStates } from './reorder.ts';
import { hasRows, positionsTable, startsTable } from './row-tables.ts';
import { splitPrepared, type GrowingNames } from './split-prepared.ts';

export type { GrowingNames } from './split-prepared.ts';

export interface GenerationGraphs {
  /** New tokens -> scores after the last of them, where texts begin: every row reads its own. */
  readonly prefill: Graph;
  /**
   * One token of each row: its products are those of a few rows, and cut accordingly. What is kept is read by the
   * tables that `reorder` changes.
   */
  readonly decode: Graph;
  /** Once for each text: the inputs beside the tokens -> states that `decode` reads. */
  readonly prepare?: Graph;
  /** `parents` -> row i goes on from what was row `parents[i]`. */
  readonly reorder?: Graph;
}

/** `graph`: the complete program `decode`. The others still need their cleanup. */
export function generationGraphs(graph: Graph, growing: GrowingNames): GenerationGraphs {
  const rows = graph.inputs.find(({ name }) => name === growing.input)?.value.type.shape[0];
  const { decode: prefill, prepare } = splitPrepared(graph, growing);
  const programs = { prefill, ...(prepare === undefined ? {} : { prepare }) };
  if (rows === undefined || !hasRows(rows, graph.dims))
    return { ...programs, decode: substituteDim(prefill, growing.dim, 1) };
  const { decode: split } = splitPrepared(graph, growing, 'by table');
  const { graph: decode, stay } = readCachesByTable(substituteDim(split, growing.dim, 1), rows, graph.dims);
  const sizes = new Map([
    [startsTable, [rows]],
    [positionsTable, [rows, symbolDim(growing.total)]],
  ]);
  const tables = decode.states.flatMap((state) => {
    const shape = sizes.get(state.name);
    return shape === undefined ? [] : [{ state, shape }];
  });
  const reorder = reorderStates({ moved: findMoved(decode, rows, stay), tables }, rows, graph);
  return { ...programs, decode, ...(reorder === undefined ? {} : { reorder }) };
}
