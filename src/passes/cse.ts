/**
 * Computes equal nodes once, in every region by itself. Needs: nothing. Keeps: results bit for bit; random streams,
 * because equal draws are equal numbers; what `again` is to keep apart.
 */
import { printAttributes } from '../ir/attribute-text.ts';
import type { Graph, Node, NodeOf, OpName, Region, Value } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { Pass } from './pass.ts';
import { rewriteGraph, type RewriteScope } from './rewrite.ts';

export const cse: Pass = {
  name: 'cse',
  run(graph: Graph): Graph {
    const tables = new WeakMap<RewriteScope, Table>();
    return rewriteGraph(graph, (scope, node) => {
      if (node.op === 'again') return undefined;
      const table = tables.get(scope) ?? new Table();
      tables.set(scope, table);
      return table.find(node);
    });
  },
};

const COMMUTATIVE: ReadonlySet<OpName> = new Set(['add', 'mul', 'max', 'min', 'and', 'or', 'eq', 'ne']);

/** Nodes of one scope by what they compute. */
class Table {
  readonly #known = new Map<string, readonly Value[]>();
  readonly #numbers = new Map<Value, number>();

  find(node: Node): readonly Value[] | undefined {
    const key = keyOf<OpName>(node, (value) => this.#number(value));
    const known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, node.results);
    return known;
  }

  #number(value: Value): number {
    const number = this.#numbers.get(value) ?? this.#numbers.size;
    this.#numbers.set(value, number);
    return number;
  }
}

function keyOf<Name extends OpName>(node: NodeOf<Name>, number: (value: Value) => number): string {
  const operands = node.operands.map(number);
  if (COMMUTATIVE.has(node.op)) operands.sort((lhs, rhs) => lhs - rhs);
  const head = `${node.op}${printAttributes<Name>(node.op, node.attributes)}(${operands.join(' ')})`;
  return node.region === undefined ? head : `${head} ${regionKey(node.region)}`;
}

/** Equal for regions that differ in the identity of their values only. */
function regionKey(region: Region): string {
  const numbers = new Map<Value, number>();
  const number = (value: Value): number => {
    const known = numbers.get(value) ?? numbers.size;
    numbers.set(value, known);
    return known;
  };
  const parameters = region.parameters.map((value) => `${number(value)}: ${printType(value.type)}`);
  const nodes = region.nodes.map(
    (node) => `${node.results.map(number).join(' ')} = ${keyOf<OpName>(node, number)}`,
  );
  return `{${[...parameters, ...nodes, region.results.map(number).join(' ')].join('; ')}}`;
}
