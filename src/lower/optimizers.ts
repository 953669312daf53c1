/**
 * Optimisers under PyTorch's names, options and defaults (`torch.optim`); Lion, which PyTorch has not, under those of its
 * paper. What all of them take beside these is in `parameter-groups.ts`.
 */
import type { OptimizerSpec } from '../ir/graph.ts';

/** An option's default; a list is that many numbers. */
export type OptimizerDefault = number | boolean | readonly number[];

export interface OptimizerDescription {
  /** In PyTorch's order; `lr` first. */
  readonly options: Readonly<Record<string, OptimizerDefault>>;
  readonly make: (given: GivenOptions) => OptimizerSpec;
}

export interface GivenOptions {
  readonly number: (name: string) => number;
  readonly boolean: (name: string) => boolean;
  readonly list: (name: string) => readonly number[];
}

const ADAM = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8 };

function adam(name: 'adam' | 'adamw', given: GivenOptions): OptimizerSpec {
  const [beta1 = 0.9, beta2 = 0.999] = given.list('betas');
  return {
    name,
    beta1,
    beta2,
    epsilon: given.number('eps'),
    weightDecay: given.number('weight_decay'),
    amsgrad: given.boolean('amsgrad'),
  };
}

export const optimizers: Readonly<Record<string, OptimizerDescription>> = {
  sgd: {
    options: { lr: 1e-3, momentum: 0, dampening: 0, weight_decay: 0, nesterov: false },
    make: (given) => ({
      name: 'sgd',
      momentum: given.number('momentum'),
      weightDecay: given.number('weight_decay'),
      dampening: given.number('dampening'),
      nesterov: given.boolean('nesterov'),
    }),
  },
  adam: { options: { ...ADAM, weight_decay: 0, amsgrad: false }, make: (given) => adam('adam', given) },
  adamw: { options: { ...ADAM, weight_decay: 0.01, amsgrad: false }, make: (given) => adam('adamw', given) },
  rmsprop: {
    options: { lr: 1e-2, alpha: 0.99, eps: 1e-8, weight_decay: 0, momentum: 0, centered: false },
    make: (given) => ({
      name: 'rmsprop',
      alpha: given.number('alpha'),
      epsilon: given.number('eps'),
      weightDecay: given.number('weight_decay'),
      momentum: given.number('momentum'),
      centered: given.boolean('centered'),
    }),
  },
  adagrad: {
    options: { lr: 1e-2, lr_decay: 0, weight_decay: 0, initial_accumulator_value: 0, eps: 1e-10 },
    make: (given) => ({
      name: 'adagrad',
      lrDecay: given.number('lr_decay'),
      weightDecay: given.number('weight_decay'),
      initialAccumulator: given.number('initial_accumulator_value'),
      epsilon: given.number('eps'),
    }),
  },
  lion: {
    options: { lr: 1e-4, betas: [0.9, 0.99], weight_decay: 0 },
    make(given) {
      const [beta1 = 0.9, beta2 = 0.99] = given.list('betas');
      return { name: 'lion', beta1, beta2, weightDecay: given.number('weight_decay') };
    },
  },
};
