/** What the rules of optimizers share: numbers of the host, states of their own, updates, and arithmetic in short. */
import type { GraphBuilder } from '../../ir/builder.ts';
import type { Graph, GraphInput, GraphState, HostFormula, Value } from '../../ir/graph.ts';
import { emitter, type Emitter } from '../../ops/emit.ts';

/** A parameter to update, with the settings of its group. */
export interface Trained {
  readonly parameter: GraphState;
  readonly gradient: Value;
  readonly weightDecay: number;
  /** The learning rate as a multiple of the step's. */
  readonly rateScale: number;
}

/** Emits the update of one parameter from its gradient. */
export type UpdateRule = (ctx: UpdateContext, trained: Trained) => void;

type Update = Graph['updates'][number];

/** Moments of what is never seen decay into denormals, which some devices compute 45 times more slowly. */
const NEGLIGIBLE = 1e-30;

export class UpdateContext {
  readonly builder: GraphBuilder;
  readonly emit: Emitter;
  readonly states: GraphState[] = [];
  readonly updates: Update[] = [];
  readonly #inputs: GraphInput[];

  constructor(builder: GraphBuilder, inputs: readonly GraphInput[]) {
    this.builder = builder;
    this.emit = emitter(builder);
    this.#inputs = [...inputs];
  }

  get inputs(): readonly GraphInput[] {
    return this.#inputs;
  }

  /** A number that the host computes before each step. The same name is the same number. */
  host(name: string, formula: HostFormula): Value {
    const known = this.#inputs.find((input) => input.name === name);
    if (known !== undefined) return known.value;
    const value: Value = { type: { dtype: 'f32', shape: [] }, name };
    this.#inputs.push({ name, role: 'host', formula, value, origin: this.builder.origin });
    return value;
  }

  /** A number that follows from the learning rate of this parameter. */
  rated(name: string, { rateScale }: Trained, formula: (lr: HostFormula) => HostFormula): Value {
    return rateScale === 1
      ? this.host(name, formula(learningRate))
      : this.host(`${name} at ${rateScale} lr`, formula(apply('multiply', learningRate, number(rateScale))));
  }

  /** `adam.exp_avg/fc.weight`, zero at first. */
  state(kind: string, parameter: GraphState, initial = 0): Value {
    const name = `${kind}/${parameter.name}`;
    const value: Value = { type: parameter.value.type, name };
    const initializer = { kind: 'constant', value: initial } as const;
    this.states.push({ name, value, role: 'optimizer', initializer, origin: parameter.origin });
    return value;
  }

  update(state: string, value: Value): void {
    this.updates.push({ state, value });
  }

  /** x + y · number */
  addScaled(x: Value, y: Value, number: number): Value {
    return number === 0 ? x : this.emit.binary('add', x, this.builder.withNumber('mul', y, number));
  }

  /** x · number, a number of the host. */
  scale(x: Value, number: Value): Value {
    return this.emit.mul(x, this.builder.broadcast(number, x.type.shape, []));
  }

  /** The parameter after decay that is no part of the gradient: p (1 − lr · weight_decay). */
  decay(optimizer: string, trained: Trained): Value {
    const { parameter, weightDecay } = trained;
    if (weightDecay === 0) return parameter.value;
    const keep = this.rated(`${optimizer}.keep ${weightDecay}`, trained, (lr) =>
      apply('subtract', number(1), apply('multiply', lr, number(weightDecay))),
    );
    return this.scale(parameter.value, keep);
  }

  /** (1 − weight) · x + weight · y, as x + weight (y − x) */
  mix(x: Value, y: Value, weight: number): Value {
    return this.addScaled(x, this.emit.sub(y, x), weight);
  }

  /** x, or 0 where |x| is negligible. */
  flush(x: Value): Value {
    const limit = this.emit.like(x, NEGLIGIBLE);
    const small = this.emit.binary('lt', this.emit.unary('abs', x), limit);
    return this.emit.select(small, this.emit.like(x, 0), x);
  }
}

export const number = (value: number): HostFormula => ({ kind: 'number', value });
export const step: HostFormula = { kind: 'variable', name: 'step' };
export const learningRate: HostFormula = { kind: 'variable', name: 'lr' };

export function apply(
  fn: Extract<HostFormula, { kind: 'apply' }>['fn'],
  ...args: readonly HostFormula[]
): HostFormula {
  return { kind: 'apply', fn, args };
}
