/** Index arithmetic as sums: which axes an element's row-major position depends on, and by how much for each. */
import { addDims, constantDim, equalDims, multiplyDims, productOfDims, type Dim } from '../../ir/dim.ts';
import type { ScalarExpression } from '../../ir/scalar.ts';

export interface AffineTerm {
  /** An axis, a loop position, or an integer expression that is no sum. */
  readonly factor: ScalarExpression;
  readonly coefficient: Dim;
}

/** constant + Σ coefficient · factor; every factor occurs once, and no coefficient is 0. */
export interface Affine {
  readonly constant: Dim;
  readonly terms: readonly AffineTerm[];
}

const ZERO: Affine = { constant: constantDim(0), terms: [] };

const sameFactor = (lhs: ScalarExpression, rhs: ScalarExpression): boolean =>
  lhs === rhs ||
  (lhs.kind === 'axis' && rhs.kind === 'axis' && lhs.axis === rhs.axis) ||
  (lhs.kind === 'loop' && rhs.kind === 'loop' && lhs.depth === rhs.depth);

export function addAffine(lhs: Affine, rhs: Affine): Affine {
  const terms = [...lhs.terms];
  for (const term of rhs.terms) {
    const at = terms.findIndex(({ factor }) => sameFactor(factor, term.factor));
    const known = terms[at];
    if (known === undefined) terms.push(term);
    else terms[at] = { factor: known.factor, coefficient: addDims(known.coefficient, term.coefficient) };
  }
  return {
    constant: addDims(lhs.constant, rhs.constant),
    terms: terms.filter(({ coefficient }) => coefficient.terms.length > 0),
  };
}

export function scaleAffine(affine: Affine, by: Dim): Affine {
  if (by.terms.length === 0) return ZERO;
  return {
    constant: multiplyDims(affine.constant, by),
    terms: affine.terms.map(({ factor, coefficient }) => ({
      factor,
      coefficient: multiplyDims(coefficient, by),
    })),
  };
}

/** The sum that an i32 expression is; what cannot be taken apart is one factor. */
export function affineOf(expression: ScalarExpression): Affine {
  switch (expression.kind) {
    case 'literal':
      return { constant: constantDim(expression.value), terms: [] };
    case 'dim':
      return { constant: expression.dim, terms: [] };
    case 'apply': {
      const [first, second] = expression.args;
      if (first === undefined || expression.dtype !== 'i32') break;
      if (expression.fn === 'negate') return scaleAffine(affineOf(first), constantDim(-1));
      if (second === undefined) break;
      if (expression.fn === 'add') return addAffine(affineOf(first), affineOf(second));
      if (expression.fn === 'subtract')
        return addAffine(affineOf(first), scaleAffine(affineOf(second), constantDim(-1)));
      if (expression.fn === 'multiply') {
        const [left, right] = [affineOf(first), affineOf(second)];
        if (right.terms.length === 0) return scaleAffine(left, right.constant);
        if (left.terms.length === 0) return scaleAffine(right, left.constant);
      }
      break;
    }
    default:
      break;
  }
  return { constant: constantDim(0), terms: [{ factor: expression, coefficient: constantDim(1) }] };
}

/** The row-major position of an element. */
export function affineOffset(index: readonly ScalarExpression[], shape: readonly Dim[]): Affine {
  return index.reduce(
    (sum, step, at) => addAffine(sum, scaleAffine(affineOf(step), productOfDims(shape.slice(at + 1)))),
    ZERO,
  );
}

/** By how much the position grows with an axis; 0 where it does not depend on it. */
export function coefficientOf(affine: Affine, axis: number): Dim {
  const term = affine.terms.find(({ factor }) => factor.kind === 'axis' && factor.axis === axis);
  return term?.coefficient ?? constantDim(0);
}

/** Consecutive axes of a flattened group that a position depends on as on one axis. */
export interface AxisRun {
  /** Places in the group, the last inclusive. */
  readonly first: number;
  readonly last: number;
  readonly coefficient: Dim;
}

/** Cuts the axes of a group into the longest runs in which each axis' coefficient is the next one's times its extent. */
export function axisRuns(
  affine: Affine,
  axes: readonly number[],
  extents: readonly Dim[],
): readonly AxisRun[] {
  const runs: AxisRun[] = [];
  for (let last = axes.length - 1; last >= 0; last--) {
    const coefficient = coefficientOf(affine, axes[last] ?? -1);
    if (coefficient.terms.length === 0) continue;
    let first = last;
    let stride = coefficient;
    for (; first > 0; first--) {
      stride = multiplyDims(stride, extents[first] ?? constantDim(1));
      if (!equalDims(coefficientOf(affine, axes[first - 1] ?? -1), stride)) break;
    }
    runs.unshift({ first, last, coefficient });
    last = first;
  }
  return runs;
}
