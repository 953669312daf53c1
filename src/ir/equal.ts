/** Equality of graphs: everything but the identity of values, which must only correspond, and the labels of sizes. */
import type { Graph, Node, Region, Value } from './graph.ts';
import { equalTypes } from './types.ts';

/** The same graph under other numbers for its values. Names, origins and the order of the nodes count. */
export function equalGraphs(lhs: Graph, rhs: Graph): boolean {
  return new GraphComparison().graphs(lhs, rhs);
}

class GraphComparison {
  readonly #toRight = new Map<Value, Value>();
  readonly #toLeft = new Map<Value, Value>();

  graphs(lhs: Graph, rhs: Graph): boolean {
    const { inputs, states, nodes, outputs, updates, training, gradients, ...plain } = lhs;
    const {
      inputs: rightInputs,
      states: rightStates,
      nodes: rightNodes,
      outputs: rightOutputs,
      updates: rightUpdates,
      training: rightTraining,
      gradients: rightGradients,
      ...rightPlain
    } = rhs;
    return (
      equalData(plain, rightPlain) &&
      this.#each(inputs, rightInputs, (left, right) =>
        this.#holders(left, right, (a, b) => this.#defines(a, b)),
      ) &&
      this.#each(states, rightStates, (left, right) =>
        this.#holders(left, right, (a, b) => this.#defines(a, b)),
      ) &&
      this.#each(nodes, rightNodes, (left, right) => this.#nodes(left, right)) &&
      this.#named(outputs, rightOutputs) &&
      this.#named(updates, rightUpdates) &&
      this.#named(gradients, rightGradients) &&
      this.#training(training, rightTraining)
    );
  }

  #each<T>(lhs: readonly T[], rhs: readonly T[], equal: (left: T, right: T) => boolean): boolean {
    return (
      lhs.length === rhs.length &&
      lhs.every((left, at) => {
        const right = rhs[at];
        return right !== undefined && equal(left, right);
      })
    );
  }

  /** Objects with one value among plain data. */
  #holders<T extends { readonly value: Value }>(
    left: T,
    right: T,
    equal: (a: Value, b: Value) => boolean,
  ): boolean {
    return equal(left.value, right.value) && equalData({ ...left, value: null }, { ...right, value: null });
  }

  #named<T extends { readonly value: Value }>(
    lhs: readonly T[] | undefined,
    rhs: readonly T[] | undefined,
  ): boolean {
    if (lhs === undefined || rhs === undefined) return lhs === rhs;
    return this.#each(lhs, rhs, (left, right) =>
      this.#holders(left, right, (a, b) => this.#corresponds(a, b)),
    );
  }

  #training(lhs: Graph['training'], rhs: Graph['training']): boolean {
    if (lhs === undefined || rhs === undefined) return lhs === rhs;
    return this.#corresponds(lhs.loss, rhs.loss) && equalData({ ...lhs, loss: null }, { ...rhs, loss: null });
  }

  #defines(left: Value, right: Value): boolean {
    this.#toRight.set(left, right);
    this.#toLeft.set(right, left);
    return left.name === right.name && equalTypes(left.type, right.type);
  }

  #corresponds(left: Value, right: Value): boolean {
    return this.#toRight.get(left) === right && this.#toLeft.get(right) === left;
  }

  #nodes(left: Node, right: Node): boolean {
    return (
      left.op === right.op &&
      this.#each(left.operands, right.operands, (a, b) => this.#corresponds(a, b)) &&
      equalData(left.attributes, right.attributes) &&
      equalData(left.origin, right.origin) &&
      this.#regions(left.region, right.region) &&
      this.#each(left.results, right.results, (a, b) => this.#defines(a, b))
    );
  }

  #regions(left: Region | undefined, right: Region | undefined): boolean {
    if (left === undefined || right === undefined) return left === right;
    return (
      this.#each(left.parameters, right.parameters, (a, b) => this.#defines(a, b)) &&
      this.#each(left.nodes, right.nodes, (a, b) => this.#nodes(a, b)) &&
      this.#each(left.results, right.results, (a, b) => this.#corresponds(a, b))
    );
  }
}

/** Deep equality of plain data. `label` is a size's source text, for messages only. */
function equalData(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return Object.is(left, right);
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [leftFields, rightFields] = [fieldsOf(left), fieldsOf(right)];
  return (
    leftFields.size === rightFields.size &&
    [...leftFields].every(([key, value]) => rightFields.has(key) && equalData(value, rightFields.get(key)))
  );
}

function fieldsOf(data: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(data).filter(([key]) => key !== 'label'));
}
