/**
 * Rows of texts that go on from others', without a copy of what is kept: it stays in the row that wrote it, and a table
 * says for each row where to look. Tables hold differences, so that zeros, with which they start, mean one's own row.
 */
import type { GraphBuilder } from '../../ir/builder.ts';
import { constantDim, equalDims, evaluateDim, symbolsOf, type Dim } from '../../ir/dim.ts';
import type { Graph, GraphState, Origin, Value } from '../../ir/graph.ts';
import { tensorType } from '../../ir/types.ts';

/** i32[rows, positions]: of each position, the row that wrote it less one's own. */
export const positionsTable = 'decode/rows.positions';
/** i32[rows]: the row of the start that a row comes from less its own: what `prepare` left is there. */
export const startsTable = 'decode/rows.starts';

/** Rows move only where there is more than one. */
export function hasRows(rows: Dim, dims: Graph['dims']): boolean {
  return evaluateDim(rows, boundsOf(dims)) > 1;
}

export function boundsOf(dims: Graph['dims']): ReadonlyMap<string, number> {
  return new Map(dims.map(({ name, bound }) => [name, bound]));
}

/** A table with room for these sizes at their bounds. */
export function declareTable(
  name: string,
  sizes: readonly Dim[],
  dims: Graph['dims'],
  origin: Origin,
): GraphState {
  const bounds = boundsOf(dims);
  const shape = sizes.map((size) => constantDim(evaluateDim(size, bounds)));
  const value: Value = { type: tensorType('i32', shape), name: name.slice(name.lastIndexOf('.') + 1) };
  return { name, value, role: 'carry', initializer: { kind: 'constant', value: 0 }, origin };
}

/** The part from the front that has these sizes. */
export function frontOf(builder: GraphBuilder, stored: Value, sizes: readonly Dim[]): Value {
  return sizes.reduce(
    (value, length, axis) =>
      symbolsOf(length).length === 0 && equalDims(length, stored.type.shape[axis] ?? length)
        ? value
        : builder.emit('slice', [value], { axis, start: constantDim(0), length }),
    stored,
  );
}

/** i32[rows, more…]: the numbers of the rows that a table leads to. */
export function rowsOf(builder: GraphBuilder, table: Value, sizes: readonly Dim[]): Value {
  const [rows = constantDim(1)] = sizes;
  const own = builder.broadcast(builder.emit('iota', [], { length: rows }), sizes, [0]);
  return builder.emit('add', [own, frontOf(builder, table, sizes)], {});
}

/**
 * What belongs to each of the rows in a state that is as large as its bounds. `shape`: the part that is used, rows at
 * `axis`; `table`: of positions where `along` names their axis.
 */
export function readRows(
  builder: GraphBuilder,
  stored: Value,
  table: Value,
  { shape, axis, along }: { readonly shape: readonly Dim[]; readonly axis: number; readonly along?: number },
): Value {
  // Any row may be asked for: that axis is not cut.
  const whole = stored.type.shape[axis] ?? constantDim(1);
  const used = frontOf(
    builder,
    stored,
    shape.map((dim, at) => (at === axis ? whole : dim)),
  );
  const sizes = [axis, ...(along === undefined ? [] : [along])].flatMap((at) => shape[at] ?? []);
  const rows = rowsOf(builder, table, sizes);
  return builder.emit('take-along', [used, rows], { axis, along: along === undefined ? [] : [along] });
}
