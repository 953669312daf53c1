/** Reads the text form of graphs. Types are taken as written: the verifier, not the parser, infers them again. */
import { isOpName, opNames, parseAttributes } from './attribute-text.ts';
import {
  formulaCodec,
  groupCodec,
  initializerCodec,
  optimizerCodec,
  originCodec,
  typeCodec,
} from './declaration-text.ts';
import type {
  DimDeclaration,
  Graph,
  GraphInput,
  GraphState,
  Node,
  OpName,
  Origin,
  ParameterGroup,
  Region,
  TrainingRequest,
  Value,
} from './graph.ts';
import { TextReader } from './text-reader.ts';

/** Throws a GraphSyntaxError. */
export function parseGraph(text: string): Graph {
  return new GraphParser(text).graph();
}

class GraphParser {
  readonly #reader: TextReader;
  /** One namespace for the whole graph: whether a region uses its own values only is for the verifier to say. */
  readonly #values = new Map<number, Value>();

  constructor(text: string) {
    this.#reader = new TextReader(text);
  }

  graph(): Graph {
    const reader = this.#reader;
    reader.skipBlankLines();
    if (!reader.takeWord('graph')) reader.fail(`expected \`graph\`, ${reader.found()}`);
    const name = reader.name('the name of the graph');
    reader.expect('{');
    reader.endLine();
    const body = new Body();
    while (!reader.take('}')) this.#statement(body);
    reader.endLine();
    if (!reader.atEnd) reader.fail(`expected the end of the text, ${reader.found()}`);
    return body.graph(name);
  }

