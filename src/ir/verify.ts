/** The verifier of the graph level: what every pass may rely on and must keep. */
import type { InferTypes } from './builder.ts';
import { symbolsOf, type Dim } from './dim.ts';
import type { Graph, Node, NodeOf, OpName, Region, Value } from './graph.ts';
import { nodePrinter } from './print.ts';
import { equalTypes, printType, type TensorType } from './types.ts';

/**
 * Problems of a graph, each with the node's text and its origin; none for a good graph. Checks that values are defined
 * once and before their use, that regions use their own values only, that every type is what the op's rule gives, that
 * sizes are declared, and that inputs, states, outputs and updates have distinct, known names.
 *
 * `verified`: nodes, which never change, whose own types and sizes were good in a graph of the same dimensions; those of
 * this graph are added where it is good.
 */
export function verifyGraph(
  graph: Graph,
  inferTypes: InferTypes,
  verified: Set<Node> = new Set(),
): readonly string[] {
  const verifier = new GraphVerifier(graph, inferTypes, verified);
  const problems = verifier.run();
  if (problems.length === 0) for (const node of verifier.seen) verified.add(node);
  return problems;
}

/** Says where, once it is asked. */
type Where = () => string;

/** Values that may be used here, and those of the enclosing graph, which may not. */
interface Scope {
  readonly visible: Set<Value>;
  readonly outer: ReadonlySet<Value>;
  readonly inRegion: boolean;
}

class GraphVerifier {
  readonly #graph: Graph;
  readonly #infer: InferTypes;
  readonly #problems: string[] = [];
  readonly #defined = new Set<Value>();
  readonly #dims: ReadonlySet<string>;
  readonly #verified: ReadonlySet<Node>;
  /** Nodes whose own types were looked at. */
  readonly seen: Node[] = [];
  #print: ((node: Node) => string) | undefined;

  constructor(graph: Graph, infer: InferTypes, verified: ReadonlySet<Node>) {
    this.#graph = graph;
    this.#verified = verified;
    this.#infer = infer;
    this.#dims = new Set(graph.dims.map((dim) => dim.name));
  }

