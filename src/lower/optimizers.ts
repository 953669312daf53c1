/**
 * Optimisers under PyTorch's names, options and defaults (`torch.optim`). `decay_vectors=false` stands for PyTorch's
 * second group of parameters, without weight decay: those of fewer than two dimensions.
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
    decayVectors: given.boolean('decay_vectors'),
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
  adam: { options: { ...ADAM, weight_decay: 0, decay_vectors: true }, make: (given) => adam('adam', given) },
  adamw: {
    options: { ...ADAM, weight_decay: 0.01, decay_vectors: true },
    make: (given) => adam('adamw', given),
  },
};
