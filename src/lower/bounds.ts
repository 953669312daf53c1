/** The largest value that a size can have. */
import type { Dim } from '../ir/dim.ts';
import type { Context } from './context.ts';

/** Undefined where a dimension has no bound yet. Terms below 0 count with their smallest sizes. */
export function boundOf(ctx: Context, dim: Dim): number | undefined {
  let sum = 0;
  for (const { coefficient, symbols } of dim.terms) {
    let product = coefficient;
    if (coefficient > 0)
      for (const symbol of symbols) {
        const bound = ctx.bounds.get(symbol);
        if (bound === undefined) return undefined;
        product *= bound;
      }
    sum += product;
  }
  return sum;
}
