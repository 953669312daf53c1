/** What a kernel's expressions share, and which loads stand in a branch that may not be taken. */
import type { LoopKernel, Stage } from '../../ir/kernel.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';
import { childrenOf, reachable } from '../../ir/walk-scalar.ts';

export type Load = Extract<ScalarExpression, { kind: 'load' }>;

/** The expressions that a stage computes; indices of stores are index arithmetic of their own. */
export function stageRoots(stage: Stage): readonly ScalarExpression[] {
  return (stage.kind === 'reduce' ? stage.accumulators : stage.stores).map(({ value }) => value);
}

export function loadsOf(roots: readonly ScalarExpression[]): readonly Load[] {
  return [...reachable(roots)].filter((expression) => expression.kind === 'load');
}

/** How often each expression is an operand, or a root. */
export function countUses(kernel: LoopKernel): ReadonlyMap<ScalarExpression, number> {
  const uses = new Map<ScalarExpression, number>();
  const visit = (expression: ScalarExpression): void => {
    const count = (uses.get(expression) ?? 0) + 1;
    uses.set(expression, count);
    if (count === 1) for (const child of childrenOf(expression)) visit(child);
  };
  for (const root of kernel.stages.flatMap(stageRoots)) visit(root);
  return uses;
}

/** Loads that are reached only through a branch of `select`, or a second operand of `and` or `or`. */
export function guardedLoads(kernel: LoopKernel): ReadonlySet<ScalarExpression> {
  const open = new Set<ScalarExpression>();
  const visitOpen = (expression: ScalarExpression): void => {
    if (open.has(expression)) return;
    open.add(expression);
    const lazy =
      expression.kind === 'apply' &&
      (expression.fn === 'select' || expression.fn === 'and' || expression.fn === 'or');
    const children = childrenOf(expression);
    for (const child of lazy ? children.slice(0, 1) : children) visitOpen(child);
  };
  const roots = kernel.stages.flatMap(stageRoots);
  for (const root of roots) visitOpen(root);
  return new Set(loadsOf(roots).filter((load) => !open.has(load)));
}
