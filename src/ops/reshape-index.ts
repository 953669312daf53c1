/** The index map of `reshape`: axes that only pass through keep their index; the rest goes by row-major position. */
import { constantDim, equalDims, multiplyDims, type Dim } from '../ir/dim.ts';
import { linearIndex, unlinearIndex, type Scalar } from '../ir/scalar-builder.ts';

/** Runs of axes, of both shapes, with equal products. */
interface AxisGroup {
  readonly from: readonly [start: number, end: number];
  readonly to: readonly [start: number, end: number];
}

/** The operand's index of the element that stands at `index` in the result. */
export function reshapeIndex(
  index: readonly Scalar[],
  operand: readonly Dim[],
  result: readonly Dim[],
): readonly Scalar[] {
  return groupAxes(operand, result).flatMap(({ from, to }) => {
    const inner = operand.slice(...from);
    const outer = result.slice(...to);
    if (inner.length === 0) return [];
    return unlinearIndex(linearIndex(index.slice(...to), outer), inner);
  });
}

/** Cuts both shapes wherever the products so far agree; axes of size 1 join no group of others. */
function groupAxes(operand: readonly Dim[], result: readonly Dim[]): readonly AxisGroup[] {
  const left = prefixes(operand);
  const right = prefixes(result);
  const groups: AxisGroup[] = [];
  let [i, j] = [0, 0];
  for (let nextI = 1; nextI < left.length; nextI++) {
    const product = left[nextI];
    // The earliest place at or after the last cut: later axes of size 1 then form groups of their own.
    const nextJ = right.findIndex(
      (other, at) => at >= j && product !== undefined && equalDims(other, product),
    );
    if (nextJ < 0) continue;
    groups.push({ from: [i, nextI], to: [j, nextJ] });
    [i, j] = [nextI, nextJ];
  }
  if (i < operand.length) groups.push({ from: [i, operand.length], to: [j, result.length] });
  return groups;
}

/** Products of the first 0, 1, … dims. */
function prefixes(shape: readonly Dim[]): readonly Dim[] {
  const products: Dim[] = [constantDim(1)];
  let product = constantDim(1);
  for (const dim of shape) {
    product = multiplyDims(product, dim);
    products.push(product);
  }
  return products;
}
