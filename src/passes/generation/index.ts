/** The programs of generation, all made from one graph: what runs once, for a prompt, for a token, and what moves rows. */
import type { Graph } from '../../ir/graph.ts';
import { substituteDim } from '../../ir/substitute-dim.ts';
import { reorderStates } from './reorder.ts';
import { splitPrepared, type GrowingNames } from './split-prepared.ts';

export type { GrowingNames } from './split-prepared.ts';

export interface GenerationGraphs {
  /** New tokens -> scores after the last of them; reads and extends what is kept. */
  readonly prefill: Graph;
  /** The same for one token of each row: its products are those of a few rows, and cut accordingly. */
  readonly decode: Graph;
  /** Once for each text: the inputs beside the tokens -> states that `decode` reads. */
  readonly prepare?: Graph;
  /** `parents` -> moves the rows of what grows. */
  readonly reorder?: Graph;
  /** `parents` -> moves the rows of what `prepare` has left. */
  readonly 'reorder-prepared'?: Graph;
}

/** `graph`: the complete program `decode`. The others still need their cleanup. */
export function generationGraphs(graph: Graph, growing: GrowingNames): GenerationGraphs {
  const rows = graph.inputs.find(({ name }) => name === growing.input)?.value.type.shape[0];
  const { decode, prepare } = splitPrepared(graph, growing);
  const reorder = rows && reorderStates(decode, rows, graph.dims);
  const reorderPrepared = rows && prepare && reorderStates(prepare, rows, graph.dims);
  return {
    prefill: decode,
    decode: substituteDim(decode, growing.dim, 1),
    ...(prepare === undefined ? {} : { prepare }),
    ...(reorder === undefined ? {} : { reorder }),
    ...(reorderPrepared === undefined ? {} : { 'reorder-prepared': reorderPrepared }),
  };
}
