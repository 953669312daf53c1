/** Walks over scalar expressions: their children, and everything below some roots. */
import type { ScalarExpression } from './scalar.ts';

export function childrenOf(expression: ScalarExpression): readonly ScalarExpression[] {
  switch (expression.kind) {
    case 'load':
      return expression.index;
    case 'random':
      return [expression.index];
    case 'apply':
      return expression.args;
    default:
      return [];
  }
}

/** Every expression below the roots, once, children before parents. */
export function reachable(roots: readonly ScalarExpression[]): ReadonlySet<ScalarExpression> {
  const seen = new Set<ScalarExpression>();
  const visit = (expression: ScalarExpression): void => {
    if (seen.has(expression)) return;
    for (const child of childrenOf(expression)) visit(child);
    seen.add(expression);
  };
  for (const root of roots) visit(root);
  return seen;
}
