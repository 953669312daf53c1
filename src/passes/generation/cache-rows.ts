/**
 * Lets `decode` read what it appends to through the table of positions: a cache that is read from its front, all rows
 * at once, then never moves. What is read in another way stays as it is, and its rows are moved.
 */
import { addDims, constantDim, constantOf, equalDims, type Dim } from '../../ir/dim.ts';
import type { Graph, GraphState, Value } from '../../ir/graph.ts';
import { rowAxis } from '../../ir/row-axis.ts';
import { rewriteGraph } from '../rewrite.ts';
import { declareTable, positionsTable, readRows } from './row-tables.ts';

export interface CachedRows {
  readonly graph: Graph;
  /** States that are read through the table. */
  readonly stay: ReadonlySet<string>;
}

interface Cache {
  readonly state: GraphState;
  /** With the new positions in it. */
  readonly whole: Value;
  readonly axis: number;
  readonly along: number;
  readonly length: Dim;
}

/** `graph`: the program for one token of each of `rows`; `dims`: those of all programs. */
export function readCachesByTable(graph: Graph, rows: Dim, dims: Graph['dims']): CachedRows {
  const caches = graph.states.flatMap((state) => findCache(graph, state, rows) ?? []);
  const lengths = caches[0]?.length;
  // One table serves all: they are as long as the text.
  const alike = caches.filter(({ length }) => lengths !== undefined && equalDims(length, lengths));
  const read = alike.filter((cache) => isReadInFront(graph, cache, rows));
  const [first] = read;
  if (first === undefined) return { graph, stay: new Set() };
  const table = declareTable(positionsTable, [rows, first.length], dims, first.state.origin);
  const roots = new Map(read.map((cache) => [cache.whole, cache]));
  const rewritten = rewriteGraph(graph, ({ builder }, node) => {
    const [operand] = node.operands;
    const [result] = node.results;
    const cache = operand && roots.get(operand);
    if (node.op !== 'slice' || cache === undefined || result === undefined) return undefined;
    if (!isFront(result, cache, rows)) {
      roots.set(result, cache);
      return undefined;
    }
    const { axis, along } = cache;
    return [readRows(builder, cache.whole, table.value, { shape: result.type.shape, axis, along })];
  });
  return {
    graph: { ...rewritten, states: [...rewritten.states, table] },
    stay: new Set(read.map(({ state }) => state.name)),
  };
}

/** A state that grows along one axis, and has the rows along another. */
function findCache({ nodes, updates }: Graph, state: GraphState, rows: Dim): Cache | undefined {
  const whole = updates.find((update) => update.state === state.name)?.value;
  const node = nodes.find(({ results }) => whole !== undefined && results.includes(whole));
  if (state.role !== 'carry' || whole === undefined || node?.op !== 'update-slice') return undefined;
  const { starts } = node.attributes;
  const part = node.operands[1]?.type.shape ?? [];
  const [along, ...more] = starts.flatMap((start, at) => (constantOf(start) === 0 ? [] : [at]));
  const axis = rowAxis(part, rows);
  if (along === undefined || more.length > 0 || typeof axis !== 'number' || axis === along) return undefined;
  const length = addDims(starts[along] ?? constantDim(0), part[along] ?? constantDim(1));
  return { state, whole, axis, along, length };
}

function isFront({ type: { shape } }: Value, { axis, along, length }: Cache, rows: Dim): boolean {
  const [count, positions] = [shape[axis], shape[along]];
  return (
    count !== undefined && positions !== undefined && equalDims(count, rows) && equalDims(positions, length)
  );
}

/** Whether all that is read of it, in the end, is what the rows at hand have up to the length. */
function isReadInFront({ nodes, outputs, updates }: Graph, cache: Cache, rows: Dim): boolean {
  const parts = new Set<Value>([cache.whole]);
  for (const node of nodes) {
    if (!node.operands.some((operand) => parts.has(operand))) continue;
    const [result] = node.results;
    if (node.op !== 'slice' || constantOf(node.attributes.start) !== 0 || result === undefined) return false;
    if (!isFront(result, cache, rows)) parts.add(result);
  }
  return ![...outputs, ...updates].some(({ value }) => value !== cache.whole && parts.has(value));
}
