/** Numbers of a plan at actual sizes: dimensions, shapes, workgroups, host formulas. */
import type { PlanCount, PlanDim, PlanFormula } from './plan.ts';
import { RuntimeError } from './session.ts';

export type Sizes = ReadonlyMap<string, number>;

/** Throws where a symbol has no size: a plan that was checked names known dimensions only. */
export function evaluateDim(dim: PlanDim, sizes: Sizes): number {
  let sum = 0;
  for (const { coefficient, symbols } of dim) {
    let product = coefficient;
    for (const symbol of symbols) {
      const size = sizes.get(symbol);
      if (size === undefined) throw new RuntimeError(5, `the size of the dimension ${symbol} is not given`);
      product *= size;
    }
    sum += product;
  }
  return sum;
}

export function evaluateShape(shape: readonly PlanDim[], sizes: Sizes): readonly number[] {
  return shape.map((dim) => evaluateDim(dim, sizes));
}

export function countElements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function countWorkgroups(count: PlanCount, sizes: Sizes): number {
  let product = 1;
  for (const { dim, tile } of count) product *= Math.max(0, Math.ceil(evaluateDim(dim, sizes) / tile));
  return product;
}

export interface StepNumbers {
  /** 1 for the first step. */
  readonly step: number;
  readonly lr: number;
}

/** In float64. */
export function evaluateFormula(formula: PlanFormula, numbers: StepNumbers): number {
  switch (formula.kind) {
    case 'number':
      return formula.value;
    case 'variable':
      return numbers[formula.name];
    case 'apply': {
      const [a = Number.NaN, b = Number.NaN] = formula.args.map((argument) =>
        evaluateFormula(argument, numbers),
      );
      return functions[formula.fn](a, b);
    }
    default: {
      const never: never = formula;
      return never;
    }
  }
}

const functions: Readonly<
  Record<Extract<PlanFormula, { kind: 'apply' }>['fn'], (a: number, b: number) => number>
> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  power: (a, b) => a ** b,
  sqrt: (a) => Math.sqrt(a),
};

/** `2*seq+1` */
export function printDim(dim: PlanDim): string {
  if (dim.length === 0) return '0';
  return dim
    .map(({ coefficient, symbols }, index) => {
      const magnitude = Math.abs(coefficient);
      const factors = [...(magnitude === 1 && symbols.length > 0 ? [] : [String(magnitude)]), ...symbols];
      return `${coefficient < 0 ? '-' : index > 0 ? '+' : ''}${factors.join('*')}`;
    })
    .join('');
}

/** `1.5 MiB`; exact below a KiB. */
export function printBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}
