/** Graphs as text. `parse.ts` reads it back; docs/ir.md describes it. */
import { printAttributes } from './attribute-text.ts';
import {
  formulaCodec,
  groupCodec,
  initializerCodec,
  optimizerCodec,
  originCodec,
} from './declaration-text.ts';
import type { Graph, GraphInput, GraphState, Node, NodeOf, OpName, TrainingRequest, Value } from './graph.ts';
import { printName, printNumber } from './text-reader.ts';
import { printType } from './types.ts';

const INDENT = '  ';

/** The whole graph; ends with a newline. */
export function printGraph(graph: Graph): string {
  const printer = new GraphPrinter();
  const sections = [
    [
      ...graph.dims.map(({ name, bound }) => `dim ${name} <= ${bound}`),
      ...graph.inputs.map((input) => printer.input(input)),
      ...graph.states.map((state) => printer.state(state)),
    ],
    graph.nodes.map((node) => printer.node(node)),
    [
      ...graph.outputs.map(({ name, value }) => `output ${printName(name)} = ${printer.use(value)}`),
      ...graph.updates.map(({ state, value }) => `update ${printName(state)} = ${printer.use(value)}`),
      ...(graph.gradients === undefined ? [] : printer.gradients(graph.gradients)),
      ...(graph.training === undefined ? [] : [printer.training(graph.training)]),
    ],
  ];
  const body = sections.filter((section) => section.length > 0).map((section) => indent(section.join('\n')));
  return `graph ${printName(graph.name)} {\n${body.map((section) => `${section}\n`).join('\n')}}\n`;
}

/** Prints nodes with the numbers that values have in the whole graph. */
export function nodePrinter(graph: Graph): (node: Node) => string {
  const printer = new GraphPrinter();
  for (const { value } of [...graph.inputs, ...graph.states]) printer.use(value);
  for (const node of graph.nodes) printer.node(node);
  return (node) => printer.node(node);
}

/** Numbers values in the order in which it meets them, which in a graph is that of their definitions. */
class GraphPrinter {
  readonly #numbers = new Map<Value, number>();

  use(value: Value): string {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(value, number);
    }
    return `%${number}`;
  }

  #uses(values: readonly Value[]): string {
    return values.map((value) => this.use(value)).join(', ');
  }

  #definition(value: Value): string {
    const hint = value.name === undefined ? '' : ` ${printName(value.name)}`;
    return `${this.use(value)}${hint}: ${printType(value.type)}`;
  }

  #definitions(values: readonly Value[]): string {
    return values.map((value) => this.#definition(value)).join(', ');
  }

  input(input: GraphInput): string {
    const from = input.role === 'host' ? ` <- ${formulaCodec.print(input.formula)}` : '';
    const keyword = input.role === 'host' ? 'host' : 'input';
    return `${keyword} ${printName(input.name)} = ${this.#definition(input.value)}${from} @ ${originCodec.print(input.origin)}`;
  }

  state({ role, name, value, initializer, origin }: GraphState): string {
    return `${role} ${printName(name)} = ${this.#definition(value)} <- ${initializerCodec.print(initializer)} @ ${originCodec.print(origin)}`;
  }

  node<Name extends OpName>(node: NodeOf<Name>): string {
    const operands = this.#uses(node.operands);
    const results = this.#definitions(node.results);
    const call = `${node.op}${printAttributes<Name>(node.op, node.attributes)}(${operands})`;
    const head = `${results} = ${call} @ ${originCodec.print(node.origin)}`;
    if (node.region === undefined) return head;
    const { parameters, nodes, results: inner } = node.region;
    const body = [
      `parameters ${this.#definitions(parameters)}`.trimEnd(),
      ...nodes.map((child) => this.node(child)),
      `results ${this.#uses(inner)}`.trimEnd(),
    ];
    return `${head} {\n${indent(body.join('\n'))}\n}`;
  }

  /** An empty list is said too: it differs from none. */
  gradients(gradients: NonNullable<Graph['gradients']>): readonly string[] {
    if (gradients.length === 0) return ['gradients none'];
    return gradients.map(({ state, value }) => `gradient ${printName(state)} = ${this.use(value)}`);
  }

  training(request: TrainingRequest): string {
    const {
      loss,
      optimizer,
      groups = [],
      accumulates,
      recompute,
      average,
      clipValue,
      clipNorm,
      origin,
    } = request;
    const parts = [
      `training ${this.use(loss)} by ${optimizerCodec.print(optimizer)}`,
      ...groups.map((group) => `group ${groupCodec.print(group)}`),
      ...(accumulates === true ? ['accumulating'] : []),
      ...(recompute === undefined ? [] : [`recomputing ${recompute}`]),
      ...(average === undefined ? [] : [`averaged ${printNumber(average)}`]),
      ...(clipValue === undefined ? [] : [`clamp ${printNumber(clipValue)}`]),
      ...(clipNorm === undefined ? [] : [`clip ${printNumber(clipNorm)}`]),
    ];
    return `${parts.join(' ')} @ ${originCodec.print(origin)}`;
  }
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => INDENT + line)
    .join('\n');
}
