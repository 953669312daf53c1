/** Hash-consing of scalar expressions: equal expressions become one object, so that each is computed once. */
import { unreachable } from '../diagnostics/diagnostic.ts';
import { printDim } from './dim.ts';
import type { ScalarExpression } from './scalar.ts';

/** Maps an expression to the one object that stands for all equal to it. The table lives as long as the function. */
export type InternScalar = (expression: ScalarExpression) => ScalarExpression;

export function scalarInterner(): InternScalar {
  const byKey = new Map<string, ScalarExpression>();
  const numbers = new Map<ScalarExpression, number>();
  /** An expression shared many times over is walked once. */
  const memo = new Map<ScalarExpression, ScalarExpression>();

  return function intern(expression) {
    const known = memo.get(expression);
    if (known !== undefined) return known;
    const rebuilt = withInternedChildren(expression, intern);
    const key = keyOf(rebuilt, (child) => numbers.get(child) ?? -1);
    const result = byKey.get(key) ?? rebuilt;
    if (result === rebuilt) {
      byKey.set(key, rebuilt);
      numbers.set(rebuilt, numbers.size);
      memo.set(rebuilt, rebuilt);
    }
    memo.set(expression, result);
    return result;
  };
}

function withInternedChildren(expression: ScalarExpression, intern: InternScalar): ScalarExpression {
  switch (expression.kind) {
    case 'load':
      return { ...expression, index: expression.index.map(intern) };
    case 'random':
      return { ...expression, index: intern(expression.index) };
    case 'apply':
      return { ...expression, args: expression.args.map(intern) };
    default:
      return expression;
  }
}

/** Equal exactly for equal expressions, given that the children are interned. */
function keyOf(expression: ScalarExpression, number: (child: ScalarExpression) => number): string {
  switch (expression.kind) {
    case 'literal':
      return `literal ${expression.dtype} ${Object.is(expression.value, -0) ? '-0' : expression.value}`;
    case 'axis':
      return `axis ${expression.axis}`;
    case 'loop':
      return `loop ${expression.depth}`;
    case 'dim':
      return `dim ${printDim(expression.dim)}`;
    case 'host':
      return `host ${expression.name}`;
    case 'load':
      return `load ${expression.tensor} ${expression.dtype} ${expression.index.map(number).join(' ')}`;
    case 'accumulator':
      return `accumulator ${expression.id} ${expression.dtype}`;
    case 'random':
      return `random ${expression.stream} ${number(expression.index)}`;
    case 'apply':
      return `apply ${expression.fn} ${expression.dtype} ${expression.args.map(number).join(' ')}`;
    default:
      return unreachable(expression, 'scalar expression');
  }
}
