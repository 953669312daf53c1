/** Distributions that parameters start from, under PyTorch's names and with its formulas (`torch.nn.init`). */
import type { Initializer } from '../ir/graph.ts';

/** Hyperparameters by name: those of a builder that are numbers. */
export interface InitializerSpec {
  readonly parameters: readonly string[];
  readonly optional: readonly string[];
  readonly documentation: string;
  readonly make: (given: ReadonlyMap<string, number>, shape: readonly number[]) => Initializer;
}

/** As `torch.nn.init._calculate_fan_in_and_fan_out`: `[out, in, …]`. */
function fans(shape: readonly number[]): readonly [number, number] {
  const [out = 1, input = 1, ...field] = shape;
  const size = field.reduce((product, each) => product * each, 1);
  return shape.length < 2 ? [out, out] : [input * size, out * size];
}

function spread(bound: number): Initializer {
  return { kind: 'uniform', low: -bound, high: bound };
}

export const initializers: Readonly<Record<string, InitializerSpec>> = {
  uniform: {
    parameters: ['low', 'high'],
    optional: ['high'],
    documentation: '`uniform{b}` is uniform in [−b, b), `uniform{low, high}` in [low, high).',
    make(given) {
      const [low = 0, high] = [given.get('low'), given.get('high')];
      return high === undefined ? spread(low) : { kind: 'uniform', low, high };
    },
  },
  normal: {
    parameters: ['mean', 'std', 'zero_row'],
    optional: ['mean', 'std', 'zero_row'],
    documentation: 'Normal with `mean` (0) and `std` (1); row `zero_row` of a table starts as zeros.',
    make(given) {
      const [mean, std, row] = [given.get('mean') ?? 0, given.get('std') ?? 1, given.get('zero_row')];
      return row === undefined ? { kind: 'normal', mean, std } : { kind: 'normal-except-row', std, row };
    },
  },
  constant: {
    parameters: ['value'],
    optional: [],
    documentation: 'The same number everywhere; a number alone does the same.',
    make: (given) => ({ kind: 'constant', value: given.get('value') ?? 0 }),
  },
  kaiming_uniform: {
    parameters: ['a'],
    optional: ['a'],
    documentation: 'Uniform in ±√(6 / ((1 + a²) · fan_in)), `a` = 0 (He et al. 2015).',
    make: (given, shape) => spread(Math.sqrt(6 / ((1 + (given.get('a') ?? 0) ** 2) * fans(shape)[0]))),
  },
  kaiming_normal: {
    parameters: ['a'],
    optional: ['a'],
    documentation: 'Normal with std √(2 / ((1 + a²) · fan_in)), `a` = 0 (He et al. 2015).',
    make: (given, shape) => ({
      kind: 'normal',
      mean: 0,
      std: Math.sqrt(2 / ((1 + (given.get('a') ?? 0) ** 2) * fans(shape)[0])),
    }),
  },
  xavier_uniform: {
    parameters: ['gain'],
    optional: ['gain'],
    documentation: 'Uniform in ±gain·√(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).',
    make(given, shape) {
      const [input, output] = fans(shape);
      return spread((given.get('gain') ?? 1) * Math.sqrt(6 / (input + output)));
    },
  },
  xavier_normal: {
    parameters: ['gain'],
    optional: ['gain'],
    documentation: 'Normal with std gain·√(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).',
    make(given, shape) {
      const [input, output] = fans(shape);
      return { kind: 'normal', mean: 0, std: (given.get('gain') ?? 1) * Math.sqrt(2 / (input + output)) };
    },
  },
};
