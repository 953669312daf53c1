/** Which integers of the batch index a table, and how large the table is: the host checks them before a step. */
import { constantOf } from '../ir/dim.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';

type Range = readonly [number, number];

/** Inclusive low and exclusive high by input name. */
export function inputRanges(graph: Graph): ReadonlyMap<string, Range> {
  const limits = new Map<Value, number>();
  const limit = (value: Value, high: number): void => {
    limits.set(value, Math.min(high, limits.get(value) ?? high));
  };
  walk(graph.nodes, limit, limits);
  return new Map(
    graph.inputs.flatMap(({ name, value }) => {
      const high = limits.get(value);
      return high === undefined ? [] : [[name, [0, high]] as const];
    }),
  );
}

/** From uses back to definitions: what a view shows of a value has the value's limits. */
function walk(
  nodes: readonly Node[],
  limit: (value: Value, high: number) => void,
  limits: ReadonlyMap<Value, number>,
): void {
  for (const node of nodes.toReversed()) {
    const [first, second] = node.operands;
    switch (node.op) {
      case 'gather': {
        const rows = first?.type.shape[0];
        const high = rows && constantOf(rows);
        if (second !== undefined && high !== undefined) limit(second, high);
        break;
      }
      case 'scatter-add': {
        const high = constantOf(node.attributes.rows);
        if (first !== undefined && high !== undefined) limit(first, high);
        break;
      }
      case 'reshape':
      case 'transpose':
      case 'broadcast':
      case 'reverse': {
        const high = node.results[0] && limits.get(node.results[0]);
        if (first !== undefined && high !== undefined) limit(first, high);
        break;
      }
      case 'scan': {
        const { region } = node;
        if (region === undefined) break;
        walk(region.nodes, limit, limits);
        const { sequences, carries } = node.attributes;
        for (const [at, operand] of node.operands.entries()) {
          const parameter = region.parameters[at + 1];
          const high = parameter && limits.get(parameter);
          const carried = at >= sequences && at < sequences + carries;
          if (!carried && high !== undefined) limit(operand, high);
        }
        break;
      }
      default:
        break;
    }
  }
}
