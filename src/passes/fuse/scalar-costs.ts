/** What expressions cost, and which axes they use. */
import type { ScalarExpression, ScalarFunction } from '../../ir/scalar.ts';
import { childrenOf } from '../../ir/walk-scalar.ts';

const EXPENSIVE: ReadonlySet<ScalarFunction> = new Set([
  'power',
  'exp',
  'log',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'erf',
]);

/** Rough instructions of one expression without its children. Index arithmetic of a load is part of the load. */
export function ownCost(expression: ScalarExpression): number {
  switch (expression.kind) {
    case 'load':
      return 1;
    case 'random':
      return 24;
    case 'apply':
      return EXPENSIVE.has(expression.fn) ? 6 : 1;
    default:
      return 0;
  }
}

/**
 * Cost of an expression with all below it, each once. What an index costs is not counted, nor what is not in `varying`:
 * a loop computes that before it starts.
 */
export function totalCost(
  root: ScalarExpression,
  varying?: ReadonlySet<ScalarExpression>,
  loadCost = 1,
): number {
  const seen = new Set<ScalarExpression>();
  const visit = (expression: ScalarExpression): number => {
    if (seen.has(expression) || varying?.has(expression) === false) return 0;
    seen.add(expression);
    const below = expression.kind === 'apply' ? expression.args.reduce((sum, arg) => sum + visit(arg), 0) : 0;
    return below + (expression.kind === 'load' ? loadCost : ownCost(expression));
  };
  return visit(root);
}

/** Which of these expressions, children before parents, depend on one of the axes. */
export function varyingWith(
  axes: readonly number[],
  expressions: Iterable<ScalarExpression>,
): ReadonlySet<ScalarExpression> {
  const varying = new Set<ScalarExpression>();
  for (const expression of expressions) {
    const own = expression.kind === 'axis' && axes.includes(expression.axis);
    if (own || childrenOf(expression).some((child) => varying.has(child))) varying.add(expression);
  }
  return varying;
}

export function axesOf(expressions: Iterable<ScalarExpression>): ReadonlySet<number> {
  const axes = new Set<number>();
  for (const expression of expressions) if (expression.kind === 'axis') axes.add(expression.axis);
  return axes;
}
