/** Which axis of what is kept counts the rows of the batch: the one by which texts move. */
import { equalDims, symbolsOf, type Dim } from './dim.ts';

/** `none`: the same for all rows. `mixed`: no axis has the rows alone. */
export function rowAxis(shape: readonly Dim[], rows: Dim): number | 'none' | 'mixed' {
  const [symbol = ''] = symbolsOf(rows);
  const axes = shape.flatMap((dim, axis) => (symbolsOf(dim).includes(symbol) ? [axis] : []));
  const [axis, ...more] = axes;
  if (axis === undefined) return 'none';
  const dim = shape[axis];
  return more.length === 0 && dim !== undefined && equalDims(dim, rows) ? axis : 'mixed';
}