  #statement(body: Body): void {
    const reader = this.#reader;
    if (reader.takeWord('dim')) body.dims.push(this.#dim());
    else if (reader.takeWord('input')) body.inputs.push(this.#input('data'));
    else if (reader.takeWord('host')) body.inputs.push(this.#input('host'));
    else if (reader.takeWord('parameter')) body.states.push(this.#state('parameter'));
    else if (reader.takeWord('optimizer')) body.states.push(this.#state('optimizer'));
    else if (reader.takeWord('average')) body.states.push(this.#state('average'));
    else if (reader.takeWord('carry')) body.states.push(this.#state('carry'));
    else if (reader.takeWord('watch')) body.states.push(this.#state('watch'));
    else if (reader.takeWord('output')) {
      const [name, value] = this.#binding();
      body.outputs.push({ name, value });
    } else if (reader.takeWord('update')) {
      const [state, value] = this.#binding();
      body.updates.push({ state, value });
    } else if (reader.takeWord('gradients')) {
      if (!reader.takeWord('none')) reader.fail(`expected \`none\`, ${reader.found()}`);
      body.gradients ??= [];
    } else if (reader.takeWord('gradient')) {
      const [state, value] = this.#binding();
      (body.gradients ??= []).push({ state, value });
    } else if (reader.takeWord('training')) {
      if (body.training !== undefined) reader.fail('a graph has one training request');
      body.training = this.#training();
    } else body.nodes.push(this.#node('a declaration, a node or `}`'));
    reader.endLine();
  }

  #dim(): DimDeclaration {
    const name = this.#reader.word('a dimension');
    this.#reader.expect('<=');
    return { name, bound: this.#reader.integer('a bound') };
  }

  #binding(): readonly [string, Value] {
    const name = this.#reader.name('a name');
    this.#reader.expect('=');
    return [name, this.#use()];
  }

  #input(role: GraphInput['role']): GraphInput {
    const reader = this.#reader;
    const name = reader.name('the name of the input');
    reader.expect('=');
    const value = this.#definition();
    if (role === 'data') return { role, name, value, origin: this.#origin() };
    reader.expect('<-');
    const formula = formulaCodec.parse(reader);
    return { role, name, value, formula, origin: this.#origin() };
  }

  #state(role: GraphState['role']): GraphState {
    const reader = this.#reader;
    const name = reader.name('the name of the state');
    reader.expect('=');
    const value = this.#definition();
    reader.expect('<-');
    const initializer = initializerCodec.parse(reader);
    return { role, name, value, initializer, origin: this.#origin() };
  }

  #training(): TrainingRequest {
    const reader = this.#reader;
    const loss = this.#use();
    if (!reader.takeWord('by')) reader.fail(`expected \`by\`, ${reader.found()}`);
    const optimizer = optimizerCodec.parse(reader);
    const groups: ParameterGroup[] = [];
    while (reader.takeWord('group')) groups.push(groupCodec.parse(reader));
    const accumulates = reader.takeWord('accumulating');
    const recompute = reader.takeWord('recomputing') ? reader.integer('a number of segments') : undefined;
    const average = reader.takeWord('averaged') ? reader.number() : undefined;
    const clipValue = reader.takeWord('clamp') ? reader.number() : undefined;
    const clipNorm = reader.takeWord('clip') ? reader.number() : undefined;
    return {
      loss,
      optimizer,
      ...(groups.length === 0 ? {} : { groups }),
      ...(accumulates ? { accumulates } : {}),
      ...(recompute === undefined ? {} : { recompute }),
      ...(average === undefined ? {} : { average }),
      ...(clipValue === undefined ? {} : { clipValue }),
      ...(clipNorm === undefined ? {} : { clipNorm }),
      origin: this.#origin(),
    };
  }

  #origin(): Origin {
    this.#reader.expect('@');
    return originCodec.parse(this.#reader);
  }

  #node(what: string): Node {
    const reader = this.#reader;
    const results: (() => Value)[] = [];
    if (!reader.take('=')) {
      do results.push(this.#delayedDefinition(what));
      while (reader.take(','));
      reader.expect('=');
    }
    const op = this.#op();
    const attributes = parseAttributes(op, reader);
    const operands = reader.list('(', ')', () => this.#use());
    const origin = this.#origin();
    const region = reader.take('{') ? reader.nested(() => this.#region()) : undefined;
    // Defined only now: a node cannot use its own results.
    const node = { op, operands, attributes, results: results.map((define) => define()), origin };
    // `attributes` are those of `op`; TypeScript does not follow that from a union of ops.
    return (region === undefined ? node : { ...node, region }) as Node;
  }

  #op(): OpName {
    const { offset } = this.#reader;
    const op = this.#reader.word('an op');
    return isOpName(op)
      ? op
      : this.#reader.fail(`unknown op \`${op}\`; there is ${opNames.join(', ')}`, offset);
  }

  #region(): Region {
    const reader = this.#reader;
    reader.endLine();
    if (!reader.takeWord('parameters')) reader.fail(`expected \`parameters\`, ${reader.found()}`);
    const parameters: Value[] = [];
    if (reader.startsWith('%'))
      do parameters.push(this.#definition());
      while (reader.take(','));
    reader.endLine();
    const nodes: Node[] = [];
    while (!reader.takeWord('results')) {
      nodes.push(this.#node('a node or `results`'));
      reader.endLine();
    }
    const results: Value[] = [];
    if (reader.startsWith('%'))
      do results.push(this.#use());
      while (reader.take(','));
    reader.endLine();
    reader.expect('}');
    return { parameters, nodes, results };
  }

  #number(what: string): number {
    if (!this.#reader.take('%')) this.#reader.fail(`expected ${what}, ${this.#reader.found()}`);
    return this.#reader.integer('the number of a value');
  }

  #use(): Value {
    const { offset } = this.#reader;
    const number = this.#number('a value');
    return this.#values.get(number) ?? this.#reader.fail(`%${number} is used before it is defined`, offset);
  }

  #definition(): Value {
    return this.#delayedDefinition('the definition of a value')();
  }

  /** Reads a definition; the value exists once the function that this returns has run. */
  #delayedDefinition(what: string): () => Value {
    const reader = this.#reader;
    const { offset } = reader;
    const number = this.#number(what);
    const name = reader.nameIfAny();
    reader.expect(':');
    const type = typeCodec.parse(reader);
    const value: Value = name === undefined ? { type } : { type, name };
    return () => {
      if (this.#values.has(number)) reader.fail(`%${number} is defined twice`, offset);
      this.#values.set(number, value);
      return value;
    };
  }
}

/** A graph while its statements are read. */
class Body {
  readonly dims: DimDeclaration[] = [];
  readonly inputs: GraphInput[] = [];
  readonly states: GraphState[] = [];
  readonly nodes: Node[] = [];
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly updates: { readonly state: string; readonly value: Value }[] = [];
  gradients: { readonly state: string; readonly value: Value }[] | undefined;
  training: TrainingRequest | undefined;

  graph(name: string): Graph {
    const { dims, inputs, states, nodes, outputs, updates, gradients, training } = this;
    return {
      name,
      dims,
      inputs,
      states,
      nodes,
      outputs,
      updates,
      ...(training && { training }),
      ...(gradients && { gradients }),
    };
  }
}
