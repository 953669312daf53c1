/** Builds graphs and regions: types come from the ops' rules, origins from the builder's current place. */
import { InternalError } from '../diagnostics/diagnostic.ts';
import type { Dim } from './dim.ts';
import type { Node, OpAttributes, OpName, Origin, Region, Value } from './graph.ts';
import { equalShapes, type DType, type TensorType } from './types.ts';

/** The ops' type rules, injected: `ir` knows no op. `ops/index.ts` exports one. */
export type InferTypes = <Name extends OpName>(
  op: Name,
  operands: readonly TensorType[],
  attributes: OpAttributes[Name],
  region?: Region,
) => readonly TensorType[];

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #infer: InferTypes;
  #origin: Origin;

  constructor(infer: InferTypes, origin: Origin) {
    this.#infer = infer;
    this.#origin = origin;
  }

  get origin(): Origin {
    return this.#origin;
  }

  /** Runs `build` with another origin for the nodes that it emits. */
  at<T>(origin: Origin, build: () => T): T {
    const previous = this.#origin;
    this.#origin = origin;
    try {
      return build();
    } finally {
      this.#origin = previous;
    }
  }

  /** A builder for a region's nodes, with the same rules and origin. */
  nested(): GraphBuilder {
    return new GraphBuilder(this.#infer, this.#origin);
  }

  /** Appends a node. Throws the type rule's TypeRuleError. */
  emitAll<Name extends OpName>(
    op: Name,
    operands: readonly Value[],
    attributes: OpAttributes[Name],
    options: { readonly region?: Region; readonly names?: readonly (string | undefined)[] } = {},
  ): readonly Value[] {
    const types = this.#infer(
      op,
      operands.map((operand) => operand.type),
      attributes,
      options.region,
    );
    const results = types.map((type, index): Value => {
      const name = options.names?.[index];
      return name === undefined ? { type } : { type, name };
    });
    const node = { op, operands, attributes, results, origin: this.#origin };
    // The correlation of `op` with `attributes` is what the signature states; TypeScript cannot follow it here.
    this.nodes.push((options.region === undefined ? node : { ...node, region: options.region }) as Node);
    return results;
  }

  /** Appends a node with one result. */
  emit<Name extends OpName>(
    op: Name,
    operands: readonly Value[],
    attributes: OpAttributes[Name],
    name?: string,
  ): Value {
    const [result, ...more] = this.emitAll(
      op,
      operands,
      attributes,
      name === undefined ? {} : { names: [name] },
    );
    if (result === undefined || more.length > 0)
      throw new InternalError(`${op} does not have exactly one result`);
    return result;
  }

  constant(value: number, dtype: DType = 'f32', shape: readonly Dim[] = []): Value {
    return this.broadcast(this.emit('constant', [], { dtype, value }), shape, []);
  }

  /** Broadcasts; the identity where the shape is the operand's already. */
  broadcast(operand: Value, shape: readonly Dim[], axes: readonly number[]): Value {
    return equalShapes(operand.type.shape, shape)
      ? operand
      : this.emit('broadcast', [operand], { shape, axes });
  }

  transpose(operand: Value, permutation: readonly number[]): Value {
    return permutation.every((axis, index) => axis === index)
      ? operand
      : this.emit('transpose', [operand], { permutation });
  }

  reshape(operand: Value, shape: readonly Dim[]): Value {
    return equalShapes(operand.type.shape, shape) ? operand : this.emit('reshape', [operand], { shape });
  }

  sum(operand: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? operand : this.emit('reduce', [operand], { combine: 'sum', axes });
  }

  /** A pointwise op with a number for its second operand. */
  withNumber(
    op: 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min',
    operand: Value,
    value: number,
  ): Value {
    return this.emit(op, [operand, this.constant(value, operand.type.dtype, operand.type.shape)], {});
  }
}
