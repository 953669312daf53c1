/** The stages of a kernel with other numbers for axes and accumulators, and other places for elements of operands. */
import type { Stage } from './kernel.ts';
import * as scalar from './scalar-builder.ts';
import type { ScalarExpression } from './scalar.ts';

export interface Element {
  readonly operand: number;
  readonly index: readonly ScalarExpression[];
}

export interface StageMap {
  readonly axis?: (axis: number) => number;
  readonly accumulator?: (id: number) => number;
  readonly element?: (element: Element) => Element;
  /** What an expression becomes in place of the above; `visit` maps what is below it. Undefined: as the above say. */
  readonly replace?: (
    expression: ScalarExpression,
    visit: (expression: ScalarExpression) => ScalarExpression,
  ) => ScalarExpression | undefined;
}

const same = <T>(value: T): T => value;

/** What is shared stays shared. */
export function mapStages(stages: readonly Stage[], map: StageMap): readonly Stage[] {
  const { axis = same, accumulator = same, element = same } = map;
  const memo = new Map<ScalarExpression, ScalarExpression>();
  const visit = (expression: ScalarExpression): ScalarExpression => {
    const known = memo.get(expression);
    if (known !== undefined) return known;
    const result = map.replace?.(expression, visit) ?? once(expression);
    memo.set(expression, result);
    return result;
  };
  const once = (expression: ScalarExpression): ScalarExpression => {
    switch (expression.kind) {
      case 'axis':
        return scalar.axis(axis(expression.axis));
      case 'accumulator':
        return { ...expression, id: accumulator(expression.id) };
      case 'load': {
        const { operand, index } = element({
          operand: expression.tensor,
          index: expression.index.map(visit),
        });
        return { ...expression, tensor: operand, index };
      }
      case 'random':
        return { ...expression, index: visit(expression.index) };
      case 'apply':
        return { ...expression, args: expression.args.map(visit) };
      default:
        return expression;
    }
  };
  return stages.map((stage): Stage => {
    const axes = stage.axes.map(axis);
    if (stage.kind === 'map') {
      const stores = stage.stores.map(({ operand, index, value }) => ({
        ...element({ operand, index: index.map(visit) }),
        value: visit(value),
      }));
      return { kind: 'map', axes, stores };
    }
    const accumulators = stage.accumulators.map((each) => ({
      ...each,
      id: accumulator(each.id),
      value: visit(each.value),
    }));
    return { kind: 'reduce', axes, accumulators };
  });
}
