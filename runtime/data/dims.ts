/** Sizes of the plan's shapes against sizes of real tensors. */
import type { PlanDim } from '../plan.ts';
import { printDim } from '../plan-numbers.ts';

export { printDim };

/** The name, where the size is one runtime dimension and nothing else. */
export function symbolOf(dim: PlanDim | undefined): string | undefined {
  const [term, ...others] = dim ?? [];
  return term?.coefficient === 1 && term.symbols.length === 1 && others.length === 0
    ? term.symbols[0]
    : undefined;
}

/** Undefined where a symbol has no size. */
export function evaluateDim(dim: PlanDim, sizes: ReadonlyMap<string, number>): number | undefined {
  let sum = 0;
  for (const { coefficient, symbols } of dim) {
    let product = coefficient;
    for (const symbol of symbols) {
      const size = sizes.get(symbol);
      if (size === undefined) return undefined;
      product *= size;
    }
    sum += product;
  }
  return sum;
}

/** `i32[batch, seq]` */
export function printType(spec: { readonly dtype: string; readonly shape: readonly PlanDim[] }): string {
  return `${spec.dtype}[${spec.shape.map(printDim).join(', ')}]`;
}

/**
 * The symbol's value if the size is linear in it and all others are known: `4*seq-1 = 15` gives 4. Undefined where it is
 * not, or no whole number does it.
 */
export function solveDim(
  dim: PlanDim,
  size: number,
  sizes: ReadonlyMap<string, number>,
): readonly [symbol: string, value: number] | undefined {
  const open = new Set(dim.flatMap(({ symbols }) => symbols.filter((symbol) => !sizes.has(symbol))));
  const [symbol] = open;
  if (symbol === undefined || open.size > 1) return undefined;
  const at = (value: number): number => evaluateDim(dim, new Map([...sizes, [symbol, value]])) ?? 0;
  const slope = at(1) - at(0);
  const value = (size - at(0)) / slope;
  return slope !== 0 && Number.isInteger(value) && at(value) === size ? [symbol, value] : undefined;
}
