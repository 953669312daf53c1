/** A graph for one size of a runtime dimension: the size stands in all types and attributes. */
import { addDims, constantDim, multiplyDims, symbolDim, type Dim } from './dim.ts';
import type { Graph, Node, Region, Value } from './graph.ts';

export function substituteDim(graph: Graph, symbol: string, size: number): Graph {
  return new Substitution(symbol, constantDim(size)).graph(graph);
}

class Substitution {
  readonly #symbol: string;
  readonly #size: Dim;
  readonly #values = new Map<Value, Value>();

  constructor(symbol: string, size: Dim) {
    this.#symbol = symbol;
    this.#size = size;
  }

  graph(graph: Graph): Graph {
    const named = <T extends { readonly value: Value }>(entry: T): T => ({
      ...entry,
      value: this.#value(entry.value),
    });
    const { gradients, training } = graph;
    return {
      ...graph,
      dims: graph.dims.filter(({ name }) => name !== this.#symbol),
      inputs: graph.inputs.map(named),
      states: graph.states.map(named),
      nodes: graph.nodes.map((node) => this.#node(node)),
      outputs: graph.outputs.map(named),
      updates: graph.updates.map(named),
      ...(gradients === undefined ? {} : { gradients: gradients.map(named) }),
      ...(training === undefined ? {} : { training: { ...training, loss: this.#value(training.loss) } }),
    };
  }

  #node(node: Node): Node {
    const { region } = node;
    // The op's attributes keep their form: only sizes in them change.
    return {
      ...node,
      operands: node.operands.map((operand) => this.#value(operand)),
      attributes: this.#attribute(node.attributes),
      results: node.results.map((result) => this.#value(result)),
      ...(region === undefined ? {} : { region: this.#region(region) }),
    } as Node;
  }

  #region({ parameters, nodes, results }: Region): Region {
    return {
      parameters: parameters.map((value) => this.#value(value)),
      nodes: nodes.map((node) => this.#node(node)),
      results: results.map((value) => this.#value(value)),
    };
  }

  #value(value: Value): Value {
    const known = this.#values.get(value);
    if (known !== undefined) return known;
    const { dtype, shape } = value.type;
    const made = { ...value, type: { dtype, shape: shape.map((dim) => this.#dim(dim)) } };
    this.#values.set(value, made);
    return made;
  }

  #attribute(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each: unknown) => this.#attribute(each));
    if (typeof value !== 'object' || value === null) return value;
    if (isDim(value)) return this.#dim(value);
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#attribute(each)]));
  }

  #dim({ terms }: Dim): Dim {
    const factor = (symbol: string): Dim => (symbol === this.#symbol ? this.#size : symbolDim(symbol));
    return terms
      .map(({ coefficient, symbols }) => symbols.map(factor).reduce(multiplyDims, constantDim(coefficient)))
      .reduce(addDims, constantDim(0));
  }
}

function isDim(value: object): value is Dim {
  return 'terms' in value;
}