  run(): readonly string[] {
    const { dims, inputs, states, outputs, updates, gradients = [], training } = this.#graph;
    const scope: Scope = { visible: new Set(), outer: new Set(), inRegion: false };
    this.#distinct(
      'dimension',
      dims.map((dim) => dim.name),
    );
    for (const { name, bound } of dims)
      if (!Number.isInteger(bound) || bound < 1)
        this.#problems.push(`dimension ${name} has the bound ${bound}`);
    this.#distinct(
      'input',
      inputs.map((input) => input.name),
    );
    this.#distinct(
      'state',
      states.map((state) => state.name),
    );
    for (const { name, value, ...input } of inputs) {
      this.#define(value, () => `input ${name}`, scope);
      if (input.role === 'host' && !isScalar(value.type, 'f32'))
        this.#problems.push(`host input ${name} is ${printType(value.type)}, and must be f32[]`);
    }
    for (const { name, value } of states) this.#define(value, () => `state ${name}`, scope);
    for (const node of this.#graph.nodes) this.#node(node, scope);
    this.#distinct(
      'output',
      outputs.map((output) => output.name),
    );
    for (const { name, value } of outputs) this.#use(value, () => `output ${name}`, scope);
    this.#stateValues('update', updates, scope);
    this.#stateValues('gradient', gradients, scope);
    if (training !== undefined) this.#training(training.loss, scope);
    return this.#problems;
  }

  #training(loss: Value, scope: Scope): void {
    this.#use(loss, () => 'the loss', scope);
    if (!isScalar(loss.type, 'f32'))
      this.#problems.push(`the loss is ${printType(loss.type)}, and must be f32[]`);
  }

  /** `update` or `gradient`: a value for a state, of the state's type, at most once. */
  #stateValues(
    what: string,
    entries: readonly { readonly state: string; readonly value: Value }[],
    scope: Scope,
  ): void {
    this.#distinct(
      what,
      entries.map((entry) => entry.state),
    );
    for (const { state: name, value } of entries) {
      this.#use(value, () => `${what} of ${name}`, scope);
      const state = this.#graph.states.find((candidate) => candidate.name === name);
      if (state === undefined) this.#problems.push(`${what} of ${name}, which is no state`);
      else if (!equalTypes(state.value.type, value.type))
        this.#problems.push(
          `${what} of ${name} is ${printType(value.type)}, and the state ${printType(state.value.type)}`,
        );
    }
  }

  #distinct(what: string, names: readonly string[]): void {
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) this.#problems.push(`${what} ${name} occurs twice`);
      seen.add(name);
    }
  }

  #define(value: Value, where: Where, scope: Scope, declared = false): void {
    if (this.#defined.has(value)) this.#problems.push(`${where()} defines a value that is defined already`);
    this.#defined.add(value);
    scope.visible.add(value);
    if (declared) return;
    this.#declared(value.type.shape, () => `${where()} has the type ${printType(value.type)}, which`);
  }

  #declared(dims: readonly Dim[], where: Where): void {
    for (const symbol of new Set(dims.flatMap(symbolsOf)))
      if (!this.#dims.has(symbol))
        this.#problems.push(`${where()} uses dimension ${symbol}, which is not declared`);
  }

  #use(value: Value, where: Where, scope: Scope): void {
    if (scope.visible.has(value)) return;
    const named =
      value.name === undefined ? printType(value.type) : `${value.name}: ${printType(value.type)}`;
    if (scope.outer.has(value)) this.#problems.push(`${where()} uses ${named} from outside its region`);
    else if (this.#defined.has(value))
      this.#problems.push(`${where()} uses ${named} from inside another region`);
    else this.#problems.push(`${where()} uses ${named} before it is defined`);
  }

  #node(node: Node, scope: Scope): void {
    const where: Where = () => this.#describe(node);
    for (const operand of node.operands) this.#use(operand, where, scope);
    if (node.region !== undefined) this.#region(node.region, where, scope);
    if ((node.op === 'scan') !== (node.region !== undefined))
      this.#problems.push(`${where()} ${node.region === undefined ? 'has no region' : 'has a region'}`);
    if (node.op === 'random' && scope.inRegion)
      this.#problems.push(`${where()} draws inside a region, where every step would draw the same`);
    const known = this.#verified.has(node);
    if (!known) {
      this.seen.push(node);
      this.#declared(sizesBesideTypes(node), where);
      this.#types(node, where);
    }
    for (const result of node.results) this.#define(result, where, scope, known);
  }

  #region(region: Region, where: Where, scope: Scope): void {
    const inner: Scope = {
      visible: new Set(),
      outer: new Set([...scope.outer, ...scope.visible]),
      inRegion: true,
    };
    for (const parameter of region.parameters)
      this.#define(parameter, () => `a parameter of the region of ${where()}`, inner);
    for (const node of region.nodes) this.#node(node, inner);
    for (const result of region.results)
      this.#use(result, () => `a result of the region of ${where()}`, inner);
  }

  #types<Name extends OpName>(node: NodeOf<Name>, where: Where): void {
    const operands = node.operands.map((operand) => operand.type);
    try {
      const expected = this.#infer<Name>(node.op, operands, node.attributes, node.region);
      const found = node.results.map((result) => result.type);
      const agree =
        expected.length === found.length &&
        expected.every((type, at) => {
          const other = found[at];
          return other !== undefined && equalTypes(type, other);
        });
      if (!agree)
        this.#problems.push(
          `${where()} has results (${found.map(printType).join(', ')}), and its rule gives (${expected.map(printType).join(', ')})`,
        );
    } catch (error) {
      // A rule refuses by throwing; `ir` does not know the class that `ops` uses for it.
      if (!(error instanceof Error)) throw error;
      this.#problems.push(`${where()}: ${error.message}`);
    }
  }

  /** The node's first line, origin included. Only for nodes that there is something to say about: most are good. */
  #describe(node: Node): string {
    this.#print ??= nodePrinter(this.#graph);
    return this.#print(node).split('\n')[0] ?? node.op;
  }
}

function isScalar(type: TensorType, dtype: TensorType['dtype']): boolean {
  return type.dtype === dtype && type.shape.length === 0;
}

/** Sizes in attributes that need not occur in any type of the node. */
function sizesBesideTypes(node: Node): readonly Dim[] {
  switch (node.op) {
    case 'dim-size':
      return [node.attributes.dim];
    case 'slice':
      return [node.attributes.start];
    case 'update-slice':
      return node.attributes.starts;
    case 'scan':
      return [node.attributes.trip];
    default:
      return [];
  }
}
